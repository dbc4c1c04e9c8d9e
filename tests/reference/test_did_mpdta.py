"""Group-time effects on the county teen-employment panel against stored answers of two independent codes."""

import json

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from references import reference

STORED = 1e-9
"""Answers are stored at full precision; values are rounded once at 2^-35 of their range here."""


@pytest.fixture(scope="module")
def answer() -> dict:
    return json.loads(reference("answers/mpdta_cs.json").read_text())["values"]["never_dr_nocov"]


@pytest.fixture(scope="module")
def cells() -> ek.Effects:
    data = pd.read_csv(reference("data/mpdta.csv"))
    panel = ek.Panel.from_frame(data, firm="countyreal", year="year", cohort="first.treat", outcomes=["lemp"])
    return ek.estimate(twins.sample(panel), "group_time")


def test_cells(cells: ek.Effects, answer: dict) -> None:
    rows = cells.table.set_index(["cohort", "year"])
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


def test_band(cells: ek.Effects, answer: dict) -> None:
    simulated = 0.015
    critical = ek.simultaneous_band(ek.aggregate(cells, "event_time"))["critical_value"].iloc[0]
    assert critical == pytest.approx(answer["sup_t_crit95_dynamic"], abs=simulated)
