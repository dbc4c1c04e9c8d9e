"""Short forms and defaults of the study schema."""

import pydantic
import pytest

from evalkit.model.study import MethodSpec, Outcome, Period
from evalkit.model.study_covariates import Covariate


@pytest.mark.parametrize(
    ("short", "column", "transform"),
    [
        ("log_sales", "sales", "log"),
        ("asinh_profit", "profit", "asinh"),
        ("sales_growth", "sales", "growth"),
        ("industry", "industry", "level"),
        ("logistics", "logistics", "level"),
    ],
)
def test_short_forms_of_covariates(short: str, column: str, transform: str) -> None:
    found = Covariate.from_short(short)
    assert (found.name, found.column, found.transform) == (short, column, transform)


def test_an_outcome_is_its_own_column_unless_said_otherwise() -> None:
    assert Outcome(name="sales").column == "sales"
    assert Outcome(name="log_sales", column="sales").column == "sales"


def test_options_are_all_but_the_method() -> None:
    spec = MethodSpec.model_validate({"method": "exact", "on": ["a", "b"], "x": 1})
    assert spec.options == {"on": ("a", "b"), "x": 1}


@pytest.mark.parametrize("text", ["4-1", "13-01", "00-10", "04-32"])
def test_a_fiscal_year_starts_on_a_month_and_day(text: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="MM-DD"):
        Period(first=2010, last=2012, fiscal_year_start=text)


def test_records_are_frozen() -> None:
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        Outcome(name="sales").name = "x"
