import numpy as np
import pytest

import evalkit as ek
import twins
from evalkit.stats.trend_bounds import EventPath, relative_magnitudes


def effects(method: str = "event_study", *, drift: float = 0.0, effect: float = 1.0, **options: object) -> ek.Effects:
    """Effects of data whose treated firms drift by `drift` a year, before the award as after it."""
    table = twins.frame(n=400, noise=0.3, seed=3, effect=effect)
    event_time = (table["year"] - table["g"]).where(table["g"] > 0, 0)
    table["y"] = table["y"] + drift * event_time
    return ek.estimate(twins.sample(twins.panel(table)), method, **options)


def check(given: ek.Effects, **options: object):
    sample = twins.sample(twins.panel(twins.frame(n=400, noise=0.3, seed=3)))
    return ek.check(sample, given, "honest_did", **options)


def test_a_clear_effect_without_drift_stands() -> None:
    result = check(effects())
    assert (result.verdict, result.values["case"]) == ("pass", "relative_pass")
    assert result.statistic == result.values["breakdown"] > 1


def test_an_effect_no_larger_than_the_drift_before_does_not() -> None:
    result = check(effects(drift=0.5, effect=0.1))
    assert (result.verdict, result.values["case"]) == ("warn", "relative_warn")
    assert 0 <= result.statistic < 1


def test_without_an_effect_nothing_can_break_down() -> None:
    result = check(effects(effect=0.0))
    assert (result.verdict, result.values["case"], result.statistic) == ("info", "no_effect", None)


def test_intervals_are_those_of_the_event_study() -> None:
    given = effects()
    table = given.table
    pre, post = (np.flatnonzero(side) for side in ((table["event_time"] < -1), (table["event_time"] >= 0)))
    estimate, rows = table["estimate"].to_numpy(), np.concatenate([pre, post])
    target = np.full(len(post), 1 / len(post))
    path = EventPath(estimate[pre], estimate[post], given.vcov[np.ix_(rows, rows)], target)
    for row in check(given, bounds=(0.5, 2.0)).rows:
        assert (row["conf_low"], row["conf_high"]) == pytest.approx(relative_magnitudes(path, row["bound"]), rel=1e-9)


def test_the_breakdown_value_is_where_the_interval_reaches_zero() -> None:
    given = effects(effect=0.4)
    breakdown = check(given).values["breakdown"]
    inside, outside = check(given, bounds=(breakdown, breakdown + 0.02)).rows
    assert inside["conf_low"] > 0 >= outside["conf_low"]


def test_effects_against_neighbouring_years_are_estimated_again_against_one_year() -> None:
    sample = twins.sample(twins.panel(twins.frame(n=400, noise=0.3, seed=3, effect=1.0)))
    varying, universal = (ek.estimate(sample, "group_time", base=base) for base in ("varying", "universal"))
    assert ek.check(sample, varying, "honest_did").rows == ek.check(sample, universal, "honest_did").rows


def test_smoothness_is_told_in_standard_errors() -> None:
    result = check(effects(), restriction="smoothness", bounds=(0.0, 0.5))
    assert result.values["case"].startswith("smooth_")
    assert result.rows[0]["conf_high"] - result.rows[0]["conf_low"] < (
        result.rows[1]["conf_high"] - result.rows[1]["conf_low"]
    )


def test_estimates_without_years_before_say_so() -> None:
    result = check(effects("imputation"))
    assert (result.verdict, result.values["case"]) == ("info", "no_pre_period")


def test_a_gap_in_event_times_ends_the_path() -> None:
    given = effects()
    lacking = given.take(np.flatnonzero((given.table["event_time"] != -3).to_numpy()))
    all_rows, fewer = check(given, bounds=(1.0,)).rows[0], check(lacking, bounds=(1.0,)).rows[0]
    assert all_rows != fewer


@pytest.mark.parametrize("bad", [{"alpha": 0.0}, {"bounds": ()}, {"bounds": (-1.0,)}])
def test_options_that_make_no_sense_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ek.errors.EvalkitError):
        check(effects(), **bad)
