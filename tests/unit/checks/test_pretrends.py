import dataclasses

import numpy as np
import pytest
from scipy import stats

import evalkit as ek
import twins


def effects(method: str = "event_study", trend: float = 0.0, **options: object) -> ek.Effects:
    """Effects of data whose treated firms drift by `trend` a year before the award as well."""
    table = twins.frame(n=400, noise=0.3, seed=3)
    event_time = (table["year"] - table["g"]).where(table["g"] > 0, 0)
    table["y"] = table["y"] + trend * event_time
    return ek.estimate(twins.sample(twins.panel(table)), method, **options)


def check(*given: ek.Effects, sample: ek.MatchedSample | None = None, **options: object):
    return ek.check(sample or twins.sample(twins.panel(twins.frame())), given, "pretrends", **options)


@pytest.mark.parametrize("method", ["event_study", "group_time"])
@pytest.mark.parametrize(("trend", "verdict"), [(0.0, "pass"), (0.5, "fail")])
def test_a_drift_is_found_and_none_is_not(method: str, trend: float, verdict: str) -> None:
    result = check(effects(method, trend))
    assert result.verdict == result.values["case"] == verdict
    assert result.values["method"] == method


def test_statistic_equals_the_textbook_formula() -> None:
    given = effects(trend=0.05)
    pre = np.flatnonzero(given.table["event_time"] < 0)
    b, v = given.table["estimate"].to_numpy()[pre], given.vcov[np.ix_(pre, pre)]
    (row,) = check(given).rows
    assert row["n_pre"] == row["dof"] == len(pre)
    assert row["statistic"] == pytest.approx(b @ np.linalg.solve(v, b), rel=1e-9)
    assert row["p_value"] == pytest.approx(stats.chi2.sf(row["statistic"], len(pre)), rel=1e-9)


def test_the_reference_year_of_a_universal_base_is_not_tested() -> None:
    given = effects("group_time", base="universal")
    times = ek.aggregate(given, "event_time").table["event_time"]
    (row,) = check(given).rows
    assert row["n_pre"] == row["dof"] == ((times < 0) & (times != -1)).sum()


def test_years_in_which_firms_may_anticipate_are_not_tested() -> None:
    panel = dataclasses.replace(twins.panel(twins.frame(n=400, seed=3)), anticipation=1)
    sample = twins.sample(panel)
    given = ek.estimate(sample, "group_time")
    (row,) = check(given, sample=sample).rows
    times = ek.aggregate(given, "event_time").table["event_time"]
    assert (times == -1).any()
    assert row["n_pre"] == (times < -1).sum()


def test_a_secondary_outcome_only_warns() -> None:
    table = twins.frame(n=400, seed=3)
    event_time = (table["year"] - table["g"]).where(table["g"] > 0, 0)
    table["z"] = table["y"] + 0.5 * event_time
    given = ek.estimate(twins.sample(twins.panel(table, ("y", "z"))), "event_study")
    result = check(given)
    assert result.verdict == "warn"
    assert result.values["outcome"] == "y"
    assert "secondary outcome (z)" in result.sentence
    second = tuple(o.model_copy(update={"primary": o.name == "z"}) for o in given.outcomes)
    result = check(dataclasses.replace(given, outcomes=second))
    assert result.verdict == "fail"
    assert result.values["outcome"] == "z"


def test_each_outcome_is_tested_with_its_own_covariance() -> None:
    table = twins.frame(n=400, seed=3)
    table["z"] = 5.0 * table["y"] + np.random.default_rng(2).normal(size=len(table))
    both = check(ek.estimate(twins.sample(twins.panel(table, ("y", "z"))), "group_time")).rows
    alone = [check(ek.estimate(twins.sample(twins.panel(table, (name,))), "group_time")).rows[0] for name in ("y", "z")]
    assert [row["statistic"] for row in both] == pytest.approx([row["statistic"] for row in alone], rel=1e-9)


def test_one_test_per_estimator_and_outcome() -> None:
    result = check(effects(), effects("group_time", trend=0.5))
    assert [row["method"] for row in result.rows] == ["event_study", "group_time"]
    assert result.verdict == "fail"
    assert result.values["method"] == "group_time"
    assert (result.values["n_tests"], result.values["n_rejected"]) == (2, 1)


def test_the_level_is_an_option() -> None:
    p_value = check(effects()).statistic
    assert check(effects(), alpha=min(0.99, p_value * 1.01)).verdict == "fail"
    assert check(effects(), alpha=p_value * 0.99).verdict == "pass"


def test_nothing_left_to_test_is_said() -> None:
    for given in ((), (effects(leads=0),), (ek.aggregate(effects("group_time"), "overall"),)):
        result = check(*given)
        assert (result.verdict, result.values["case"], result.rows) == ("info", "no_pre_period", ())


def test_an_average_over_groups_has_no_say() -> None:
    """The headline is of the first estimate: a drift that only the groups show cannot withhold it."""
    clean, drifting = effects(), effects(trend=0.5)
    by_group = dataclasses.replace(drifting, table=drifting.table.assign(group="a"))
    assert check(clean, drifting).verdict == "fail"
    assert check(clean, by_group).verdict == "pass"
    assert check(by_group, clean).verdict == "fail"
