"""Made-up awards against tables in which they are written down, and how often the check cries."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

import evalkit as ek
import twins
from evalkit.checks.placebo_dates import INFO
from evalkit.engine.earlier_awards import earlier_awards

EXACT = 1e-9
"""Values are rounded to 2^-37 of their range before they are added up, and the range is that of other years."""
SIZE_REPETITIONS, POWER_REPETITIONS = 2_000, 60
SIZE = (0.035, 0.065)
"""5 % and three standard errors of 2,000 samples."""


def check(long: pd.DataFrame, *methods: str, **options: object) -> ek.CheckResult:
    sample = twins.sample(twins.panel(long))
    return ek.check(sample, [ek.estimate(sample, m) for m in methods or ("group_time",)], "placebo_dates", **options)


def drifting(long: pd.DataFrame, by: float) -> pd.DataFrame:
    """Supported firms gain so much a year on the others, from the first year on."""
    return long.assign(y=long["y"] + by * (long["g"] > 0) * (long["year"] - long["year"].min()))


def made_up(long: pd.DataFrame, years: int, anticipation: int = 0) -> pd.DataFrame:
    """Leave out what came after the award, and write an earlier one down."""
    kept = long[(long["g"] == 0) | (long["year"] < long["g"] - anticipation)]
    g = np.where(kept["g"] > 0, kept["g"] - years - anticipation, 0)
    return kept.assign(g=g)[(g == 0) | (g > long["year"].min())]


@pytest.mark.parametrize("method", ["group_time", "event_study", "imputation", "lagged_outcome"])
@pytest.mark.parametrize("anticipation", [0, 1])
def test_estimates_are_those_of_a_table_with_earlier_awards(method: str, anticipation: int) -> None:
    long = twins.frame(150, periods=7, missing=0.05)
    sample = twins.sample(twins.panel(long, anticipation=anticipation))
    effects = ek.estimate(sample, method)
    rows = ek.check(sample, effects, "placebo_dates", years=2).rows
    assert [row["years_earlier"] for row in rows] == [1, 2]
    for row in rows:
        table = made_up(long, row["years_earlier"], anticipation)
        expected = ek.aggregate(ek.estimate(twins.sample(twins.panel(table)), method)).table.iloc[0]
        assert row["estimate"] == pytest.approx(expected["estimate"], rel=EXACT)
        assert row["std_error"] == pytest.approx(expected["std_error"], rel=EXACT)
        assert row["p_value"] == pytest.approx(expected["p_value"], rel=1e3 * EXACT)


def test_nothing_from_the_real_award_on_is_used() -> None:
    long = twins.frame(150, periods=7)
    spoilt = long.assign(y=np.where((long["g"] > 0) & (long["year"] >= long["g"]), 1e6, long["y"]))
    for one, other in zip(check(long).rows, check(spoilt).rows, strict=True):
        assert one["estimate"] == pytest.approx(other["estimate"], rel=1e-3), "but for the rounding of far values"
    sample = earlier_awards(twins.sample(twins.panel(spoilt)), twins.panel(spoilt).outcomes[0], 1)
    assert sample.panel.bounds([f"y@{year}" for year in sample.panel.periods]).max() < 1e3


def test_an_award_path_moves_along() -> None:
    long = twins.frame(150, periods=7)
    long["paid"] = np.where((long["g"] > 0) & (long["year"] >= long["g"]), 5.0, 0.0)
    sample = twins.sample(twins.panel(long, award="paid"))
    effects = ek.estimate(sample, "switching")
    (row,) = ek.check(sample, effects, "placebo_dates", years=1).rows
    table = made_up(long, 1)
    table["paid"] = np.where((table["g"] > 0) & (table["year"] >= table["g"]), 5.0, 0.0)
    expected = ek.estimate(twins.sample(twins.panel(table, award="paid")), "switching")
    assert row["estimate"] == pytest.approx(ek.aggregate(expected).table["estimate"][0], rel=EXACT)


def test_a_panel_on_disk_is_moved_as_one_in_memory(tmp_path: Path) -> None:
    long = twins.frame(150, periods=7).assign(other=lambda table: table["year"] % 3.0)
    panel = twins.panel(long, ("y", "other"))
    panel.save(tmp_path)
    sample = twins.sample(ek.Panel.load(tmp_path))
    found = ek.check(sample, ek.estimate(sample, "group_time"), "placebo_dates")
    assert found.rows == check(long).rows
    moved = earlier_awards(sample, sample.panel.outcomes[0], 1).panel
    assert [name for name in moved.column_names if name.startswith("other")] == []


def test_firms_supported_after_the_last_year_stay_as_they_are() -> None:
    long = twins.frame(150, periods=7)
    late = sorted(long.loc[long["g"] == 0, "firm"].unique())[:20]
    long["g"] = np.where(long["firm"].isin(late), 2030, long["g"])
    sample = twins.sample(twins.panel(long))
    moved = earlier_awards(sample, sample.panel.outcomes[0], 2)
    assert (moved.panel.cohort == 2030).sum() == 20
    assert set(np.unique(moved.panel.cohort[moved.weight > 0])) == {0, 2012, 2013, 2030}


def test_holm_goes_over_the_dates_of_each_estimate() -> None:
    rows = check(twins.frame(150, periods=7), "group_time", "event_study").rows
    assert [(row["method"], row["years_earlier"]) for row in rows] == [
        (method, years) for method in ("group_time", "event_study") for years in (1, 2, 3)
    ]
    for own in (rows[:3], rows[3:]):
        ordered = sorted(own, key=lambda row: row["p_value"])
        steps = np.maximum.accumulate([min(1.0, (3 - i) * row["p_value"]) for i, row in enumerate(ordered)])
        assert [row["p_holm"] for row in ordered] == pytest.approx(steps.tolist())


def test_a_drift_before_the_award_fails() -> None:
    result = check(drifting(twins.frame(300, periods=7), 0.3))
    assert (result.verdict, result.values["case"]) == ("fail", "fail")
    assert result.values["dates"] == "1, 2, 3"
    assert all(row["estimate"] > 0.2 for row in result.rows)


def test_an_effect_of_the_real_award_does_not() -> None:
    assert check(twins.frame(300, periods=7, effect=5.0, seed=2)).verdict == "pass"


def test_another_estimate_than_the_first_warns() -> None:
    """A drift that the first estimate just misses and the second, which is more precise, just finds."""
    long = drifting(twins.frame(150, periods=7, seed=7), 0.08)
    result = check(long, "group_time", "imputation")
    assert (result.verdict, result.values["case"], result.values["method"]) == ("warn", "warn", "imputation")
    least = [min(r["p_holm"] for r in result.rows if r["method"] == m) for m in ("group_time", "imputation")]
    assert least[1] < 0.05 < least[0]
    turned = check(long, "imputation", "group_time")
    assert (turned.verdict, turned.values["method"]) == ("fail", "imputation")


def test_only_dates_that_leave_years_before_are_tried() -> None:
    long = twins.frame(150, periods=6)
    result = check(long[long["year"] >= 2012], years=5)
    assert result.values["dates"] == "1, 2"


@pytest.mark.parametrize(
    ("long", "methods", "case"),
    [
        (twins.frame(60), (), "no_estimate"),
        (twins.frame(60).assign(g=lambda t: np.where(t["g"] > 0, 2012, 0)), ("group_time",), "no_years_before"),
        (twins.frame(60).assign(g=lambda t: t["firm"].map({"F00001": 2014, "F00002": 2014}).fillna(0)),
         ("group_time",), "no_years_before"),
    ],
)  # fmt: skip
def test_what_cannot_be_tried_is_said(long: pd.DataFrame, methods: tuple[str, ...], case: str) -> None:
    sample = twins.sample(twins.panel(long))
    result = ek.check(sample, [ek.estimate(sample, m) for m in methods], "placebo_dates")
    assert (result.verdict, result.values["case"], result.sentence) == ("info", case, INFO[case])


def test_an_estimate_that_cannot_be_made_again_is_left_out() -> None:
    long = twins.frame(150, periods=7)
    sample = twins.sample(twins.panel(long))
    effects = ek.estimate(sample, "difference", before=2)
    rows = ek.check(sample, [effects, ek.estimate(sample, "group_time")], "placebo_dates").rows
    tried = {
        method: [r["years_earlier"] for r in rows if r["method"] == method] for method in ("difference", "group_time")
    }
    assert tried == {"difference": [1, 2], "group_time": [1, 2, 3]}


@pytest.mark.parametrize("options", [{"years": 0}, {"alpha": 1.0}])
def test_impossible_options_are_refused(options: dict) -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        check(twins.frame(60), **options)
    assert caught.value.code == "E_OPTION"


@pytest.mark.slow
def test_size() -> None:
    """Rejections of a true null, with an effect of the real award, which must not matter."""
    verdicts = [check(twins.frame(150, periods=7, effect=1.0, seed=s)).verdict for s in range(SIZE_REPETITIONS)]
    assert SIZE[0] <= verdicts.count("fail") / SIZE_REPETITIONS <= SIZE[1]


@pytest.mark.slow
def test_power() -> None:
    """A drift that moves the earliest made-up award by 3.3 of its errors is found in about four samples of five."""
    first = [check(twins.frame(150, periods=7, seed=s)).rows[-1]["std_error"] for s in range(10)]
    by = 3.3 * float(np.mean(first)) / 2
    verdicts = [check(drifting(twins.frame(150, periods=7, seed=s), by)).verdict for s in range(POWER_REPETITIONS)]
    low = binom.ppf(0.001, POWER_REPETITIONS, 0.8)
    assert verdicts.count("fail") >= low


def test_the_sample_asked_about_is_not_changed() -> None:
    sample = twins.sample(twins.panel(twins.frame(60)))
    before = dataclasses.replace(sample)
    earlier_awards(sample, sample.panel.outcomes[0], 1)
    assert sample.panel.source.equals(before.panel.source)
    assert (sample.weight == 1).all()
