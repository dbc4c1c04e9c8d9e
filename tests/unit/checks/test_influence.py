import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.engine.firm_paths import firm_paths
from evalkit.stats.firm_influence import concentration, most_influential, overall_influence
from evalkit.stats.stable_hash import stable_hash

REPETITIONS = 20


def check(long: pd.DataFrame, method: str = "group_time"):
    sample = twins.sample(twins.panel(long))
    return ek.check(sample, ek.estimate(sample, method), "influence")


def giants(long: pd.DataFrame, n: int, by: float) -> pd.DataFrame:
    """A few supported firms whose outcome leaps with the award."""
    chosen = sorted(long.loc[long["g"] > 0, "firm"].unique())[:n]
    return long.assign(y=long["y"] + by * (long["firm"].isin(chosen) & (long["year"] >= long["g"])))


def test_influence_is_what_leaving_a_firm_out_does() -> None:
    long = twins.frame(150, missing=0.05)
    sample = twins.sample(twins.panel(long))
    psi = overall_influence(firm_paths(sample, sample.panel.outcomes[0]))
    whole = ek.aggregate(ek.estimate(sample, "group_time")).table["estimate"][0]
    for i in range(0, 150, 10):
        weight = np.ones(150)
        weight[i] = 0
        without = ek.aggregate(ek.estimate(dataclasses.replace(sample, weight=weight), "group_time"))
        assert whole - without.table["estimate"][0] == pytest.approx(psi[i], abs=0.12 * np.abs(psi).max())
    assert psi.sum() == pytest.approx(0, abs=1e-12)


def test_squares_add_up_to_the_variance() -> None:
    """Exactly, where cohorts do not differ in their effects, so that shares have no say."""
    long = twins.frame(300)
    long["g"] = np.where(long["g"] > 0, 2013, 0)
    sample = twins.sample(twins.panel(long))
    psi = overall_influence(firm_paths(sample, sample.panel.outcomes[0]))
    error = ek.aggregate(ek.estimate(sample, "group_time")).table["std_error"][0]
    assert np.sqrt((psi**2).sum()) == pytest.approx(error, rel=1e-8)


def test_steps_are_those_of_estimates_without_the_firms() -> None:
    long = twins.frame(400)
    sample = twins.sample(twins.panel(long))
    effects = ek.estimate(sample, "event_study")
    psi = overall_influence(firm_paths(sample, sample.panel.outcomes[0]))
    order = np.argsort(-np.abs(psi))
    whole = ek.aggregate(effects).table.iloc[0]
    for row in ek.check(sample, effects, "influence").rows:
        weight = np.ones(400)
        weight[order[: row["left_out"]]] = 0
        again = ek.aggregate(ek.estimate(dataclasses.replace(sample, weight=weight), "event_study")).table.iloc[0]
        moved = abs(again["estimate"] - whole["estimate"]) / whole["std_error"]
        assert row["errors_moved"] == max(s for s in (0, 0.25, 0.5, 1, 2) if moved >= s)


def test_many_ordinary_firms_pass() -> None:
    verdicts = [check(twins.frame(600, periods=5, seed=s)).verdict for s in range(REPETITIONS)]
    assert verdicts.count("pass") >= 0.95 * REPETITIONS


def test_five_giants_that_make_the_effect_fail() -> None:
    result = check(giants(twins.frame(600, effect=-0.05, noise=0.1, seed=3), 5, 40.0))
    assert result.verdict in ("fail", "warn")
    assert result.values["case"] in ("turned", "moved")
    assert result.statistic >= 1


def test_an_effect_that_turns_its_sign_fails() -> None:
    """Ten firms leap further than chance explains, and all others fall a little."""
    result = check(giants(twins.frame(400, effect=-0.02, noise=0.02, seed=3), 10, 5.0))
    assert (result.verdict, result.values["case"]) == ("fail", "turned")


def test_one_firm_that_outweighs_all_is_told() -> None:
    result = check(giants(twins.frame(400, effect=0.0, noise=1e-4, seed=3), 1, 50.0))
    assert result.values["is_concentrated"]
    assert concentration(np.array([3.0, -1.0, 1.0])) == pytest.approx((9 / 11, 10 / 11))


def test_nothing_exact_is_told() -> None:
    """Steps only: neither an effect without a firm nor the firm itself."""
    result = check(twins.frame(400))
    numbers = [v for row in (*result.rows, result.values) for v in row.values() if isinstance(v, float)]
    assert set(numbers) <= {0.0, 0.25, 0.5, 1.0, 2.0}


def test_equal_influences_are_ranked_by_hash_not_by_place() -> None:
    sample = twins.sample(twins.panel(twins.frame(50)))
    key = stable_hash(sample.panel.firm, 0)
    assert np.array_equal(most_influential(np.ones(50), key), np.argsort(key))


def test_few_supported_firms_are_said() -> None:
    long = twins.frame(200)
    few = sorted(long.loc[long["g"] > 0, "firm"].unique())[9:]
    result = check(long[~long["firm"].isin(few)])
    assert (result.verdict, result.values["case"]) == ("info", "too_few")


def test_an_estimate_that_cannot_be_made_again_is_no_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalkit.checks.influence.without", lambda *_: None)
    result = check(twins.frame(400, effect=-1.0))
    assert (result.verdict, result.values["case"]) == ("info", "too_few")
