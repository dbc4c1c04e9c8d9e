"""Precision and recall counted by hand."""

import math

import pyarrow as pa
import pytest

from evalkit.errors import DataError
from evalkit.etl.linking.evaluate import LinkQuality, evaluate_links
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
