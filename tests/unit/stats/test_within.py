"""The solver behind fixed-effects regressions."""

import numpy as np
import pytest

from evalkit.errors import EstimationError
from evalkit.stats.least_squares import least_squares


def test_least_squares_on_an_ill_scaled_design() -> None:
    """Coefficients known exactly: y is an integer combination of columns whose scales differ by 1e12."""
    rng = np.random.default_rng(1)
    x = rng.integers(-50, 50, (200, 4)).astype(float) * np.array([1.0, 1e-6, 1e6, 1.0])
    truth = np.array([3.0, 2e6, -5e-6, 7.0])
    b, bread = least_squares(x, x @ truth, list("abcd"))
    np.testing.assert_allclose(b, truth, rtol=1e-12)
    norm = np.sqrt((x**2).sum(axis=0))
    np.testing.assert_allclose(bread * np.outer(norm, norm) @ ((x / norm).T @ (x / norm)), np.eye(4), atol=1e-12)


def test_wampler_polynomial_keeps_nine_digits() -> None:
    """NIST Wampler1: y = 1 + x + ... + x^5 on x = 0..20, all coefficients exactly 1."""
    x = np.vander(np.arange(21.0), 6, increasing=True)
    b, _ = least_squares(x, x.sum(axis=1), list("012345"))
    assert -np.log10(np.abs(b - 1).max()) > 9


@pytest.mark.parametrize("noise", [0.0, 1e-10])
def test_collinear_columns_are_named_never_inverted(noise: float) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(100, 3))
    x[:, 2] = x[:, 0] + x[:, 1] + noise * rng.normal(size=100)
    with pytest.raises(EstimationError) as caught:
        least_squares(x, x[:, 0], ["one", "two", "three"])
    assert caught.value.code == "E_COLLINEAR"
    assert any(name in caught.value.problem for name in ("one", "two", "three"))


def test_a_column_of_zeros_is_named() -> None:
    x = np.column_stack([np.arange(5.0), np.zeros(5)])
    with pytest.raises(EstimationError, match="empty"):
        least_squares(x, x[:, 0], ["full", "empty"])
