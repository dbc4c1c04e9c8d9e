import numpy as np
import pytest

import evalkit as ek
import twins

SAME = 1e-8
"""Moments are rounded to 2^-38 of the range of the values."""
ROUNDED = 1e-6
"""A variance loses half of the digits."""


def ask(drift: float = 0.0, **options: object) -> ek.CheckResult:
    """Outcomes that differ by 3 between the groups, and by `drift` more each year further from the award."""
    table = twins.frame(300, noise=0.0, seed=3)
    own = (table["g"] > 0) * (3.0 + drift * (table["g"] - table["year"]))
    table = table.assign(y=table["y"] + own)
    return ek.check(twins.sample(twins.panel(table)), (), "covariate_path", **options)


def test_a_difference_in_levels_alone_passes() -> None:
    found = ask()
    assert found.verdict == "pass"
    assert found.statistic == pytest.approx(0, abs=SAME)


@pytest.mark.parametrize(("drift", "verdict"), [(0.1, "warn"), (0.4, "fail"), (-0.4, "fail")])
def test_a_difference_that_changes_is_found_with_its_size(drift: float, verdict: str) -> None:
    found = ask(drift)
    assert found.verdict == verdict
    worst = max(found.rows, key=lambda row: abs(row["smd_drift"]))
    assert worst["event_time"] == -4
    table = twins.frame(300, noise=0.0, seed=3)
    last = table[(table["g"] > 0) & (table["year"] == table["g"] - 1)]
    within = np.sqrt((last["y"] - last.groupby("g")["y"].transform("mean")).pow(2).mean())
    assert worst["smd_drift"] == pytest.approx(3 * drift / within, rel=ROUNDED)
    assert found.statistic == pytest.approx(abs(worst["smd_drift"]))


def test_years_with_few_firms_are_left_out_and_without_two_years_there_is_no_verdict() -> None:
    assert [row["event_time"] for row in ask(smallest_group=10).rows] == [-4, -3, -2, -1]
    assert ask(smallest_group=1_000).verdict == "info"
    assert ask(smallest_group=1_000).values == {"case": "no_path"}


@pytest.mark.parametrize("options", [{"warn_above": 0.3}, {"smallest_group": 1}])
def test_impossible_options_are_refused(options: dict) -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        ask(**options)
    assert caught.value.code == "E_OPTION"
