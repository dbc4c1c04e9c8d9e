"""Group-time effects on the county teen-employment panel against stored answers of two independent codes."""

import json

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.stats.wald import wald
from references import reference

STORED = 1e-9
"""Answers are stored at full precision; without covariates values are rounded once at 2^-35 of their range here."""
PRINTED = 1e-6
"""Answers printed to six digits, the last of which may be off by one."""


@pytest.fixture(scope="module", params=["never_dr_nocov", "never_dr_lpop"])
def answer(request: pytest.FixtureRequest) -> dict:
    return json.loads(reference("answers/mpdta_cs.json").read_text())["values"][request.param] | {"name": request.param}


@pytest.fixture(scope="module")
def sample() -> ek.MatchedSample:
    data = pd.read_csv(reference("data/mpdta.csv"))
    panel = ek.Panel.from_frame(
        data, firm="countyreal", year="year", cohort="first.treat", outcomes=["lemp"], covariates=["lpop"]
    )
    return twins.sample(panel)


@pytest.fixture(scope="module")
def cells(answer: dict, sample: ek.MatchedSample) -> ek.Effects:
    return ek.estimate(sample, "group_time", adjustment="doubly_robust" if "lpop" in answer["name"] else "none")


def test_cells(cells: ek.Effects, answer: dict) -> None:
    rows = cells.table.set_index(["cohort", "year"])
    assert len(rows) == len(answer["gt"])
    for cell in answer["gt"]:
        row = rows.loc[(cell["g"], cell["t"])]
        assert row["estimate"] == pytest.approx(cell["att"], abs=STORED)
        assert row["std_error"] == pytest.approx(cell["se"], abs=STORED)


@pytest.mark.parametrize(("by", "stored"), [("event_time", "dynamic"), ("cohort", "group"), ("year", "calendar")])
def test_aggregations(cells: ek.Effects, answer: dict, by: str, stored: str) -> None:
    level = ek.aggregate(cells, by)
    np.testing.assert_allclose(
        level.table[[by, "estimate", "std_error"]].to_numpy(float), answer["agg"][stored]["rows"], atol=STORED
    )
    overall = ek.aggregate(level).table.iloc[0]
    assert overall["estimate"] == pytest.approx(answer["agg"][stored]["att"], abs=STORED)
    assert overall["std_error"] == pytest.approx(answer["agg"][stored]["se"], abs=STORED)


def test_overall(cells: ek.Effects, answer: dict) -> None:
    overall = ek.aggregate(cells).table.iloc[0]
    assert overall["estimate"] == pytest.approx(answer["agg"]["simple"]["att"], abs=STORED)
    assert overall["std_error"] == pytest.approx(answer["agg"]["simple"]["se"], abs=STORED)


def test_cohorts_seen_through_the_first_year_after(cells: ek.Effects, answer: dict) -> None:
    """The stored answer balances the years from the award on; years before it come from the cohorts that have them."""
    stored = answer["agg"]["dynamic_balance_e_1"]
    path = ek.aggregate(cells, "event_time", (0, 1))
    before = ek.aggregate(cells, "event_time", (-2, 1)).table
    rows = pd.concat([before[before["event_time"] < 0], path.table])
    np.testing.assert_allclose(
        rows[["event_time", "estimate", "std_error"]].to_numpy(float), stored["rows"], atol=STORED
    )
    overall = ek.aggregate(path).table.iloc[0]
    assert overall["estimate"] == pytest.approx(stored["att"], abs=STORED)
    assert overall["std_error"] == pytest.approx(stored["se"], abs=STORED)


def test_joint_test_before_the_award(cells: ek.Effects, answer: dict) -> None:
    before = np.flatnonzero((cells.table["event_time"] < 0).to_numpy(dtype=bool))
    part = cells.take(before)
    statistic, dof, p_value = wald(part.table["estimate"].to_numpy(), part.vcov)
    stored = answer["wald_pretest"]
    assert dof == stored["df"]
    assert statistic == pytest.approx(stored["W"], abs=1e-6)
    assert p_value == pytest.approx(stored["p"], abs=1e-6)


@pytest.mark.parametrize(("by", "stored"), [("", "sup_t_crit95_all_gt"), ("event_time", "sup_t_crit95_dynamic")])
def test_band(cells: ek.Effects, answer: dict, by: str, stored: str) -> None:
    simulated = 0.015
    effects = ek.aggregate(cells, by) if by else cells
    critical = ek.simultaneous_band(effects)["critical_value"].iloc[0]
    assert critical == pytest.approx(answer[stored], abs=simulated)


def test_printed_answers(sample: ek.MatchedSample) -> None:
    """As three other codes print them."""
    cells = ek.estimate(sample, "group_time", adjustment="doubly_robust", covariates=["lpop"])
    first = cells.table[cells.table["cohort"] == 2004]
    np.testing.assert_allclose(first["estimate"], [-0.014530, -0.076422, -0.140448, -0.106904], atol=PRINTED)
    np.testing.assert_allclose(first["std_error"], [0.022129, 0.028671, 0.035378, 0.032886], atol=PRINTED)
    path = ek.aggregate(cells, "event_time")
    late = path.table[path.table["event_time"].isin([0, 1])]
    np.testing.assert_allclose(late["estimate"], [-0.021060, -0.053003], atol=PRINTED)
    np.testing.assert_allclose(late["std_error"], [0.011494, 0.016347], atol=PRINTED)
    dynamic = ek.aggregate(path).table.iloc[0]
    assert (round(dynamic["estimate"], 4), round(dynamic["std_error"], 4)) == (-0.0804, 0.0190)
    assert ek.aggregate(cells).table["estimate"][0] == pytest.approx(-0.041751, abs=PRINTED)
    by_cohort = ek.aggregate(cells, "cohort").table["estimate"]
    np.testing.assert_allclose(by_cohort, [-0.084576, -0.020166, -0.028781], atol=PRINTED)
