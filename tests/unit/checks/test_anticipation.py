import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

import evalkit as ek
import twins

EXACT = 1e-10
SIZE_REPETITIONS, POWER_REPETITIONS = 250, 60


def check(long: pd.DataFrame, **roles: object):
    return ek.check(twins.sample(twins.panel(long, **roles)), (), "anticipation")


def moved(long: pd.DataFrame, by: float, event_time: int = -1) -> pd.DataFrame:
    is_then = (long["g"] > 0) & (long["year"] - long["g"] == event_time)
    return long.assign(y=long["y"] + by * is_then)


def changes(long: pd.DataFrame, at: int, since: int) -> tuple[float, float]:
    """Mean over firms of supported firms' changes less the mean change of others over the same years; its error."""
    wide = long.pivot_table(index="firm", columns="year", values="y")
    g = long.groupby("firm")["g"].first().reindex(wide.index)
    total, psi = 0.0, pd.Series(0.0, index=wide.index)
    cells = []
    for cohort in sorted(c for c in g.unique() if c > 0):
        if cohort + since in wide.columns:
            change = wide[cohort + at] - wide[cohort + since]
            cells.append((change[(g == cohort) & change.notna()], change[(g == 0) & change.notna()]))
    mass = sum(len(t) for t, _ in cells)
    for t, c in cells:
        total += len(t) / mass * (t.mean() - c.mean())
        psi[t.index] += (t - t.mean()) / mass
        psi[c.index] -= len(t) / mass * (c - c.mean()) / len(c)
    return total, float(np.sqrt((psi**2).sum()))


def test_numbers_are_those_of_a_loop_over_cohorts() -> None:
    long = twins.frame(200, periods=7, missing=0.1)
    result = check(long, anticipation=1)
    expected = [changes(long, -2, -3), changes(long, -1, -2)]
    assert [row["event_time"] for row in result.rows] == [-2, -1]
    for row, pair in zip(result.rows, expected, strict=True):
        assert (row["estimate"], row["std_error"]) == pytest.approx(pair, rel=EXACT)


def test_a_dip_before_the_award_is_seen() -> None:
    result = check(moved(twins.frame(600), -0.4))
    assert (result.verdict, result.values["case"]) == ("fail", "dip")
    assert result.values["estimate"] == pytest.approx(-0.4, abs=0.15)


def test_a_rise_before_the_award_is_seen_unless_declared() -> None:
    long = moved(twins.frame(600), 0.4)
    assert check(long).values["case"] == "rise"
    declared = check(long, anticipation=1)
    assert (declared.verdict, declared.values["case"], declared.values["reacting_years"]) == ("pass", "declared", 1)


def test_size_and_power() -> None:
    """True null: rejections within what chance allows at 5 %. A planted change of 2.8 errors: four in five."""
    rejected = [check(twins.frame(150, periods=5, seed=s)).verdict == "fail" for s in range(SIZE_REPETITIONS)]
    low, high = binom.ppf([0.001, 0.999], SIZE_REPETITIONS, 0.055)
    assert low <= sum(rejected) <= high
    error = np.mean([check(twins.frame(150, periods=5, seed=s)).values["std_error"] for s in range(10)])
    seen = [
        check(moved(twins.frame(150, periods=5, seed=s), -2.8 * error)).verdict == "fail"
        for s in range(POWER_REPETITIONS)
    ]
    low, high = binom.ppf([0.001, 0.999], POWER_REPETITIONS, 0.8)
    assert low <= sum(seen) <= high


def test_one_year_before_the_award_is_too_few() -> None:
    long = twins.frame(100)
    result = check(long[long["year"] >= 2012].assign(g=lambda d: np.where(d["g"] > 0, 2013, 0)))
    assert (result.verdict, result.values["case"]) == ("info", "no_years_before")
