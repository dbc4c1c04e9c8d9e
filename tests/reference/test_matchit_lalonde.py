"""Parity with R MatchIt on the LaLonde data: propensity score, nearest-neighbour pairs, effect and balance."""

import dataclasses
import json
from functools import cache

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.stats.neighbours import Points, Rules, nearest_neighbours
from references import reference

PROPENSITY = 1e-8
"""R's glm stops at a relative change of the deviance of 1e-8; scores are then right to about 1e-9."""
EFFECT = 1e-8
"""Relative; the same pairs give the same mean difference."""
BALANCE = 1e-6
"""Stored tolerance of the balance table."""
COVARIATES = ("age", "educ", "race", "married", "nodegree", "re74", "re75")


@cache
def answers() -> dict:
    return json.loads(reference("answers/matchit_lalonde_public.json").read_text())["values"]


@cache
def data() -> pd.DataFrame:
    table = pd.read_csv(reference("data/lalonde_matchit.csv"))
    return table.assign(
        firm=[f"{row:04d}" for row in range(1, len(table) + 1)], g=np.where(table["treat"] == 1, 1978, 0)
    )


@cache
def panel() -> ek.Panel:
    long = data().merge(pd.DataFrame({"year": [1974, 1978]}), how="cross")
    long["earnings"] = np.where(long["year"] == 1978, long["re78"], 0.0)
    return ek.Panel.from_frame(long, firm="firm", year="year", cohort="g", outcomes=["earnings"], covariates=COVARIATES)


def nearest(**options: object) -> ek.MatchedSample:
    return ek.match(panel(), "nearest", distance="score", **options)


def test_propensity_score() -> None:
    wanted, score = answers()["pscore_logit"], nearest().distance
    treated = panel().cohort > 0
    found = [*score[:5], score.mean(), score.min(), score.max(), score[treated].min(), score[~treated].max()]
    names = ("ps_mean", "ps_min", "ps_max", "ps_min_t", "ps_max_c")
    np.testing.assert_allclose(found, [*wanted["ps_first5"], *(wanted[n] for n in names)], atol=PROPENSITY)


def test_pairs_and_effect_with_ties_broken_by_row() -> None:
    """MatchIt breaks ties by row; ours by hash. Handed the row number, the kernel makes the very same 185 pairs."""
    wanted = answers()["nn_default_largest"]
    treated = panel().cohort > 0
    points = Points(nearest().distance, np.zeros(len(treated), np.int64), np.arange(len(treated), dtype=np.uint64))
    found = nearest_neighbours(points.take(treated), points.take(~treated), Rules())
    t, c = np.flatnonzero(treated)[found.treated], np.flatnonzero(~treated)[found.control]
    assert sorted(zip((t + 1).tolist(), (c + 1).tolist(), strict=True)) == [(a, b) for a, (b,) in wanted["pairs"]]
    re78 = data()["re78"].to_numpy()
    assert re78[t].mean() - re78[c].mean() == pytest.approx(wanted["att"], rel=EFFECT)


@pytest.mark.parametrize("seed", range(3))
def test_every_seed_makes_pairs_with_the_same_scores(seed: int) -> None:
    sample = nearest()
    score, pairs = sample.distance, ek.match(panel(), "nearest", distance="score", seed=seed).pairs.to_pandas()
    wanted = np.array([(a - 1, b - 1) for a, (b,) in answers()["nn_default_largest"]["pairs"]])
    found = sorted(zip(score[pairs["treated"]], score[pairs["control"]], strict=True))
    np.testing.assert_array_equal(found, sorted(map(tuple, score[wanted])))


def test_balance_before_matching() -> None:
    wanted = answers()["unmatched"]["balance"]["all"]
    rows = ek.check(nearest(), (), "balance").rows
    assert len(rows) == len(wanted) - 1
    for row in rows:
        stored = wanted[row["covariate"] + row["level"]]
        assert row["mean_treated_before"] == pytest.approx(stored["Means Treated"], rel=BALANCE)
        assert row["mean_control_before"] == pytest.approx(stored["Means Control"], rel=BALANCE)
        assert row["smd_before"] == pytest.approx(stored["Std. Mean Diff."], rel=BALANCE)
        if stored["Var. Ratio"] is None:
            assert row["variance_ratio_before"] is None
        else:
            assert row["variance_ratio_before"] == pytest.approx(stored["Var. Ratio"], rel=BALANCE)


def test_balance_after_matching_the_stored_pairs() -> None:
    """The stored answer has n - 1 in the deviation of shares as well; MatchIt, and we, have n there."""
    wanted = answers()["nn_default_largest"]
    weight = np.zeros(panel().n_firms)
    for a, (b,) in wanted["pairs"]:
        weight[[a - 1, b - 1]] = 1.0
    sample = dataclasses.replace(ek.match(panel()), weight=weight)
    rows = {row["covariate"] + row["level"]: row for row in ek.check(sample, (), "balance").rows}
    for name, stored in wanted["balance"].items():
        assert rows[name]["mean_treated"] == pytest.approx(stored["mean_t"], rel=BALANCE)
        assert rows[name]["mean_control_after"] == pytest.approx(stored["mean_c"], rel=BALANCE)
        is_share = rows[name]["variance_ratio_before"] is None
        factor = np.sqrt(184 / 185) if is_share else 1.0
        assert rows[name]["smd_after"] * factor == pytest.approx(stored["smd"], rel=BALANCE)
