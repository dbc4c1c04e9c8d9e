"""Precision, recall and link rates counted by hand."""

import math

import pyarrow as pa
import pytest

from evalkit.errors import DataError
from evalkit.etl.linking.evaluate import LinkQuality, evaluate_links, link_rates
from evalkit.etl.linking.link import Links
from evalkit.model.flow import Flow

STATUS = ["linked", "linked", "linked", "ambiguous", "unlinked"]
FIRMS = ["1", "2", "3", None, None]
LINKS = Links(
    pa.table({"award_id": list("abcde"), "status": STATUS, "firm_id": FIRMS,
              "legal_form": ["株式会社", "株式会社", None, "株式会社", None]}),
    Flow(),
)  # fmt: skip


def sample(**firm: str | None) -> pa.Table:
    return pa.table({"award_id": list(firm), "firm_id": pa.array(firm.values(), pa.string())})


def test_right_wrong_missed_and_rightly_left_out():
    quality = evaluate_links(LINKS, sample(e=None, d="4", c=None, b="9", a="1"))
    assert quality == LinkQuality(n_labelled=5, n_in_register=3, n_linked=3, n_right=1)
    assert (quality.precision, quality.recall) == (1 / 3, 1 / 3)


def test_nothing_to_divide_by():
    quality = evaluate_links(LINKS, sample(e=None))
    assert math.isnan(quality.precision)
    assert math.isnan(quality.recall)


def test_a_sample_of_other_awards_or_with_one_twice_is_refused():
    for awards in ("az", "aa"):
        with pytest.raises(DataError, match="1 awards") as error:
            evaluate_links(LINKS, pa.table({"award_id": list(awards), "firm_id": ["1", "1"]}))
        assert error.value.code == "E_SAMPLE"


def test_rates_add_up_in_every_column():
    awards = pa.table(
        {"award_id": list("abcde"), "programme": ["P", "Q", "P", "P", None], "year": [2020, 2020, 2021, 2020, 2021]}
    )
    rates = link_rates(LINKS, awards, ["programme", "year"]).to_pylist()
    by = {
        (r["column"], r["level"]): (r["n_awards"], r["linked"], r["ambiguous"], r["unlinked"], r["rate"]) for r in rates
    }
    assert by == {
        ("programme", "P"): (3, 2, 1, 0, 2 / 3),
        ("programme", "Q"): (1, 1, 0, 0, 1.0),
        ("programme", None): (1, 0, 0, 1, 0.0),
        ("year", "2020"): (3, 2, 1, 0, 2 / 3),
        ("year", "2021"): (2, 1, 0, 1, 0.5),
        ("legal_form", "株式会社"): (3, 2, 1, 0, 2 / 3),
        ("legal_form", None): (2, 1, 0, 1, 0.5),
    }
    assert [r["column"] for r in rates] == ["programme"] * 3 + ["year"] * 2 + ["legal_form"] * 2
