"""Mistakes that other implementations of group-time effects made, each one tried here with and without covariates."""

import numpy as np
import pandas as pd
import pytest

import drdid_twin
import evalkit as ek
import twins
from evalkit.errors import DataError, DesignError

FIRST, LAST = 2011, 2016
SAME = 1e-9
"""Two tables whose values are rounded at slightly different units."""


@pytest.fixture(params=["none", "doubly_robust"])
def adjustment(request: pytest.FixtureRequest) -> str:
    return request.param


def effects(table: pd.DataFrame, adjustment: str, anticipation: int = 0, **options: object) -> ek.Effects:
    p = twins.panel(table, covariates=drdid_twin.COVARIATES, anticipation=anticipation)
    return ek.estimate(twins.sample(p), "group_time", adjustment=adjustment, **options)


def assert_same(first: ek.Effects, second: ek.Effects) -> None:
    columns = ["cohort", "year", "n_treated", "n_control"]
    pd.testing.assert_frame_equal(first.table[columns], second.table[columns])
    np.testing.assert_allclose(second.table["estimate"], first.table["estimate"], atol=SAME)
    np.testing.assert_allclose(second.vcov, first.vcov, atol=SAME)


def some(table: pd.DataFrame, cohort: int, n: int) -> pd.Series:
    """Say which rows belong to the first n firms of a cohort."""
    return table["firm"].isin(table.loc[table["g"] == cohort, "firm"].unique()[:n])


def test_standard_error_is_not_doubled_when_halves_are_folded(adjustment: str) -> None:
    """Two periods: the textbook error of a difference of mean changes, or of its doubly robust twin."""
    table = drdid_twin.frame()
    table = table[table["year"].isin([2012, 2013]) & table["g"].isin([0, 2013])]
    found = effects(table, adjustment).table
    if adjustment == "none":
        change = table.pivot_table(index="firm", columns="year", values="y").diff(axis=1)[2013]
        cohort = table.groupby("firm")["g"].first()
        parts = [change[cohort == g] for g in (0, 2013)]
        expected = np.sqrt(sum(part.var(ddof=0) / len(part) for part in parts))
    else:
        expected = np.sqrt((drdid_twin.group_time(table, adjustment)[2] ** 2).sum())
    assert found["std_error"].tolist() == [pytest.approx(expected, abs=SAME)]


def test_removing_always_treated_firms_keeps_the_comparison_cohort(adjustment: str) -> None:
    """Without never-treated firms the last cohort is the comparison; firms treated from the start must not cost it."""
    table = drdid_twin.frame(n=600)
    table = table[table["g"] > 0]
    with_always = table.copy()
    with_always.loc[some(table, 2014, 20), "g"] = FIRST
    without = with_always[with_always["g"] != FIRST]
    first, second = (effects(t, adjustment, comparison="not_yet_treated") for t in (without, with_always))
    assert_same(first, second)
    assert second.notes[0] == "always_treated_dropped:20"


def test_outcomes_of_always_treated_firms_are_never_read(adjustment: str) -> None:
    table = drdid_twin.frame()
    table.loc[some(table, 2013, 5), "g"] = FIRST
    wild = table.assign(y=table["y"].where(table["g"] != FIRST, 1e6))
    np.testing.assert_allclose(
        effects(wild, adjustment).table["estimate"], effects(table, adjustment).table["estimate"], atol=1e-4
    )


@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
def test_treated_after_the_last_period_is_not_never_treated_inside_the_anticipation_window(
    adjustment: str, comparison: str
) -> None:
    """With one period of anticipation, firms treated right after the last period react in it."""
    table = drdid_twin.frame(n=500)
    soon = some(table, 0, 60)
    table.loc[soon, "g"] = LAST + 1
    wild = table.assign(y=table["y"] + 1000.0 * (soon & (table["year"] == LAST)))
    found, moved = (effects(t, adjustment, 1, comparison=comparison).table for t in (table, wild))
    np.testing.assert_allclose(moved["estimate"], found["estimate"], atol=1e-5)
    assert set(found["cohort"]) == {2013, 2014, 2015}
    last = found[found["year"] == LAST]["n_control"]
    assert last.eq((table.groupby("firm")["g"].first() == 0).sum()).all()


def test_a_cohort_is_not_compared_with_firms_already_treated(adjustment: str) -> None:
    table = drdid_twin.frame(n=500)
    treated = (table["g"] > 0) & (table["year"] >= table["g"]) & (table["g"] == 2013)
    wild = table.assign(y=table["y"] + 1000.0 * treated)
    found, moved = (effects(t, adjustment, comparison="not_yet_treated").table for t in (table, wild))
    others = (found["cohort"] != 2013).to_numpy(dtype=bool)
    np.testing.assert_allclose(moved["estimate"][others], found["estimate"][others], atol=1e-5)


def test_a_vanished_comparison_group_is_an_error(adjustment: str) -> None:
    """Never-treated firms that all have a gap vanish when panels are balanced."""
    table = drdid_twin.frame()
    table = table[(table["g"] > 0) | (table["year"] != 2012)]
    with pytest.raises(DesignError) as caught:
        effects(table, adjustment, balanced_only=True)
    assert caught.value.code == "E_NO_CONTROL"


def test_duplicate_firm_years_are_refused() -> None:
    table = drdid_twin.frame()
    with pytest.raises(DataError) as caught:
        effects(pd.concat([table, table.iloc[[0]]]), "none")
    assert caught.value.code == "E_PANEL_DUP"


@pytest.mark.parametrize("code", [-1.0, 2013.5, -np.inf])
def test_negative_and_fractional_cohorts_are_refused(code: float) -> None:
    table = drdid_twin.frame()
    table["g"] = table["g"].astype(float).where(~some(table, 2013, 3), code)
    with pytest.raises(DataError) as caught:
        effects(table, "none")
    assert caught.value.code == "E_COHORT"


def test_never_treated_may_be_null_or_zero_or_infinite(adjustment: str) -> None:
    table = drdid_twin.frame()
    never = table["g"] == 0
    for code in (np.nan, np.inf):
        assert_same(
            effects(table, adjustment), effects(table.assign(g=table["g"].astype(float).mask(never, code)), adjustment)
        )


def test_the_callers_table_and_sample_are_not_changed(adjustment: str) -> None:
    table = drdid_twin.frame(missing=0.1)
    before = table.copy()
    sample = twins.sample(twins.panel(table, covariates=drdid_twin.COVARIATES))
    weight, frame = sample.weight.copy(), sample.panel.to_frame()
    ek.estimate(sample, "group_time", adjustment=adjustment)
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(sample.panel.to_frame(), frame)
    assert sample.weight.tolist() == weight.tolist()


def test_cloning_all_firms_halves_the_variance(adjustment: str) -> None:
    table = drdid_twin.frame()
    twice = pd.concat([table, table.assign(firm="C" + table["firm"])])
    first, second = effects(table, adjustment), effects(twice, adjustment)
    np.testing.assert_allclose(second.table["estimate"], first.table["estimate"], atol=SAME)
    np.testing.assert_allclose(second.vcov, first.vcov / 2, atol=SAME)


def test_weight_two_is_the_firm_twice_for_the_estimate(adjustment: str) -> None:
    table = drdid_twin.frame(missing=0.1)
    p = twins.panel(table, covariates=drdid_twin.COVARIATES)
    double = np.arange(p.n_firms) % 3 == 0
    names = np.array(p.firm.to_pylist())[double]
    again = table[table["firm"].isin(names)]
    twice = pd.concat([table, again.assign(firm="C" + again["firm"])])
    weighted = ek.estimate(twins.sample(p, 1.0 + double), "group_time", adjustment=adjustment)
    np.testing.assert_allclose(weighted.table["estimate"], effects(twice, adjustment).table["estimate"], atol=SAME)


def test_a_period_before_all_used_ones_changes_nothing(adjustment: str) -> None:
    table = drdid_twin.frame()
    earlier = table[table["year"] == FIRST].assign(year=FIRST - 1)
    found = effects(pd.concat([earlier, table]), adjustment).table.merge(
        effects(table, adjustment).table, on=["cohort", "year"], suffixes=("", "_less")
    )
    assert len(found) == 15
    np.testing.assert_allclose(found["estimate"], found["estimate_less"], atol=SAME)
    np.testing.assert_allclose(found["std_error"], found["std_error_less"], atol=SAME)
