"""What a two-way fixed-effects estimate averages: comparisons of two groups, and effects of cells."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.within import Fit

EARLIER, LATER, NEVER = "earlier_against_later", "later_against_earlier", "against_never"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One comparison of two groups of firms.

    Parameters
    ----------
    kind : str
        "against_never", "earlier_against_later", or "later_against_earlier", in which the comparison firms are
        supported already.
    treated, control : int
        Cohorts; 0 is never.
    estimate : float
        Difference of mean changes.
    weight : float
        Share of the two-way estimate.
    """

    kind: str
    treated: int
    control: int
    estimate: float
    weight: float


def decomposition(
    cohorts: NDArray[np.int64], mass: NDArray[np.float64], mean: NDArray[np.float64], start: NDArray[np.int64]
) -> list[Comparison]:
    """Split a two-way estimate on balanced data into its comparisons.

    Parameters
    ----------
    cohorts : (G,) int
        Groups, 0 for never treated.
    mass : (G,) float64
        Weight of each.
    mean : (G, T) float64
        Mean outcome of each in each period.
    start : (G,) int
        Position of the first treated period, T for groups treated in none.

    Returns
    -------
    list of Comparison
        Weights add up to 1, and weighted estimates to the coefficient.

    Reference
    ---------
    Goodman-Bacon (2021), Difference-in-differences with variation in treatment timing, Journal of Econometrics 225(2),
    theorem 1 and equations 10a to 10g.
    """
    n, periods = mass / mass.sum(), mean.shape[1]
    treated = 1 - start / periods
    found = []
    for k in np.flatnonzero(start < periods):
        for j in np.flatnonzero(start > start[k]):
            share = n[k] / (n[k] + n[j])
            both, spread = n[k] + n[j], share * (1 - share)
            window = slice(0, start[j])
            weight = (both * (1 - treated[j])) ** 2 * spread * _variance(start[k], start[j])
            estimate = _change(mean[k], window, start[k]) - _change(mean[j], window, start[k])
            kind = EARLIER if start[j] < periods else NEVER
            found.append(Comparison(kind, int(cohorts[k]), int(cohorts[j]), estimate, weight))
            if start[j] < periods:
                window = slice(start[k], periods)
                length, at = periods - start[k], start[j] - start[k]
                weight = (both * treated[k]) ** 2 * spread * _variance(at, length)
                estimate = _change(mean[j], window, at) - _change(mean[k], window, at)
                found.append(Comparison(LATER, int(cohorts[j]), int(cohorts[k]), estimate, weight))
    total = sum(c.weight for c in found)
    return [dataclasses.replace(c, weight=c.weight / total) for c in found]


def _variance(start: int, length: int) -> float:
    """Return the variance of an indicator that is 1 from `start` on in a window of some length."""
    return float((length - start) / length * (start / length))


def _change(path: NDArray[np.float64], window: slice, at: int) -> float:
    """Return the mean after less the mean before a position within a window."""
    inside = path[window]
    return float(inside[at:].mean() - inside[:at].mean())


def cell_weights(found: Fit, mass: NDArray[np.float64], hit: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the weight that the two-way coefficient gives to the effect of each group and period (C, T).

    Parameters
    ----------
    found : Fit
        The regression on one indicator of treatment.
    mass : (C,) float64
        Weight of each group.
    hit : (C, T) bool
        Where groups are treated.

    Returns
    -------
    (C, T)
        Adding up to 1 over treated cells, 0 elsewhere; negative ones turn the sign of their effects.

    Reference
    ---------
    de Chaisemartin and D'Haultfoeuille (2020), Two-way fixed effects estimators with heterogeneous treatment effects,
    American Economic Review 110(9), theorem 1.
    """
    return np.where(hit, found.influence[:, 0, 1:] * mass[:, None], 0.0)
