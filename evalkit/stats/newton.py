"""Damped Newton for convex functions of a linear predictor, by passes over blocks of firms."""

import dataclasses
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.regressors import INTERCEPT, Regressors

CONVERGED_BELOW = 1e-9
"""Largest change of any firm's linear predictor in the last step; Newton then squares what error is left."""
MAX_STEPS = 50
"""Enough for any finite minimum; a predictor that runs off is recognised long before."""
_MAX_HALVINGS = 30
_ROUNDING = 8 * np.finfo(float).eps
_NAMED = 0.1
"""Covariates that move less than this share of the fastest one are not named as running off."""


class Objective(Protocol):
    """A convex function of the coefficients, through the linear predictor of each firm."""

    def value(self, beta: NDArray[np.float64], predictor: NDArray[np.float64]) -> float:
        """Return the function."""

    def derivatives(
        self, beta: NDArray[np.float64], predictor: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return gradient (p,) and Hessian (p, p)."""

    def has_no_minimum(self, beta: NDArray[np.float64], predictor: NDArray[np.float64]) -> bool:
        """Say whether these coefficients prove that the function has no minimum."""


@dataclasses.dataclass(frozen=True, eq=False)
class Minimum:
    """Where Newton stopped.

    Parameters
    ----------
    coefficient : (p,) float64
        Coefficients of the regressors.
    predictor : (n,) float64
        Linear predictor of each firm.
    step : (p,) float64
        Last change of the coefficients.
    n_steps : int
        Newton steps taken.
    largest_move : float
        Largest change of any firm's predictor in the last step.
    is_without_minimum : bool
        Whether the function was proved to have no minimum.
    """

    coefficient: NDArray[np.float64]
    predictor: NDArray[np.float64]
    step: NDArray[np.float64]
    n_steps: int
    largest_move: float
    is_without_minimum: bool = False

    @property
    def is_converged(self) -> bool:
        """Whether the last step moved no firm by more than `CONVERGED_BELOW`."""
        return self.largest_move <= CONVERGED_BELOW


def minimise(x: Regressors, start: NDArray[np.float64], objective: Objective) -> Minimum:
    """Minimise a convex function by Newton steps, each halved until the function does not rise.

    The caller limits BLAS to one thread, so that neither threads nor memory change a bit.

    Parameters
    ----------
    x : Regressors
        p columns of n firms.
    start : (p,) float64
        First coefficients.
    objective : Objective
        What is minimised.

    Reference
    ---------
    Boyd and Vandenberghe (2004), Convex optimization, section 9.5.
    """
    beta, predictor = start, predictors(x, start)
    value, step, largest = objective.value(beta, predictor), np.zeros_like(start), np.inf
    for n_steps in range(1, MAX_STEPS + 1):
        gradient, hessian = objective.derivatives(beta, predictor)
        try:
            step = -np.asarray(np.linalg.solve(hessian, gradient), dtype=np.float64)
        except np.linalg.LinAlgError:
            break
        move = predictors(x, step)
        for _ in range(_MAX_HALVINGS):
            lower = objective.value(beta + step, predictor + move)
            if lower <= value + _ROUNDING * (1.0 + abs(value)):
                break
            step, move = step / 2, move / 2
        beta, value, largest = beta + step, lower, float(np.abs(move).max())
        predictor += move
        if objective.has_no_minimum(beta, predictor):
            return Minimum(beta, predictor, step, n_steps, largest, is_without_minimum=True)
        if largest <= CONVERGED_BELOW:
            return Minimum(beta, predictors(x, beta), step, n_steps, largest)
    return Minimum(beta, predictor, step, n_steps, largest)


def predictors(x: Regressors, beta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the linear predictor X beta of all firms (n,)."""
    return np.concatenate([x.times(rows, beta) for rows in x.blocks()])


def running_off(x: Regressors, direction: NDArray[np.float64]) -> list[str]:
    """Name the covariates behind the largest parts of a direction (p,)."""
    part = np.abs(direction)
    part[0] = 0.0
    fast = dict.fromkeys(name for name, p in zip(x.names, part, strict=True) if p >= _NAMED * part.max())
    return [name for name in fast if name != INTERCEPT]
