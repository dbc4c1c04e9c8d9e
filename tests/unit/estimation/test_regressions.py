"""Regression estimators against least squares with every dummy as a column."""

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.errors import DesignError

TWIN = 1e-8
"""Values are rounded once at 2^-35 of their range, and the twin inverts X'X with a condition number near 1e4."""


def observed_twice(missing: float, seed: int = 1) -> pd.DataFrame:
    table = twins.frame(missing=missing, growth=0.1, seed=seed)
    return table[table.groupby("firm")["year"].transform("size") >= 2].reset_index(drop=True)


def cells(table: pd.DataFrame, keep) -> dict[object, np.ndarray]:
    """Indicators of cohort and year for which `keep(event time)` holds."""
    event = table["year"] - table["g"]
    pairs = sorted(set(zip(table["g"], table["year"], strict=True)))
    return {
        (g, t): ((table["g"] == g) & (table["year"] == t)).to_numpy() for g, t in pairs if g > 0 and keep(t - g)
    } if len(event) else {}  # fmt: skip


def expect_equal(found: ek.Effects, table: pd.DataFrame, regressors: dict[object, np.ndarray]) -> None:
    b, vcov = twins.regression(table, regressors)
    np.testing.assert_allclose(found.table["estimate"], b, atol=TWIN)
    np.testing.assert_allclose(found.vcov, vcov, atol=TWIN)


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_twfe(missing: float) -> None:
    table = observed_twice(missing)
    hit = ((table["g"] > 0) & (table["year"] >= table["g"])).to_numpy()
    expect_equal(ek.estimate(twins.sample(twins.panel(table)), "twfe"), table, {"treated": hit})


@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize(("method", "keep"), [("sun_abraham", lambda e: e != -1), ("extended_twfe", lambda e: e >= 0)])
def test_cell_regressions(method: str, keep, missing: float) -> None:
    table = observed_twice(missing)
    found = ek.estimate(twins.sample(twins.panel(table)), method)
    regressors = cells(table, keep)
    assert found.table[["cohort", "year"]].astype(int).to_numpy().tolist() == [list(c) for c in regressors]
    expect_equal(found, table, regressors)


@pytest.mark.parametrize(("method", "keep"), [("sun_abraham", lambda e: e != -1), ("extended_twfe", lambda e: e >= 0)])
def test_without_never_treated_the_last_cohort_is_the_comparison(method: str, keep) -> None:
    table = observed_twice(0.0)
    table = table[table["g"] > 0]
    last = table["g"].max()
    used = table[table["year"] < last]
    regressors = {c: v for c, v in cells(used, keep).items() if c[0] < last}
    found = ek.estimate(twins.sample(twins.panel(table)), method)
    assert found.table["cohort"].max() < last
    expect_equal(found, used, regressors)


@pytest.mark.parametrize("method", ["sun_abraham", "extended_twfe"])
def test_one_cohort_alone_is_refused(method: str) -> None:
    table = observed_twice(0.0)
    with pytest.raises(DesignError) as caught:
        ek.estimate(twins.sample(twins.panel(table[table["g"] == 2014])), method)
    assert caught.value.code == "E_NO_CONTROL"


def test_twfe_of_two_cells_is_the_hand_formula() -> None:
    table = observed_twice(0.0)
    table = table[table["g"].isin([0, 2013]) & table["year"].isin([2012, 2013])]
    wide = table.pivot_table(index=["firm", "g"], columns="year", values="y").reset_index()
    change = wide[2013] - wide[2012]
    by_hand = change[wide["g"] == 2013].mean() - change[wide["g"] == 0].mean()
    for method in ("twfe", "extended_twfe", "sun_abraham", "imputation", "group_time", "event_study"):
        found = ek.estimate(twins.sample(twins.panel(table)), method).table["estimate"]
        assert found.tolist() == pytest.approx([by_hand], abs=TWIN), method
