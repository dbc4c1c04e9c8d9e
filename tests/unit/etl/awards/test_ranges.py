"""Ranges are no amounts, unless the study takes their middle."""

import numpy as np
import pytest

from award_inputs import row, run
from evalkit.etl.awards.ranges import middle

UK = {"layout": "uk-subsidy", "firm_scheme": "corporate_number", "date_order": "ymd", "unit": {}}
UK_COLUMNS = {"firm_id": "法人番号", "award_date": "交付決定日", "amount": "交付決定額", "programme": "programme"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("£500,001 - £1,000,000", 750_000.5),
        ("500001-1000000", 750_000.5),
        ("10 to 20", 15.0),
        ("NA", None),
        ("", None),
        ("over 5,000,000", None),
        ("20 - 10", None),
        ("1-2-3", None),
    ],
)
def test_the_middle_of_a_text(text, expected):
    assert middle(text) == expected


def amounts(folder, declared, rows, **treatment):
    awards, _, flow = run(folder, rows, awards=declared, **treatment)
    found = awards.rows.sort_by("firm_id").column("amount").to_pylist()
    return found, {s.step: s.reason for s in flow.steps}


@pytest.mark.parametrize(("rule", "expected"), [("unknown", [None, 7.0, None]), ("midpoint", [750_000.5, 7.0, None])])
def test_uk_ranges(tmp_path, rule, expected):
    texts = {0: ("", "£500,001 - £1,000,000"), 1: ("7", "0 - 10"), 2: ("", "")}
    rows = [row(i, "2020-05-01", amount, full_range=text) for i, (amount, text) in texts.items()]
    declared = {**UK, "columns": {**UK_COLUMNS, "amount_range": "full_range"}}
    found, steps = amounts(tmp_path, declared, rows, ranges=rule)
    assert sorted(map(str, found)) == sorted(map(str, expected))
    assert steps.get("amount ranges") == (None if rule == "unknown" else "middle of a range taken as the amount: 1")


@pytest.mark.parametrize(("rule", "expected"), [("unknown", [None, 7.0]), ("midpoint", [15.0, 7.0])])
def test_eu_ranges(tmp_path, rule, expected):
    ends = {0: ("", "10", "20"), 1: ("7", "1", "9")}
    rows = [row(i, "2020-05-01", amount, low=low, high=high) for i, (amount, low, high) in ends.items()]
    declared = {
        "layout": "eu-tam", "firm_scheme": "corporate_number", "unit": {},
        "columns": {"firm_id": "法人番号", "award_date": "交付決定日", "amount": "交付決定額", "amount_min": "low",
                    "amount_max": "high"},
    }  # fmt: skip
    found, _ = amounts(tmp_path, declared, rows, ranges=rule)
    assert sorted(map(str, found)) == sorted(map(str, expected))
    assert not np.isnan([f for f in found if f is not None]).any()
