"""Parity with R MatchIt on the LaLonde data: propensity score, nearest-neighbour pairs, effect and balance."""

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.stats.covariates import read_covariates
from evalkit.stats.distances import places
from references import reference

PROPENSITY = 1e-8
"""R's glm stops at a relative change of the deviance of 1e-8; scores are then right to about 1e-9."""
EFFECT = 1e-8
"""Relative; the same pairs give the same mean difference."""
PRINTED = 1e-9
"""Relative; twelve digits were printed."""
BALANCE = 1e-6
"""Stored tolerance of the balance table."""
PUBLISHED_EFFECT = 894.3675
"""Printed by MatchIt for 1:1 nearest-neighbour matching."""
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


def test_pairs_and_effect_with_ties_going_to_the_first_firm() -> None:
    """MatchIt breaks ties by row. Firm ids here follow its rows, so the first firm is its first row."""
    wanted = answers()["nn_default_largest"]
    sample = nearest(ties="first")
    pairs = sample.pairs.to_pandas()
    found = zip((pairs["treated"] + 1).tolist(), (pairs["control"] + 1).tolist(), strict=True)
    assert sorted(found) == [(a, b) for a, (b,) in wanted["pairs"]]
    re78 = data()["re78"].to_numpy()
    assert np.average(re78, weights=sample.weight * (data()["treat"] == 1)) - np.average(
        re78, weights=sample.weight * (data()["treat"] == 0)
    ) == pytest.approx(wanted["att"], rel=EFFECT)
    assert wanted["att"] == pytest.approx(PUBLISHED_EFFECT, abs=5e-5)
    assert (sample.n_treated, sample.n_control, sample.effective_controls) == (185, 185, 185)


def test_mahalanobis_pairs_and_effect() -> None:
    """MatchIt 4.5.1: matchit(treat ~ ..., distance = "mahalanobis", m.order = "data") and mahalanobis_dist."""
    sample = ek.match(panel(), "nearest", distance="mahalanobis", m_order="data", ties="first")
    pairs = sample.pairs.to_pandas()
    assert (pairs["control"][:12] + 1).tolist() == [553, 526, 601, 608, 585, 557, 537, 411, 515, 578, 540, 566]
    re78 = data()["re78"].to_numpy()
    assert re78[pairs["treated"]].mean() - re78[pairs["control"]].mean() == pytest.approx(516.6367, abs=5e-5)
    treated = panel().cohort > 0
    place, _ = places(read_covariates(panel(), COVARIATES), treated, "mahalanobis")
    apart = np.linalg.norm(place[[0, 1, 49]][:, None] - place[[185, 186, 384]][None], axis=2)
    wanted = [
        [7.10120013758, 7.31990987530, 5.24639128801], [6.77228704371, 6.77686048874, 3.99484624413],
        [6.09395801619, 6.13734875931, 3.96962779685],
    ]  # fmt: skip
    np.testing.assert_allclose(apart, wanted, rtol=PRINTED)


@pytest.mark.parametrize("seed", range(3))
def test_every_seed_makes_pairs_with_the_same_scores(seed: int) -> None:
    sample = nearest()
    score, pairs = sample.distance, ek.match(panel(), "nearest", distance="score", seed=seed).pairs.to_pandas()
    wanted = np.array([(a - 1, b - 1) for a, (b,) in answers()["nn_default_largest"]["pairs"]])
    found = sorted(zip(score[pairs["treated"]], score[pairs["control"]], strict=True))
    np.testing.assert_array_equal(found, sorted(map(tuple, score[wanted])))


def test_balance_before_matching() -> None:
    wanted = answers()["unmatched"]["balance"]["all"]
    rows = ek.check(nearest(), (), "balance", binary="standardised").rows
    assert len(rows) == len(wanted) - 1
    for row in rows:
        stored = wanted[row["covariate"] + row["level"]]
        assert row["mean_treated_before"] == pytest.approx(stored["Means Treated"], rel=BALANCE)
        assert row["mean_control_before"] == pytest.approx(stored["Means Control"], rel=BALANCE)
        assert row["smd_before"] == pytest.approx(stored["Std. Mean Diff."], rel=BALANCE)
        assert row["ecdf_mean_before"] == pytest.approx(stored["eCDF Mean"], rel=BALANCE)
        assert row["ks_before"] == pytest.approx(stored["eCDF Max"], rel=BALANCE)
        if stored["Var. Ratio"] is None:
            assert row["variance_ratio_before"] is None
        else:
            assert row["variance_ratio_before"] == pytest.approx(stored["Var. Ratio"], rel=BALANCE)


def test_balance_after_matching() -> None:
    """The stored answer has n - 1 in the deviation of shares as well; MatchIt, and we, have n there."""
    wanted = answers()["nn_default_largest"]
    result = ek.check(nearest(ties="first"), (), "balance", binary="standardised")
    rows = {row["covariate"] + row["level"]: row for row in result.rows}
    for name, stored in wanted["balance"].items():
        assert rows[name]["mean_treated"] == pytest.approx(stored["mean_t"], rel=BALANCE)
        assert rows[name]["mean_control_after"] == pytest.approx(stored["mean_c"], rel=BALANCE)
        is_share = rows[name]["variance_ratio_before"] is None
        factor = np.sqrt(184 / 185) if is_share else 1.0
        assert rows[name]["smd_after"] * factor == pytest.approx(stored["smd"], rel=BALANCE)
