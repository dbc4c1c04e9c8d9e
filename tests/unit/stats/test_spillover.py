"""Exposure of untreated firms, and the regression of their changes on it, against loops and all dummies."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from evalkit.errors import EstimationError
from evalkit.stats.observed import Observed
from evalkit.stats.spillover import Changes, cells_in_effect, exposures
from evalkit.stats.wild_bootstrap import wild_bootstrap

PERIODS = tuple(range(2012, 2018))
AFTER, BASE = (2014, 2015, 2016, 2017), 2013
SAME = 1e-10


def firms(
    seed: int, n: int, shape: tuple[int, int], *, slope: float = 0.0, missing: float = 0.0
) -> tuple[Observed, np.ndarray, np.ndarray, int]:
    """Return firms in cells of two categories with shocks of cells, their cells, exposure, and the second's levels."""
    rng = np.random.default_rng(seed)
    cell = np.unique(rng.integers(0, shape[0] * shape[1], n), return_inverse=True)[1]
    chance = rng.beta(2, 5, cell.max() + 1)
    cohort = np.where(rng.random(n) < chance[cell], rng.choice([2014, 2015], n), 0).astype(np.int32)
    exposure = exposures(cell, cohort, np.ones(n), PERIODS)
    shock = 0.3 * rng.normal(size=(cell.max() + 1, len(PERIODS))).cumsum(axis=1)
    y = rng.normal(size=(n, 1)) + rng.normal(size=(n, len(PERIODS))) + shock[cell] + slope * exposure[cell]
    y[rng.random(y.shape) < missing] = np.nan
    weight = np.where(cohort > 0, 1.0, rng.choice([0.0, 0.5, 2.0], n, p=[0.1, 0.4, 0.5]))
    return Observed(y, weight, cohort, PERIODS, 0), cell, exposure, shape[1]


def test_exposure_leaves_the_firm_itself_out() -> None:
    of, cell, exposure, _ = firms(1, 60, (4, 3))
    amount = np.random.default_rng(2).uniform(0.2, 3, 60)
    paid = exposures(cell, of.cohort, amount, PERIODS)
    for i in np.flatnonzero(of.cohort == 0):
        others = [j for j in range(60) if cell[j] == cell[i] and j != i]
        for t, year in enumerate(PERIODS):
            treated = [j for j in others if 0 < of.cohort[j] <= year]
            assert exposure[cell[i], t] == pytest.approx(len(treated) / len(others) if others else 0.0)
            assert paid[cell[i], t] == pytest.approx(amount[treated].sum() / len(others) if others else 0.0)


def test_a_firm_alone_is_not_exposed() -> None:
    assert exposures(np.array([0, 1, 1]), np.array([0, 0, 2014], np.int32), np.ones(3), (2013, 2014)).tolist() == [
        [0.0, 0.0], [0.0, 1.0],
    ]  # fmt: skip


@pytest.mark.parametrize("is_held", [True, False])
def test_the_regression_is_that_of_firms_and_years_with_all_dummies(is_held: bool) -> None:
    of, cell, exposure, wide = firms(3, 300, (5, 4), slope=1.0, missing=0.2)
    levels = [np.arange(exposure.shape[0]) // wide, np.arange(exposure.shape[0]) % wide] if is_held else []
    sums = Changes.of(of, cell, exposure, BASE, AFTER).regression(levels)
    rows = [
        {"y": of.at(t)[i] - of.at(BASE)[i], "e": exposure[cell[i], t - PERIODS[0]], "t": t, "c": cell[i],
         "a": cell[i] // wide, "b": cell[i] % wide, "w": of.weight[i]}
        for i in range(300) for t in AFTER if of.cohort[i] == 0 and of.weight[i] > 0
    ]  # fmt: skip
    long = pd.DataFrame(rows).dropna()
    formula = "y ~ e + C(t)" + (" + C(a) + C(b)" if is_held else "")
    exact = {"groups": long["c"], "use_correction": False}
    twin = smf.wls(formula, long, weights=long["w"]).fit(cov_type="cluster", cov_kwds=exact)
    weights = np.zeros(len(sums.bread))
    weights[0] = 1.0
    wild = wild_bootstrap(sums, weights, "rademacher", 999, 1)
    assert wild.estimate == pytest.approx(twin.params["e"], rel=SAME)
    assert wild.variance == pytest.approx(twin.bse["e"] ** 2, rel=1e-8)
    assert len(sums.gram) == long["c"].nunique()


def test_exposure_that_the_effects_absorb_is_refused() -> None:
    of, cell, exposure, _ = firms(3, 300, (5, 4))
    constant = np.full_like(exposure, 0.3)
    with pytest.raises(EstimationError, match="exposure"):
        Changes.of(of, cell, constant, BASE, AFTER).regression([])


def test_cells_in_effect_are_one_where_one_is_exposed_and_all_where_all_differ_alike() -> None:
    def told(exposure: np.ndarray) -> float:
        shape = (len(exposure), 1)
        changes = Changes(exposure.reshape(shape), np.full(shape, 7.0), np.zeros(shape))
        sums = changes.regression([])
        return cells_in_effect(sums, np.eye(len(sums.bread))[0])

    assert told(np.array([1.0] + [0.0] * 199)) == pytest.approx(1.0, abs=0.02)
    assert told(np.array([0.2, 0.6] * 10)) == pytest.approx(20.0)


def rejected(shape: tuple[int, int], n: int, slope: float, draws: int) -> float:
    found = 0
    for seed in range(draws):
        of, cell, exposure, wide = firms(seed, n, shape, slope=slope)
        code = np.arange(exposure.shape[0])
        levels = [code // wide, code % wide] if min(shape) > 1 else []
        sums = Changes.of(of, cell, exposure, BASE, AFTER).regression(levels)
        weights = np.zeros(len(sums.bread))
        weights[0] = 1.0
        found += wild_bootstrap(sums, weights, "rademacher", 399, seed).p_value() < 0.05
    return found / draws


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "n"), [((12, 1), 400), ((47, 1), 1000), ((6, 6), 800), ((10, 10), 2000)])
def test_size_holds_with_few_cells(shape: tuple[int, int], n: int) -> None:
    """Shocks are shared within cells and there is no spillover."""
    assert 0.035 <= rejected(shape, n, 0.0, 1000) <= 0.065


@pytest.mark.slow
def test_spillover_is_found() -> None:
    """An exposed firm moves by a standard deviation of its yearly noise for each 0.4 of exposure."""
    assert rejected((6, 6), 800, 2.5, 200) > 0.8
