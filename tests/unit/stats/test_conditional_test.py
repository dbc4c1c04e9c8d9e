import numpy as np
import pytest
from scipy.stats import norm, truncnorm

from evalkit.stats.conditional_test import ConditionalTest, truncated_quantile

N_DRAWS = 20_000
NOISE = 4 * np.sqrt(0.05 * 0.95 / N_DRAWS)
"""Four standard errors of a rejection rate of 5 %."""


@pytest.mark.parametrize("p", [0.05, 0.5, 0.95])
def test_truncated_quantile_equals_scipys(p: float) -> None:
    low = np.array([-np.inf, -1.0, 0.5, 3.0, -8.0, 5.0, -2.0])
    high = np.array([1.0, 2.0, np.inf, 4.0, -6.0, np.inf, -1.0])
    np.testing.assert_allclose(truncated_quantile(p, low, high), truncnorm.ppf(p, low, high), rtol=1e-9)


def test_far_out_it_keeps_its_digits() -> None:
    """Far in the tail the truncated normal is exponential with rate `low`: q = low - log(1 - p) / low."""
    low = np.array([300.0, 3000.0])
    expected = low - np.log(0.05) / low
    np.testing.assert_allclose(truncated_quantile(0.95, low, np.full(2, np.inf)), expected, rtol=1e-8)


def draws(vcov: np.ndarray, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).multivariate_normal(np.zeros(len(vcov)), vcov, N_DRAWS)


def test_one_inequality_is_the_one_sided_test() -> None:
    y = draws(np.array([[4.0]]))
    rejected = ConditionalTest(np.zeros((1, 0)), np.array([[4.0]]), 0.05, 0).rejects(y)
    assert rejected.mean() == pytest.approx(0.05, abs=NOISE)
    assert (rejected == (y[:, 0] / 2 > norm.isf(0.05))).mean() > 0.99


@pytest.mark.parametrize("n_nuisance", [0, 1, 3])
def test_size_where_all_inequalities_bind(n_nuisance: int) -> None:
    rng = np.random.default_rng(n_nuisance)
    half = rng.normal(size=(5, n_nuisance))
    x = np.vstack([half, -half])
    root = rng.normal(size=(10, 12))
    vcov = root @ root.T
    rejected = ConditionalTest(x, vcov, 0.05, 0).rejects(draws(vcov))
    assert 0.03 < rejected.mean() < 0.05 + NOISE


def test_power_against_a_violation() -> None:
    vcov = np.eye(3)
    y = draws(vcov) + np.array([3.5, -3.0, -3.0])
    assert ConditionalTest(np.zeros((3, 0)), vcov, 0.05, 0).rejects(y).mean() > 0.9
