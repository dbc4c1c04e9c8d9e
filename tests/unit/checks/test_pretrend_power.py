import numpy as np
import pytest

import evalkit as ek
import twins
from evalkit.stats.pretrend_power import power


def check(method: str = "event_study", *, effect: float = 1.0, n: int = 400, **options: object):
    sample = twins.sample(twins.panel(twins.frame(n=n, noise=0.3, seed=3, effect=effect)))
    given = ek.estimate(sample, method)
    return given, ek.check(sample, given, "pretrend_power", **options)


def test_many_firms_see_what_matters() -> None:
    _, result = check()
    assert result.verdict == result.values["case"] == "pass"
    assert result.statistic == result.values["explained"] < 1


def test_few_firms_do_not() -> None:
    _, result = check(effect=0.05, n=60)
    assert (result.verdict, result.statistic >= 1) == ("warn", True)


def test_rows_are_the_formula() -> None:
    given, result = check()
    table = given.table
    pre = np.flatnonzero((table["event_time"] < -1).to_numpy())
    times = table["event_time"].to_numpy(dtype=float)[pre] + 1
    after = table["event_time"].to_numpy(dtype=float)[(table["event_time"] >= 0).to_numpy()] + 1
    mean = table.loc[table["event_time"] >= 0, "estimate"].mean()
    for row in result.rows:
        drift = row["slope"] * times
        assert power(drift, given.vcov[np.ix_(pre, pre)]) == pytest.approx(row["power"], abs=1e-5)
        assert row["explained"] == pytest.approx(row["slope"] * after.mean() / abs(mean), rel=1e-9)


def test_estimates_without_years_before_say_so() -> None:
    _, result = check("imputation")
    assert (result.verdict, result.values["case"]) == ("info", "no_pre_period")
