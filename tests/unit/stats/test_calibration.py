"""Empirical calibration: published figures, a second maximum likelihood, and known systematic error."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

import twins
from evalkit.engine.firm_paths import firm_paths
from evalkit.stats.calibration import SystematicError, change_spread

ESTIMATE = (
    "0.4339021 0.6363184 0.9297549 1.6919273 0.5261691 0.858189 0.8009924 0.8781702 0.7304517 0.7761885 0.7345236 "
    "1.2796325 0.531255 0.1063333 0.4642466 1.2434418 1.3473518 0.1063333 -0.6476239 0.8560793 1.3079248 1.1636848 "
    "0.8162347 0.1063333 1.5064393 0.7375634 0.6878496 0.6294331 0.7877476 0.0895994 0.7044748 0.6473873 0.2506656 "
    "1.9381941 1.1192469 0.3804144 0.5713862 0.5217907 1.0218016 0.4737023 0.7961447 0.8935919 1.0294189 -0.8530823 "
    "1.127486"
)
ERROR = (
    "0.7617538 0.1839892 0.2979802 0.5955222 0.1967199 0.130846 0.1208558 0.3462398 0.1390219 0.2970588 0.2778833 "
    "0.2621414 0.1339705 0.3311483 0.1387402 0.0907798 0.1159713 0.3311483 1.3135212 0.1609211 0.1940967 0.1175315 "
    "0.3873817 0.3311483 0.1311708 0.8056164 0.0611459 0.1015505 0.081931 0.5510002 0.0726445 0.2517974 0.2330631 "
    "0.8050182 0.1458338 0.1310975 0.6764746 0.1267164 0.3110655 0.5033517 0.6475824 0.3759969 0.1416595 0.8099503 "
    "0.5730101"
)
"""Log rate ratios of drugs that do not cause the outcome, self-controlled case series, and their standard errors: data
`sccs` of the R package EmpiricalCalibration (negative controls, to seven digits)."""
DRUG = 0.7326235, 0.07371708
"""Sertraline, the drug of interest, the same data."""
PUBLISHED_MU, PUBLISHED_SIGMA, PUBLISHED_P = 0.7922, 0.2834, 0.8390598
"""Null distribution in the package's reference of `fitNull`, and the calibrated p-value in its readme."""
SEARCHED = 2e-4
"""The package searches with a tolerance: its own two published p-values (0.8390598, 0.8389142) differ by 1.5e-4."""
RATIO = 1e-6
"""A search without derivatives stops at half of all digits."""


def published() -> tuple[np.ndarray, np.ndarray]:
    return np.array(ESTIMATE.split(), float), np.array(ERROR.split(), float)


def searched(estimate: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Maximise the likelihood over both numbers by a simplex."""

    def loss(at: np.ndarray) -> float:
        return -norm.logpdf(estimate, at[0], np.hypot(at[1], error)).sum()

    exact = {"xatol": 1e-12, "fatol": 1e-14, "maxiter": 10_000, "maxfev": 10_000}
    starts = [minimize(loss, [estimate.mean(), s], method="Nelder-Mead", options=exact) for s in (0.01, 0.3, 2.0)]
    mu, sigma = min(starts, key=lambda found: found.fun).x
    return np.array([mu, abs(sigma)])


def test_published_null_distribution_and_p_value() -> None:
    found = SystematicError.of(*published())
    assert (found.mu, found.sigma) == pytest.approx((PUBLISHED_MU, PUBLISHED_SIGMA), abs=SEARCHED)
    estimate, error = DRUG
    plain = 2 * norm.sf(abs(estimate - found.mu) / np.hypot(found.sigma, error))
    assert plain == pytest.approx(PUBLISHED_P, abs=SEARCHED)
    assert found.p_value(estimate, error) == pytest.approx(plain, abs=0.01)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("sigma", [0.0, 0.2, 3.0])
def test_it_is_the_maximum_of_the_likelihood(seed: int, sigma: float) -> None:
    rng = np.random.default_rng(seed)
    error = rng.uniform(0.05, 0.4, 7)
    estimate = rng.normal(1.0, np.hypot(sigma, error))
    found = SystematicError.of(estimate, error)
    mu, spread = searched(estimate, error)
    assert found.mu == pytest.approx(mu, rel=RATIO)
    assert found.sigma == pytest.approx(spread, rel=RATIO, abs=RATIO)


def test_estimates_that_agree_have_no_spread() -> None:
    found = SystematicError.of(np.full(5, 0.3), np.array([0.1, 0.2, 0.1, 0.3, 0.1]))
    assert found.sigma == 0
    assert found.mu == pytest.approx(0.3)


def test_p_value_and_interval_agree() -> None:
    found = SystematicError.of(*published())
    low, high = found.interval(1.5, 0.2, 0.95)
    assert (low + high) / 2 == pytest.approx(1.5 - found.mu)
    assert found.p_value(1.5 - low, 0.2) == pytest.approx(0.05)
    assert found.p_value(1.5 - high, 0.2) == pytest.approx(0.05)


def test_the_spread_is_that_of_yearly_changes_before_the_award() -> None:
    table = twins.frame(60, missing=0.1, seed=5)
    sample = twins.sample(twins.panel(table))
    wide = table.pivot_table(index="firm", columns="year", values="y")
    cohort = table.groupby("firm")["g"].first()
    before = pd.DataFrame({year: (cohort == 0) | (year < cohort) for year in wide.columns})
    change = wide.where(before).diff(axis=1)
    n = change.count()[lambda k: k > 1]
    expected = np.sqrt(
        ((change - change.mean()) ** 2)[n.index].to_numpy()[change[n.index].notna()].sum() / (n - 1).sum()
    )
    assert change_spread(firm_paths(sample, sample.panel.outcomes[0])) == pytest.approx(expected, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "sigma"), [(5, 0.1), (5, 0.3), (10, 0.1), (10, 0.3), (20, 0.3), (50, 0.1), (50, 0.3)])
def test_calibrated_intervals_cover_the_truth(n: int, sigma: float) -> None:
    """Known mu and sigma: plain intervals hardly ever cover; calibrated ones do in 91 % or more, from 5 controls on."""
    rng = np.random.default_rng(n)
    covered, plain, draws = 0, 0, 2000
    for _ in range(draws):
        error = rng.uniform(0.05, 0.3, n)
        found = SystematicError.of(rng.normal(0.4, np.hypot(sigma, error)), error)
        estimate = rng.normal(1.0 + 0.4, np.hypot(sigma, 0.1))
        low, high = found.interval(estimate, 0.1, 0.95)
        covered += low <= 1.0 <= high
        plain += abs(estimate - 1.0) <= norm.isf(0.025) * 0.1
    assert 0.91 <= covered / draws <= 0.995
    assert plain / draws < 0.3
