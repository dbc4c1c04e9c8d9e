"""Covariates and conditions at baseline on a grid made by hand."""

import math

import numpy as np
import pyarrow as pa
import pytest

import etl_inputs as given
from evalkit.errors import DesignError
from evalkit.etl.panel.baseline import Baseline, baseline_period
from evalkit.etl.panel.firm_years import Categories, Grid
from evalkit.model.study import Condition
from evalkit.model.study_covariates import Covariate

COLUMNS = {
    "number:v": np.array([[1.0, 4.0, np.nan], [2.0, 0.0, np.nan]]),
    "category:k": Categories(np.array([[0, 0, 1], [1, -1, -1]], np.int32), pa.array(["p", "q"])),
}
GRID = Grid(pa.array(["a", "b", "c"]), (2018, 2019), COLUMNS)
RECORDS = pa.table({"firm_id": ["a", "c"], "number:s": [1.0, 3.0], "category:k": ["r", "r"]})


def at(period, records=None):
    return Baseline(given.study(), GRID, records, period)


@pytest.mark.parametrize(
    ("short", "period", "values"),
    [
        ("v", 2018, [1.0, 4.0, None]),
        ("log_v", 2019, [math.log(2), None, None]),
        ("asinh_v", 2019, [math.asinh(2), 0.0, None]),
        ("v_growth", 2019, [math.log(2), None, None]),
        ("k", 2018, ["p", "p", "q"]),
    ],
)
def test_covariates(short, period, values):
    found, kind = at(period).covariate(Covariate.from_short(short))
    assert found.to_pylist() == pytest.approx(values) if kind == "number" else found.to_pylist() == values


def test_firm_records_come_first_and_absent_firms_are_null():
    found, kind = at(2018, RECORDS).covariate(Covariate.from_short("k"))
    assert (found.to_pylist(), kind) == (["r", None, "r"], "category")


@pytest.mark.parametrize(
    ("condition", "is_met"),
    [
        ({"column": "v", "at": "baseline", "min": 1, "max": 4}, [True, True, False]),
        ({"column": "v", "at": "baseline", "max": 1}, [True, False, False]),
        ({"column": "k", "at": "baseline", "in": ("ｑ",)}, [False, False, True]),
        ({"column": "s", "min": 2}, [False, False, True]),
    ],
)
def test_conditions(condition, is_met):
    assert at(2018, RECORDS).meets(Condition.model_validate(condition)).tolist() == is_met


def test_growth_needs_the_period_before():
    with pytest.raises(DesignError) as error:
        at(2018).covariate(Covariate.from_short("v_growth"))
    assert error.value.code == "E_BASELINE"


@pytest.mark.parametrize(
    ("cohort", "anticipation", "period"),
    [([0, 2020, 2021], 0, 2019), ([0, 2020, 2021], 1, 2018), ([2016, 2018, 2022], 0, 2021), ([2016, 2030], 0, 2018)],
)
def test_the_baseline_lies_before_the_first_cohort_inside_the_study(cohort, anticipation, period):
    data = given.study_dict()
    data["treatment"]["anticipation"] = anticipation
    assert baseline_period(given.study(data), np.array(cohort)) == period
