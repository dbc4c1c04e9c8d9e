"""What effect a design can see, told from outcomes before the award alone."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.arms import Contrast
from evalkit.stats.cell_changes import cell_change, cell_influence, sides
from evalkit.stats.moments import Moments
from evalkit.stats.student import quantile, tail


@dataclasses.dataclass(frozen=True, eq=False)
class Variogram:
    """Variance of changes of each cohort against never-treated firms, by the years between.

    Parameters
    ----------
    cohorts : (C,) int64
        Treated cohorts.
    mass : (C,) float64
        Weight of their firms.
    n_treated : (C,) int64
        Their firms.
    n_control : int
        Never-treated firms.
    covariance : (L, C, C) float64
        Covariance of the differences of mean changes over 1 to L periods, averaged over the periods before.
    """

    cohorts: NDArray[np.int64]
    mass: NDArray[np.float64]
    n_treated: NDArray[np.int64]
    n_control: int
    covariance: NDArray[np.float64]

    def over(self, n_lags: int) -> NDArray[np.float64]:
        """Return covariances over 0 to `n_lags` periods (n_lags + 1, C, C).

        Beyond the periods seen the variance goes on growing as it did at their end, and never falls. When only
        changes over one period are seen it grows in proportion to the periods, as in a random walk, which is cautious.
        """
        seen = len(self.covariance)
        size = np.einsum("c,lcd,d->l", self.mass, self.covariance, self.mass)
        growth = max(0.0, 1.0 - (size[-2] / size[-1] if seen > 1 else 0.0)) if size[-1] > 0 else 0.0
        found = np.zeros((n_lags + 1, *self.covariance.shape[1:]))
        for lag in range(1, n_lags + 1):
            found[lag] = self.covariance[min(lag, seen) - 1] * (1.0 + max(lag - seen, 0) * growth)
        return found


def variogram(moments: Moments, n_periods: int) -> Variogram | None:
    """Take the covariance of changes from the moments of one outcome over periods before every award.

    Parameters
    ----------
    moments : Moments
        Groups of firms; its columns are the periods before the first award.
    n_periods : int
        How many these are.

    Returns
    -------
    Variogram or None
        None when no change of treated and never-treated firms is seen.
    """
    cohorts = np.unique(moments.cohort[moments.cohort > 0])
    covariance = []
    for lag in range(1, n_periods):
        found = [c for at in range(lag, n_periods) if (c := _changes(moments, cohorts, at, at - lag)) is not None]
        if not found:
            break
        covariance.append(np.mean(found, axis=0))
    if not covariance:
        return None
    own = [moments.cohort == c for c in cohorts]
    mass, n_treated = (np.array([v[o].sum() for o in own]) for v in (moments.total[:, 0], moments.n))
    n_control = int(moments.n[moments.cohort == 0].sum())
    return Variogram(cohorts, mass, n_treated, n_control, np.array(covariance))


def _changes(moments: Moments, cohorts: NDArray[np.int64], at: int, since: int) -> NDArray[np.float64] | None:
    """Return the covariance (C, C) of the cohorts' changes over the same periods; None when one cannot be seen."""
    contrasts = [Contrast(int(c), (0,), at, since) for c in cohorts]
    members = [sides(c, moments) for c in contrasts]
    if not all(own.any() and other.any() for own, other in members):
        return None
    found = [cell_change(c, pair, moments) for c, pair in zip(contrasts, members, strict=True)]
    return moments.covariance(list(cell_influence(contrasts, found, moments)))


def effect_covariance(found: Variogram, periods: tuple[int, ...], anticipation: int) -> NDArray[np.float64]:
    """Predict the covariance (C, C) of the cohorts' mean effects over all periods from the award on.

    A mean effect is a sum of the differences d_t between both groups' means with weights c_t that sum to 0, so that
    Cov(c'd, e'd) = -1/2 sum_st c_s e_t v(|s - t|) with v the covariance of changes, which alone has to be stable over
    time: levels need not be.

    Parameters
    ----------
    found : Variogram
        From the periods before.
    periods : tuple of int
        All periods of the study.
    anticipation : int
        Periods before the award in which firms may react; effects are measured from the period before these.

    Reference
    ---------
    Burlig, Preonas and Woerman (2020), Panel data and experimental design, Journal of Development Economics 144,
    equation 2, for serially correlated outcomes; Cressie (1993), Statistics for spatial data, section 2.5.2, for
    variances of contrasts from the variogram.
    """
    years = np.array(periods)
    weights = np.zeros((len(found.cohorts), len(years)))
    for row, cohort in zip(weights, found.cohorts, strict=True):
        row[years >= cohort] = 1.0 / (years >= cohort).sum()
        row[years == cohort - 1 - anticipation] = -1.0
    lags = np.abs(years[:, None] - years[None, :])
    v = found.over(int(lags.max()))
    return np.asarray(-0.5 * np.einsum("cs,dt,stcd->cd", weights, weights, v[lags]), np.float64)


def power_at(effect: float, error: float, alpha: float) -> float:
    """Return the probability that a two-sided test of no effect rejects when the effect is `effect`."""
    limit = quantile(1 - alpha / 2)
    return float(tail(limit - effect / error) + tail(limit + effect / error))


def detectable_effect(error: float, alpha: float, power: float) -> float:
    """Return the effect that the test sees with the power asked for: (z_{1-alpha/2} + z_power) standard errors.

    Reference
    ---------
    Bloom (1995), Minimum detectable effects, Evaluation Review 19(5).
    """
    return float((quantile(1 - alpha / 2) + quantile(power)) * error)
