import numpy as np
import pytest
from scipy import stats

from evalkit.stats.wald import wald


def test_equals_the_textbook_formula() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(4, 4)), rng.normal(size=4)
    v = a @ a.T * np.outer([1, 1e-6, 1e6, 1], [1, 1e-6, 1e6, 1])
    statistic, dof, p_value = wald(b, v)
    assert dof == 4
    assert statistic == pytest.approx(b @ np.linalg.solve(v, b), rel=1e-8)
    assert p_value == pytest.approx(stats.chi2.sf(statistic, 4), rel=1e-12)


def test_one_estimate_is_the_squared_z() -> None:
    statistic, dof, p_value = wald(np.array([0.3]), np.array([[0.04]]))
    assert (statistic, dof) == (pytest.approx(2.25), 1)
    assert p_value == pytest.approx(2 * stats.norm.sf(1.5), rel=1e-12)


def test_directions_without_variance_are_not_tested() -> None:
    v = np.array([[1.0, 0.5, 1.5], [0.5, 1.0, 1.5], [1.5, 1.5, 3.0]])
    b = np.array([0.2, -0.4, -0.2])
    statistic, dof, _ = wald(b, v)
    assert dof == 2
    assert statistic == pytest.approx(wald(b[:2], v[:2, :2])[0], rel=1e-10)


def test_has_its_size_under_the_null() -> None:
    rng = np.random.default_rng(2)
    a = rng.normal(size=(3, 3))
    draws = rng.normal(size=(2000, 3)) @ a.T
    share = np.mean([wald(b, a @ a.T)[2] < 0.05 for b in draws])
    assert abs(share - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 2000)
