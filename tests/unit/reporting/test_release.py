"""What a release holds, against numbers worked out by hand."""

import math

import numpy as np
import pytest

import reports
from evalkit.model.flow import Flow, FlowStep
from evalkit.reporting.page import Page
from evalkit.reporting.release import release
from evalkit.reporting.sections import flow
from evalkit.reporting.words import words

PRINTED = 1e-9  # values are kept to ten significant digits
Z = 1.959963984540054


@pytest.fixture(scope="module")
def made():
    return release(reports.evaluation())


def _overall(made, outcome):
    return next(r for r in made.tables["effects/group_time/overall"] if r.labels["outcome"] == outcome)


def test_a_log_effect_in_per_cent_and_in_yen(made):
    row = _overall(made, "sales")
    cells = {2018: 4, 2019: 3, 2020: 2}
    mass = np.repeat(list(reports.COHORTS.values()), list(cells.values())).astype(float)
    error = reports.ERROR * math.sqrt(((mass / mass.sum()) ** 2).sum())
    low, high = 0.05 - Z * error, 0.05 + Z * error
    for quantity, b in (("percent", 0.05), ("percent_low", low), ("percent_high", high)):
        assert made.value(row, quantity) == pytest.approx(100 * math.expm1(b), rel=PRINTED)
    assert made.value(row, "level") == pytest.approx(3e8 * math.expm1(0.05), rel=PRINTED)
    assert made.value(row, "level_low") == pytest.approx(3e8 * math.expm1(low), rel=PRINTED)
    assert made.numbers[row.numbers["level"]].unit == "yen"
    assert made.value(row, "baseline") == 3e8


def test_other_scales(made):
    hours, exits, assets = (_overall(made, o) for o in ("hours", "exit", "assets"))
    assert made.value(hours, "level") == -2.0
    assert made.value(hours, "percent") == pytest.approx(-5.0, rel=PRINTED)
    assert made.value(exits, "level") == pytest.approx(0.1, rel=PRINTED)
    assert made.numbers[exits.numbers["level"]].unit == "percentage_point"
    assert "percent" not in exits.numbers
    assert made.numbers[assets.numbers["level"]].unit == "asinh"


def test_the_band_is_wider_than_the_intervals(made):
    rows = [r for r in made.tables["effects/group_time/event_time"] if r.labels["outcome"] == "sales"]
    assert [r.labels["event_time"] for r in rows] == list(range(-3, 4))
    for row in rows:
        assert made.value(row, "percent_band_low") < made.value(row, "percent_low")
        assert made.value(row, "percent_band_high") > made.value(row, "percent_high")


def test_reasons_carry_no_counts(made):
    assert made.tables["flow"][0].labels["reasons"] == ("E_DATE",)


def test_what_a_step_changed_in_place_is_counted():
    steps = (FlowStep("units: sales", "firm-years", 100, 100, reason="times 10: 12, divided by 1000: 9, no count"),)
    made = release(reports.evaluation(study=reports.study(disclosure={"threshold": 10}), flow=Flow(steps)))
    row = made.tables["flow"][0]
    assert row.labels["reasons"] == ("times 10", "divided by 1000")
    assert [made.value(row, f"changed_{k}") for k in range(2)] == [12, None]
    text = flow.render(Page(made, words("en"), {})).striptags()
    assert "10 times the years beside it: 12, a thousandth of the years beside it: [X]" in text


def test_two_estimates_of_one_method_have_their_own_ids():
    asked = reports.study()
    both = release(reports.evaluation(effects=(reports.effects(asked), reports.effects(asked))))
    assert {"effects/group_time/overall", "effects/group_time-2/overall"} <= set(both.tables)
    assert "effects.group_time-2.overall.sales.percent" in both.numbers


def test_as_a_table(made):
    frame = made.to_frame()
    assert list(frame.columns) == ["id", "value", "unit", "estimand", "outcome", "method"]
    assert len(frame) == len(made.numbers)
    assert "hidden" in made._repr_html_()
