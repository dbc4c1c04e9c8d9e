"""The propensity score by a probit of treatment on baseline covariates."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.stats.newton import minimise, running_off
from evalkit.stats.propensity import separated_by
from evalkit.stats.regressors import Regressors, refuse_collinear
from evalkit.stats.threads import one_thread

_PERFECT = 1e-6
"""Mean log-likelihood closer to 0 than this: treatment is predicted without error."""
_STILL_MOVING = 1e-3
"""A linear predictor that still moves by more than this after all steps has no finite limit."""


@dataclasses.dataclass(frozen=True, eq=False)
class Probit:
    """A fitted probit model.

    Parameters
    ----------
    coefficient : (p,) float64
        Coefficients of the columns of the regressors (numbers standardised).
    predictor : (n,) float64
        Linear predictor of each firm: the normal quantile of its propensity score.
    n_steps : int
        Newton steps taken.
    """

    coefficient: NDArray[np.float64]
    predictor: NDArray[np.float64]
    n_steps: int


def fit_probit(x: Regressors, treated: NDArray[np.bool_]) -> Probit:
    """Fit a probit by maximum likelihood, with Newton passes over blocks of firms.

    Parameters
    ----------
    x : Regressors
        p columns of n firms.
    treated : (n,) bool
        Which firms are treated; both kinds occur.

    Raises
    ------
    DesignError
        `E_COLLINEAR`; `E_SEPARATION` when the covariates predict treatment without error, so that no finite
        estimate exists; `E_CONVERGENCE`.

    Reference
    ---------
    Wooldridge (2010), Econometric analysis of cross section and panel data, section 15.4.
    """
    from scipy.special import ndtri

    with one_thread():
        refuse_collinear(x)
        start = np.zeros(len(x.names))
        start[0] = ndtri(treated.mean())
        found = minimise(x, start, _NegativeLoglik(x, np.where(treated, 1.0, -1.0)))
    if found.is_without_minimum or found.largest_move > _STILL_MOVING:
        raise separated_by(running_off(x, found.step))
    if not found.is_converged:
        raise DesignError(f"the probit did not converge in {found.n_steps} steps", code="E_CONVERGENCE")
    return Probit(found.coefficient, found.predictor, found.n_steps)


@dataclasses.dataclass(frozen=True, eq=False)
class _NegativeLoglik:
    """Minus the log-likelihood: each firm adds -log(Phi(s)), with s its predictor signed (+1, -1) by treatment."""

    x: Regressors
    sign: NDArray[np.float64]

    def value(self, beta: NDArray[np.float64], predictor: NDArray[np.float64]) -> float:  # noqa: ARG002
        from scipy.special import log_ndtr

        return -float(log_ndtr(self.sign * predictor).sum())

    def derivatives(
        self,
        beta: NDArray[np.float64],  # noqa: ARG002 - one signature for all objectives
        predictor: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        from scipy.special import log_ndtr

        p = len(self.x.names)
        gradient, hessian = np.zeros(p), np.zeros((p, p))
        for rows in self.x.blocks():
            s = self.sign[rows] * predictor[rows]
            mills = np.exp(-0.5 * s * s - 0.5 * np.log(2 * np.pi) - log_ndtr(s))
            gradient -= self.x.sums(rows, self.sign[rows] * mills)
            hessian += self.x.gram(rows, mills * (mills + s))
        return gradient, hessian

    def has_no_minimum(self, beta: NDArray[np.float64], predictor: NDArray[np.float64]) -> bool:
        return self.value(beta, predictor) < _PERFECT * self.x.n
