"""Weights of the controls that reproduce the treated firms' means exactly and are as even as possible."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.stats.newton import Minimum, minimise, running_off
from evalkit.stats.regressors import Regressors, refuse_collinear
from evalkit.stats.threads import one_thread

BALANCED_BELOW = 1e-8
"""Largest difference of a weighted mean from the treated firms' mean, in standard deviations, that counts as none."""


@dataclasses.dataclass(frozen=True, eq=False)
class Tilt:
    """Weights that balance.

    Parameters
    ----------
    weight : (n,) float64
        Weight of each control; together they are as many as the treated firms. 0 for treated firms.
    predictor : (n,) float64
        Linear predictor of each firm: the weight of a control is its base weight times exp(predictor).
    imbalance : float
        Largest difference of means that is left, in standard deviations of all firms.
    n_steps : int
        Newton steps taken.
    """

    weight: NDArray[np.float64]
    predictor: NDArray[np.float64]
    imbalance: float
    n_steps: int


def tilt(x: Regressors, treated: NDArray[np.bool_], base: NDArray[np.float64] | None = None) -> Tilt:
    """Weight controls by exp(x'b) so that all means equal those of the treated firms.

    Minimises log sum_c q_c exp(b'(x_c - m)) with m the treated firms' means. Its gradient is the imbalance, so the
    minimum balances exactly; among all weights that balance, these diverge least from the base weights q.

    Parameters
    ----------
    x : Regressors
        p columns of n firms, treated and controls.
    treated : (n,) bool
        Which firms are treated; both kinds occur.
    base : (n,) float64, optional
        Base weights of the controls, above 0; the same for all when left out.

    Raises
    ------
    DesignError
        `E_COLLINEAR`; `E_NO_OVERLAP` when the treated firms' means lie outside the controls' convex hull, so that no
        weights can reach them; `E_CONVERGENCE` when means are left that differ by more than `BALANCED_BELOW`.

    Reference
    ---------
    Hainmueller (2012), Entropy balancing for causal effects, equations 6 to 8.
    """
    with one_thread():
        refuse_collinear(x)
        target = np.zeros(len(x.names))
        for rows in x.blocks():
            target += x.sums(rows, treated[rows].astype(np.float64))
        n_treated = target[0]
        target /= n_treated
        _refuse_out_of_range(x, treated, target)
        start = np.where(treated, 0.0, 1.0 if base is None else base)
        divergence = _Divergence(x, start, target)
        found = minimise(x, np.zeros(len(x.names)), divergence)
        weight, level = divergence.weights(found.predictor)
        mean = sum((x.sums(rows, weight[rows]) for rows in x.blocks()), np.zeros(len(x.names)))
    imbalance = float(np.abs(mean - target).max())
    if found.is_without_minimum or not imbalance <= BALANCED_BELOW:
        raise _refusal(x, found, int((~treated).sum()), imbalance)
    weight *= n_treated
    return Tilt(weight, found.predictor + (np.log(n_treated) - level), imbalance, found.n_steps)


@dataclasses.dataclass(frozen=True, eq=False)
class _Divergence:
    """The dual of least divergence; the intercept is fixed at 0, because the weights are normalised."""

    x: Regressors
    base: NDArray[np.float64]
    target: NDArray[np.float64]

    def value(self, beta: NDArray[np.float64], predictor: NDArray[np.float64]) -> float:
        return self._level(predictor) - float(beta @ self.target)

    def derivatives(
        self,
        beta: NDArray[np.float64],  # noqa: ARG002 - one signature for all objectives
        predictor: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        weight, _ = self.weights(predictor)
        p = len(self.x.names)
        mean, square = np.zeros(p), np.zeros((p, p))
        for rows in self.x.blocks():
            mean += self.x.sums(rows, weight[rows])
            square += self.x.gram(rows, weight[rows])
        hessian = square - np.outer(mean, mean)
        hessian[0], hessian[:, 0], hessian[0, 0] = 0.0, 0.0, 1.0
        gradient = mean - self.target
        gradient[0] = 0.0
        return gradient, hessian

    def has_no_minimum(self, beta: NDArray[np.float64], predictor: NDArray[np.float64]) -> bool:
        """All controls on one side of the treated firms' means, in the direction of the coefficients."""
        return bool(beta.any() and predictor[self.base > 0].max() <= beta @ self.target)

    def weights(self, predictor: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Return weights that sum to 1, and the logarithm of what they were divided by."""
        level = self._level(predictor)
        return self.base * np.exp(np.where(self.base > 0, predictor - level, 0.0)), level

    def _level(self, predictor: NDArray[np.float64]) -> float:
        largest = float(predictor[self.base > 0].max())
        return largest + float(np.log((self.base * np.exp(np.minimum(predictor - largest, 0.0))).sum()))


def _refuse_out_of_range(x: Regressors, treated: NDArray[np.bool_], target: NDArray[np.float64]) -> None:
    """Refuse means that a single number puts at the edge of the range of the controls, or outside it."""
    outside = [
        name
        for name, column, mean in zip(x.names[1:], x.numbers[1:], target[1:], strict=False)
        if not column[~treated].min() + BALANCED_BELOW < mean < column[~treated].max() - BALANCED_BELOW
    ]
    if outside:
        raise _outside_hull(outside, int((~treated).sum()))


def _refusal(x: Regressors, found: Minimum, n_control: int, imbalance: float) -> DesignError:
    if found.is_without_minimum:
        return _outside_hull(running_off(x, found.coefficient), n_control)
    return DesignError(
        f"weights of the {n_control:,} controls did not converge in {found.n_steps} steps: means still differ by "
        f"{imbalance:.1g} standard deviations",
        code="E_CONVERGENCE",
        hint="the treated firms are at the edge of what the controls cover: balance fewer covariates or moments",
    )


def _outside_hull(names: Sequence[str], n_control: int) -> DesignError:
    return DesignError(
        f"no weights of the {n_control:,} controls reach the treated firms' means of {', '.join(names)}: the means lie "
        "outside the controls' convex hull",
        code="E_NO_OVERLAP",
        hint="balance fewer covariates, moments or exact cells, or match only the treated firms within the overlap",
    )
