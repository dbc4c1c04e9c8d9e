import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

import evalkit as ek
import twins
from evalkit.stats.attrition import Overall, attrition_at
from evalkit.stats.lee_bounds import Arm, lee_bounds
from evalkit.stats.observed import Observed

EXACT = 1e-10
SIZE_REPETITIONS = 400


def check(long: pd.DataFrame, **options: object):
    return ek.check(twins.sample(twins.panel(long)), (), "attrition", **options)


def gone(long: pd.DataFrame, treated: float, control: float, seed: int = 99) -> pd.DataFrame:
    """Shares of supported and of other firms leave for good, in a year that has no say in awards."""
    rng = np.random.default_rng(seed)
    firms = long.groupby("firm")["g"].first()
    leaves = rng.random(len(firms)) < np.where(firms > 0, treated, control)
    last = pd.Series(np.where(leaves, rng.integers(2012, 2015, len(firms)), 9999), index=firms.index)
    return long[long["year"] <= long["firm"].map(last)]


def test_shares_and_bounds_are_those_of_each_cohort_averaged() -> None:
    long = gone(twins.frame(400, periods=7), 0.1, 0.25)
    wide = long.pivot_table(index="firm", columns="year", values="y")
    g = long.groupby("firm")["g"].first().reindex(wide.index)
    result = check(long)
    for row in result.rows:
        total, mass = np.zeros(4), 0
        for cohort in (2013, 2014, 2015):
            at = cohort + row["event_time"]
            if at not in wide.columns:
                continue
            both = wide[wide[cohort - 1].notna()]
            sides = [(both[at] - both[cohort - 1])[g[both.index] == label] for label in (cohort, 0)]
            bounds = lee_bounds(*(Arm(s.to_numpy(), np.ones(len(s))) for s in sides))
            total += len(sides[0]) * np.array([*(s.isna().mean() for s in sides), bounds.low, bounds.high])
            mass += len(sides[0])
        mine = [row[k] for k in ("share_missing_treated", "share_missing_control", "low", "high")]
        assert mine == pytest.approx(total / mass, abs=EXACT)
        assert row["n_treated"] == mass


def test_nobody_missing_gives_the_effect_itself() -> None:
    long = twins.frame(300)
    result = check(long)
    whole = ek.aggregate(ek.estimate(twins.sample(twins.panel(long)), "group_time")).table
    assert (result.verdict, result.statistic) == ("pass", 0)
    assert (result.values["low"], result.values["high"]) == pytest.approx((whole["estimate"][0],) * 2, abs=EXACT)
    assert result.values["p_value"] == 1


@pytest.mark.parametrize(
    ("treated", "control", "verdict"),
    [(0.1, 0.1, "pass"), (0.05, 0.08, "pass"), (0.0, 0.12, "warn"), (0.5, 0.0, "fail")],
)
def test_PAN10_differential_exit_is_seen(treated: float, control: float, verdict: str) -> None:
    result = check(gone(twins.frame(3000), treated, control))
    assert result.verdict == result.values["case"] == verdict
    assert result.values["low"] <= result.values["high"]


def test_failing_firms_that_leave_are_inside_the_bounds() -> None:
    """Supported firms with falling outcomes leave: the plain effect is too high, and the bounds hold the truth."""
    long, truth = twins.frame(4000, effect=0.0, seed=5), 0.0
    wide = long.pivot_table(index="firm", columns="year", values="y")
    g = long.groupby("firm")["g"].first()
    falls = {f for f in wide.index[g > 0] if wide.loc[f, g[f]] - wide.loc[f, g[f] - 1] < -0.35}
    left = long[~(long["firm"].isin(falls) & (long["year"] >= long["g"]))]
    result = check(left)
    plain = ek.aggregate(ek.estimate(twins.sample(twins.panel(left)), "group_time")).table["estimate"][0]
    assert result.verdict in ("warn", "fail")
    assert plain > 0.05
    assert result.values["conf_low"] <= truth <= result.values["conf_high"]


def test_size_of_the_test_that_firms_go_missing_alike() -> None:
    rejected = 0
    for seed in range(SIZE_REPETITIONS):
        rng = np.random.default_rng(seed)
        y = np.where(np.arange(5) >= rng.integers(2, 9, 150)[:, None], np.nan, rng.normal(size=(150, 5)))
        firms = Observed(y, np.ones(150), rng.choice([0, 2, 3], 150).astype(np.int32), tuple(range(5)), 0)
        overall = Overall.none(150)
        for event_time in range(3):
            overall.add(attrition_at(firms, event_time))
        rejected += abs(overall.total[0]) > 1.959964 * np.sqrt((overall.total_influence[:, 0] ** 2).sum())
    low, high = binom.ppf([0.001, 0.999], SIZE_REPETITIONS, 0.05)
    assert low <= rejected <= high


def test_clusters_count_as_one() -> None:
    long = gone(twins.frame(300), 0.1, 0.3)
    long["town"] = "T" + long["firm"].str[-2:-1]
    alone = check(long)
    together = ek.check(twins.sample(twins.panel(long, clusters=["town"])), (), "attrition")
    assert alone.values["low"] == together.values["low"]
    assert alone.values["conf_low"] != together.values["conf_low"]


def test_nobody_seen_after_an_award_is_said() -> None:
    long = twins.frame(100)
    result = check(long[(long["g"] == 0) | (long["year"] < long["g"])])
    assert (result.verdict, result.values["case"], result.statistic) == ("info", "not_seen", None)
