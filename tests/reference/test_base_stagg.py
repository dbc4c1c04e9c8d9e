"""Simulated staggered panel of fixest (95 units, ten periods, nine cohorts) against stored answers."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.model.study import Inference
from references import reference

STORED = 1e-8
"""Answers are stored at full precision; values up to 20 are rounded once at 2^-32."""
NEVER = 10_000


@pytest.fixture(scope="module")
def answers() -> dict:
    return json.loads(reference("answers/base_stagg_sunab.json").read_text())["values"]


@pytest.fixture(scope="module")
def sample() -> ek.MatchedSample:
    data = pd.read_csv(reference("data/base_stagg.csv"))
    data["g"] = data["year_treated"].replace(NEVER, 0)
    panel = ek.Panel.from_frame(data, firm="id", year="year", cohort="g", outcomes=["y"])
    return twins.sample(dataclasses.replace(panel, inference=Inference(correction="cr1")))


@pytest.mark.parametrize(
    ("comparison", "stored"), [("never_treated", "cs_nevertreated"), ("not_yet_treated", "cs_notyettreated")]
)
def test_group_time(sample: ek.MatchedSample, answers: dict, comparison: str, stored: str) -> None:
    """Cohorts of three to five units keep their standard errors; smaller ones would not. Stored without correction."""
    plain = sample.panel.inference.model_copy(update={"correction": "cr1"})
    sample = dataclasses.replace(sample, panel=dataclasses.replace(sample.panel, inference=plain))
    cells = ek.estimate(sample, "group_time", comparison=comparison)
    for by, key in (("event_time", "dynamic"), ("cohort", "group"), ("year", "calendar")):
        level = ek.aggregate(cells, by)
        rows = np.array(answers[stored][key]["rows"])
        np.testing.assert_allclose(level.table[[by, "estimate", "std_error"]].to_numpy(float), rows, atol=STORED)
        overall = ek.aggregate(level).table.iloc[0]
        assert overall["estimate"] == pytest.approx(answers[stored][key]["att"], abs=STORED)
        assert overall["std_error"] == pytest.approx(answers[stored][key]["se"], abs=STORED)
    simple = ek.aggregate(cells).table.iloc[0]
    assert simple["estimate"] == pytest.approx(answers[stored]["simple"]["att"], abs=STORED)
    assert simple["std_error"] == pytest.approx(answers[stored]["simple"]["se"], abs=STORED)


def test_imputation(sample: ek.MatchedSample, answers: dict) -> None:
    cells = ek.estimate(sample, "imputation")
    assert ek.aggregate(cells).table["estimate"].iloc[0] == pytest.approx(answers["bjs_nocov"]["att"], abs=STORED)
    path = ek.aggregate(cells, "event_time").table.set_index("event_time")["estimate"]
    for event, stored in answers["bjs_nocov"]["es"].items():
        assert path[int(event)] == pytest.approx(stored, abs=STORED)
