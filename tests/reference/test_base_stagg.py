"""Simulated staggered panel of fixest (95 units, ten periods, nine cohorts) against stored answers."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.estimation import sun_abraham
from evalkit.model.study import Inference
from evalkit.stats.own_regressors import fit_own
from references import reference

STORED = 1e-8
"""Answers are stored at full precision; values up to 20 are rounded once at 2^-32."""
ATT, ERROR = 1e-7, 1e-6
"""The tolerances stored with the answers of regressions."""
NEVER = 10_000


@pytest.fixture(scope="module")
def answers() -> dict:
    return json.loads(reference("answers/base_stagg_sunab.json").read_text())["values"]


@pytest.fixture(scope="module")
def sample() -> ek.MatchedSample:
    data = pd.read_csv(reference("data/base_stagg.csv"))
    data["g"] = data["year_treated"].replace(NEVER, 0)
    panel = ek.Panel.from_frame(data, firm="id", year="year", cohort="g", outcomes=["y"], time_varying=["x1"])
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


def test_imputation_beside_a_covariate_by_year(sample: ek.MatchedSample, answers: dict) -> None:
    cells, stored = ek.estimate(sample, "imputation", time_varying=("x1",)), answers["bjs_x1"]
    assert ek.aggregate(cells).table["estimate"].iloc[0] == pytest.approx(stored["att"], abs=STORED)
    path = ek.aggregate(cells, "event_time").table.set_index("event_time")["estimate"]
    assert sorted(path.index) == sorted(int(e) for e in stored["es"])
    for event, expected in stored["es"].items():
        assert path[int(event)] == pytest.approx(expected, abs=STORED)


def test_sun_abraham_beside_a_covariate_by_year(sample: ek.MatchedSample, answers: dict) -> None:
    """Shares are fixed there: averages are made from the cells and their covariance."""
    cells = ek.estimate(sample, "sun_abraham", time_varying=("x1",))
    event = cells.table["event_time"].to_numpy(dtype=int)
    groups = {(int(e),): event == e for e in np.unique(event)} | {"all": event >= 0}
    stored = {(int(e),): answers["sunab_es"][e] for e in answers["sunab_es"]} | {"all": answers["sunab_att"]}
    assert set(groups) == set(stored)
    for key, inside in groups.items():
        weight = np.where(inside, cells.table["n_treated"].to_numpy(float), 0.0)
        weight /= weight.sum()
        assert weight @ cells.table["estimate"] == pytest.approx(stored[key]["att"], abs=ATT)
        error = np.sqrt(weight @ cells.vcov @ weight)
        assert error == pytest.approx(stored[key]["se_fixest"], abs=ERROR)
        assert error / np.sqrt(answers["sunab_adj"]) == pytest.approx(stored[key]["se_CR0"], abs=ERROR)


def test_slope_of_the_covariate_beside_cohorts_and_years(sample: ek.MatchedSample, answers: dict) -> None:
    problem = sun_abraham.Method(time_varying=("x1",)).problem(sample)
    periods = sample.panel.periods
    fit = fit_own(problem.own.moments[0], problem.own.names, problem.designs[0], np.ones(10, dtype=bool), periods)
    assert fit.slopes == pytest.approx([answers["sunab_x1"]], abs=ATT)


def test_two_way_effects_beside_a_covariate_by_year(sample: ek.MatchedSample, answers: dict) -> None:
    one = ek.estimate(sample, "twfe", time_varying=("x1",)).table.iloc[0]
    assert one["estimate"] == pytest.approx(answers["twfe_static"]["est"], abs=ATT)
    assert one["std_error"] == pytest.approx(answers["twfe_static"]["se_fixest"], abs=ERROR)
    path = ek.estimate(sample, "event_study", time_varying=("x1",)).table.set_index("event_time")
    assert sorted(path.index) == sorted(int(e) for e in answers["twfe_es"])
    for event, expected in answers["twfe_es"].items():
        assert path.loc[int(event), "estimate"] == pytest.approx(expected["est"], abs=ATT)
        assert path.loc[int(event), "std_error"] == pytest.approx(expected["se_fixest"], abs=ERROR)
