import numpy as np
import pytest
from scipy.optimize import linprog

from evalkit.errors import EstimationError
from evalkit.stats.dual_programme import DualProgramme

SOLVER = 1e-8
"""Two simplex methods end at vertices of the same polytope; the solver's own tolerance is 1e-7 at worst, here 1e-10."""


def rows(m: int, q: int, seed: int) -> np.ndarray:
    """Rows whose polytope is not empty: each direction comes with its opposite."""
    x = np.random.default_rng(seed).normal(size=(m // 2, q))
    return np.hstack([np.ones((2 * (m // 2), 1)), np.vstack([x, -x])])


@pytest.mark.parametrize(("m", "q"), [(2, 0), (6, 1), (12, 3), (30, 6)])
def test_equals_a_solver_of_linear_programmes(m: int, q: int) -> None:
    w = rows(m, q, seed=m)
    c = np.random.default_rng(1).normal(size=(60, len(w)))
    value, g = DualProgramme(w).solve(c)
    expected = [linprog(-row, A_eq=w.T, b_eq=np.eye(q + 1)[0], method="highs").fun for row in c]
    np.testing.assert_allclose(value, -np.array(expected), atol=SOLVER)
    np.testing.assert_allclose((g * c).sum(axis=1), value, atol=SOLVER)
    np.testing.assert_allclose(g @ w, np.tile(np.eye(q + 1)[0], (60, 1)), atol=SOLVER)
    assert g.min() > -SOLVER


def test_ties_and_rows_that_repeat_do_not_keep_it_from_ending() -> None:
    w = np.vstack([rows(8, 2, seed=3)] * 3)
    c = np.tile(np.random.default_rng(2).integers(-2, 3, size=(40, 8)).astype(float), 3)
    value, _ = DualProgramme(w).solve(c)
    expected = [-linprog(-row, A_eq=w.T, b_eq=[1, 0, 0], method="highs").fun for row in c]
    np.testing.assert_allclose(value, expected, atol=SOLVER)


def test_an_empty_polytope_is_refused() -> None:
    with pytest.raises(EstimationError) as error:
        DualProgramme(np.array([[1.0, 1.0], [1.0, 2.0]]))
    assert error.value.code == "E_CONVERGENCE"
