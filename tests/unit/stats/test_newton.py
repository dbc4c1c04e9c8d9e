import numpy as np

from evalkit.stats.covariates import Covariate
from evalkit.stats.newton import minimise, predictors, running_off
from evalkit.stats.regressors import Regressors, regressors

SAME = 1e-10
"""One linear system solved twice."""
FLAT = 1e-6
"""A function cannot tell apart points nearer to its minimum than the square root of rounding."""


class Squares:
    """Half the sum of squared residuals, which one Newton step minimises."""

    def __init__(self, x: Regressors, y: np.ndarray) -> None:
        self.x, self.y, self.rows = x, y, slice(0, x.n)

    def value(self, beta: np.ndarray, predictor: np.ndarray) -> float:
        return float(((self.y - predictor) ** 2).sum()) / 2

    def derivatives(self, beta: np.ndarray, predictor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.x.sums(self.rows, predictor - self.y), self.x.gram(self.rows, np.ones(self.x.n))

    def has_no_minimum(self, beta: np.ndarray, predictor: np.ndarray) -> bool:
        return False


class Overshooting(Squares):
    """The same function with a slope that sends every full step ten times too far."""

    def derivatives(self, beta: np.ndarray, predictor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gradient, hessian = super().derivatives(beta, predictor)
        return 10 * gradient, hessian


class Falling(Squares):
    def has_no_minimum(self, beta: np.ndarray, predictor: np.ndarray) -> bool:
        return bool(beta.any())


def data() -> tuple[Regressors, np.ndarray]:
    rng = np.random.default_rng(2)
    size, kind = rng.normal(size=80), rng.integers(0, 3, 80).astype(np.int32)
    x, _ = regressors([Covariate("size", size), Covariate("kind", kind, tuple("abc"))])
    return x, rng.normal(size=80) + size


def test_least_squares_in_one_step_and_one_to_see_it() -> None:
    x, y = data()
    found = minimise(x, np.zeros(4), Squares(x, y))
    dense = np.column_stack([predictors(x, one) for one in np.eye(4)])
    np.testing.assert_allclose(found.coefficient, np.linalg.lstsq(dense, y, rcond=None)[0], atol=SAME)
    np.testing.assert_allclose(found.predictor, dense @ found.coefficient, atol=SAME)
    assert (found.n_steps, found.is_converged) == (2, True)


def test_steps_that_rise_are_halved() -> None:
    x, y = data()
    exact, damped = (minimise(x, np.zeros(4), objective(x, y)) for objective in (Squares, Overshooting))
    np.testing.assert_allclose(damped.predictor, exact.predictor, atol=FLAT)


def test_a_function_without_minimum_and_a_flat_one_are_told() -> None:
    x, y = data()
    assert minimise(x, np.zeros(4), Falling(x, y)).is_without_minimum
    flat = Squares(x, y)
    flat.derivatives = lambda beta, predictor: (np.ones(4), np.zeros((4, 4)))
    assert not minimise(x, np.zeros(4), flat).is_converged


def test_fast_covariates_are_named_once_and_the_intercept_never() -> None:
    x, _ = data()
    assert running_off(x, np.array([99.0, 0.01, 5.0, -4.0])) == ["kind"]
    assert running_off(x, np.array([0.0, 1.0, 5.0, -4.0])) == ["size", "kind"]
