"""Differences of means against firm-by-firm arithmetic."""

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.errors import DesignError

TWIN = 1e-9
"""Values are rounded once at 2^-35 of their range; everything else is the same arithmetic."""


def by_hand(table: pd.DataFrame, before: int, after: int) -> tuple[list[int], np.ndarray, np.ndarray]:
    wide = table.pivot_table(index="firm", columns="year", values="y").sort_index()
    g = table.groupby("firm")["g"].first().sort_index()
    cohorts, effects, influence = [], [], []
    for cohort in sorted(c for c in g.unique() if c > 0):
        early = [y for y in range(cohort - before, cohort) if y in wide]
        late = [y for y in range(cohort, cohort + after) if y in wide]
        if len(early) < before or len(late) < after:
            continue
        complete = wide[early + late].notna().all(axis=1)
        change = wide[late].mean(axis=1) - wide[early].mean(axis=1)
        psi, effect = pd.Series(0.0, index=wide.index), 0.0
        for own, sign in (((g == cohort) & complete, 1.0), ((g == 0) & complete, -1.0)):
            effect += sign * change[own].mean()
            psi[own] += sign * (change[own] - change[own].mean()) / own.sum()
        cohorts.append(cohort)
        effects.append(effect)
        influence.append(psi.to_numpy())
    psi = np.array(influence)
    return cohorts, np.array(effects), psi @ psi.T


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize(("before", "after"), [(1, 1), (2, 2), (3, 1), (1, 3)])
def test_equals_means_of_firms(missing: float, before: int, after: int) -> None:
    table = twins.frame(missing=missing, growth=0.1)
    found = ek.estimate(twins.sample(twins.panel(table)), "difference", before=before, after=after)
    cohorts, effects, vcov = by_hand(table, before, after)
    assert found.table["cohort"].tolist() == cohorts
    np.testing.assert_allclose(found.table["estimate"], effects, atol=TWIN)
    np.testing.assert_allclose(found.vcov, vcov, atol=TWIN)


def test_one_year_each_way_is_the_first_group_time_cell() -> None:
    s = twins.sample(twins.panel(twins.frame(missing=0.1)))
    cells = ek.estimate(s, "group_time").table
    first = cells[cells["event_time"] == 0]
    found = ek.estimate(s, "difference", before=1, after=1).table
    np.testing.assert_allclose(found["estimate"], first["estimate"], atol=TWIN)
    np.testing.assert_allclose(found["std_error"], first["std_error"], atol=TWIN)


def test_no_never_treated_is_refused() -> None:
    table = twins.frame()
    with pytest.raises(DesignError) as caught:
        ek.estimate(twins.sample(twins.panel(table[table["g"] > 0])), "difference")
    assert caught.value.code == "E_NO_CONTROL"


def test_windows_must_hold_a_year() -> None:
    with pytest.raises(ek.EvalkitError, match="1 or more"):
        ek.estimate(twins.sample(twins.panel(twins.frame())), "difference", before=0)
