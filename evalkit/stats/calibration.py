"""Empirical calibration: what the estimates of effects that are known to be zero say about the others.

Estimates b_i of negative controls, with standard errors s_i, are zero but for chance and for systematic error, which is
normal with mean mu and standard deviation sigma over outcomes: b_i ~ N(mu, sigma^2 + s_i^2).

Reference
---------
Schuemie, Ryan, DuMouchel, Suchard and Madigan (2014), Interpreting observational studies: why empirical calibration is
needed to correct p-values, Statistics in Medicine 33(2), section 2.3; Schuemie, Hripcsak, Ryan, Madigan and Suchard
(2018), Empirical confidence interval calibration for population-level effect estimation studies in observational
healthcare data, PNAS 115(11), with a systematic error that does not depend on the size of the effect.
"""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.observed import Observed
from evalkit.stats.student import quantile, tail

GRID = 200
"""Values of sigma that are looked at before the largest likelihood among them is refined; it may have two tops."""
SMALLEST = 1e-4
"""Smallest sigma above 0 that is looked at, beside the smallest standard error: less changes no digit that is told."""
STEPS = 100
"""Halvings of an interval: it is then 2^-100 of its width."""


@dataclasses.dataclass(frozen=True)
class SystematicError:
    """The error that is not chance, fitted to negative controls.

    Both papers take mu and sigma as known, which makes intervals too narrow with few controls: those of five would
    cover the truth in about 75 % of cases. Here the variance of mu counts too, and the quantiles are of Student's t,
    as in the prediction interval of a meta-analysis. With many controls both are the same.

    Parameters
    ----------
    mu, sigma : float
        Mean and standard deviation over outcomes.
    mu_error : float
        Standard error of mu.
    dof : int
        Negative controls less two.

    Reference
    ---------
    Higgins, Thompson and Spiegelhalter (2009), A re-evaluation of random-effects meta-analysis, Journal of the Royal
    Statistical Society A 172(1), section 4.1.
    """

    mu: float
    sigma: float
    mu_error: float
    dof: int

    @classmethod
    def of(cls, estimate: NDArray[np.float64], error: NDArray[np.float64]) -> "SystematicError":
        """Fit by maximum likelihood to the estimates (n,) of negative controls and their standard errors (n,).

        For a given sigma the best mu is the mean weighted by 1 / (sigma^2 + s_i^2), so that one number is sought; its
        score changes sign where the likelihood has its top.
        """
        furthest = float(np.abs(estimate - np.median(estimate)).max())
        start = SMALLEST * float(error.min())
        grid = np.concatenate([[0.0], np.geomspace(start, max(2 * furthest, 2 * start), GRID)])
        best = int(np.argmax([_log_likelihood(estimate, error, sigma) for sigma in grid]))
        low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, GRID)])
        for _ in range(STEPS):
            middle = (low + high) / 2
            if _score(estimate, error, middle) > 0:
                low = middle
            else:
                high = middle
        sigma = high if best else 0.0
        mu_error = float((1 / (sigma**2 + error**2)).sum()) ** -0.5
        return cls(_mean(estimate, error, sigma), sigma, mu_error, len(estimate) - 2)

    def p_value(self, estimate: float, error: float) -> float:
        """Return the two-sided p-value of an effect of zero, given an estimate and its standard error."""
        return float(2 * tail(abs(estimate - self.mu) / self._spread(error), self.dof))

    def interval(self, estimate: float, error: float, level: float) -> tuple[float, float]:
        """Return the calibrated interval of an effect: its middle is the estimate less mu."""
        half = float(quantile(0.5 + level / 2, self.dof)) * self._spread(error)
        return estimate - self.mu - half, estimate - self.mu + half

    def _spread(self, error: float) -> float:
        return math.hypot(self.sigma, self.mu_error, error)


def change_spread(firms: Observed) -> float:
    """Return the standard deviation of changes over one year, less the mean of their year; 0 where there are too few.

    Firms in the sample count up to their award. Effects on outcomes of different units are compared in it. The sums are
    rounded once, so that the order of firms changes no bit.
    """
    years = np.array(firms.periods)
    is_before = (firms.cohort[:, None] == 0) | (years < firms.cohort[:, None] - firms.anticipation)
    y = np.where(is_before & (firms.weight[:, None] > 0), firms.y, math.nan)
    changes = [own[np.isfinite(own)] for own in np.diff(y, axis=1).T]
    known = [own for own in changes if len(own) > 1]
    squares = [math.fsum((own - math.fsum(own) / len(own)) ** 2) for own in known]
    dof = sum(len(own) - 1 for own in known)
    return math.sqrt(math.fsum(squares) / dof) if dof else 0.0


def _mean(estimate: NDArray[np.float64], error: NDArray[np.float64], sigma: float) -> float:
    weight = 1 / (sigma**2 + error**2)
    return float((weight * estimate).sum() / weight.sum())


def _log_likelihood(estimate: NDArray[np.float64], error: NDArray[np.float64], sigma: float) -> float:
    """Return the likelihood at the best mu, in logarithms and without its constant."""
    variance = sigma**2 + error**2
    gap = estimate - _mean(estimate, error, sigma)
    return -0.5 * float((np.log(variance) + gap**2 / variance).sum())


def _score(estimate: NDArray[np.float64], error: NDArray[np.float64], sigma: float) -> float:
    """Return the slope of the likelihood in sigma^2, twice."""
    variance = sigma**2 + error**2
    gap = estimate - _mean(estimate, error, sigma)
    return float(((gap**2 - variance) / variance**2).sum())
