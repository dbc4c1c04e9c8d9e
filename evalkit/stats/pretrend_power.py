"""How likely a test of effects before treatment is to see a drift, and which drift it would see."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EstimationError

Test = Literal["joint", "any"]
SEED = 0
PRECISION = 1e-6
"""Error of the probability that all estimates stay within their limits, which is computed numerically."""
SLOPE_PRECISION = 1e-8


def power(drift: NDArray[np.float64], vcov: NDArray[np.float64], alpha: float = 0.05, test: Test = "joint") -> float:
    """Return the probability that a test of the effects before treatment rejects under a drift.

    Parameters
    ----------
    drift : (P,) float64
        Differential trend at the periods before treatment; the test's size is the power at 0.
    vcov : (P, P) float64
        Covariance of the effects before treatment.
    alpha : float
        Level of the test.
    test : {"joint", "any"}
        The joint Wald test, or any of the effects on its own outside its interval.

    Raises
    ------
    EstimationError
        The covariance is singular (`E_NO_VARIANCE`).

    Reference
    ---------
    Roth (2022), Pretest with caution, American Economic Review: Insights 4(3), section I.
    """
    from scipy import stats

    error = np.sqrt(np.diag(vcov))
    if not (error > 0).all():
        raise EstimationError("an effect before treatment has no variance", code="E_NO_VARIANCE")
    z, correlation = drift / error, vcov / np.outer(error, error)
    if test == "joint":
        limit = stats.chi2.isf(alpha, len(z))
        return float(stats.ncx2.sf(limit, len(z), z @ np.linalg.solve(correlation, z)))
    limits = np.full(len(z), stats.norm.isf(alpha / 2))
    law = stats.multivariate_normal(z, correlation, seed=np.random.default_rng(SEED))
    law.maxpts, law.abseps, law.releps = 1_000_000 * len(z), PRECISION, 0.0
    inside = law.cdf(limits, lower_limit=-limits)
    return float(1 - inside)


def detectable_slope(
    times: NDArray[np.float64], vcov: NDArray[np.float64], target: float, alpha: float = 0.05, test: Test = "joint"
) -> float:
    """Return the slope of a linear drift that the test sees with the probability asked for.

    Parameters
    ----------
    times : (P,) float64
        Periods from the reference period, negative; the drift is slope * times.
    vcov : (P, P) float64
        Covariance of the effects before treatment.
    target : float
        Power, above the size of the test and below 1.
    alpha, test
        As in `power`.

    Raises
    ------
    EstimationError
        The power asked for is not above the test's size (`E_OPTION`).
    """
    from scipy.optimize import brentq

    if not power(np.zeros(len(times)), vcov, alpha, test) < target < 1:
        raise EstimationError("the power asked for must be above the test's size and below 1", code="E_OPTION")
    unit = float((np.sqrt(np.diag(vcov)) / np.abs(times)).min())
    high = unit
    while power(high * times, vcov, alpha, test) < target:
        high *= 2.0
    return float(brentq(lambda s: power(s * times, vcov, alpha, test) - target, 0.0, high, xtol=SLOPE_PRECISION * unit))
