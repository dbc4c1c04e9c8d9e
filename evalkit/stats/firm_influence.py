"""What each firm contributes to the mean effect from the award on."""

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.observed import Observed


def overall_influence(firms: Observed) -> NDArray[np.float64]:
    """Return the influence (n,) of each firm on the mean of all cells from the award on.

    Cells are the changes of a cohort since the period before its award less those of never-treated firms, in proportion
    to the cohorts' weights: the group-time effects without covariates, aggregated overall. Leaving a firm out changes
    the estimate by about minus its influence.

    Parameters
    ----------
    firms : Observed
        All firms.

    Returns
    -------
    (n,) float64
        Zero for firms in no cell.

    Reference
    ---------
    Callaway and Sant'Anna (2021), Journal of Econometrics 225(2), theorem 2, without the part of estimated shares.
    """
    influence, mass = np.zeros(len(firms.y)), 0.0
    is_in = firms.weight > 0
    for cohort in firms.cohorts:
        groups = [is_in & (firms.cohort == label) for label in (cohort, 0)]
        own = float(firms.weight[groups[0]].sum())
        base = firms.at(cohort - 1 - firms.anticipation)
        for period in (p for p in firms.periods if p >= cohort):
            change = firms.at(period) - base
            members = [np.flatnonzero(group & np.isfinite(change)) for group in groups]
            if all(len(rows) for rows in members):
                mass += own
                for rows, sign in zip(members, (1.0, -1.0), strict=True):
                    w = firms.weight[rows] / firms.weight[rows].sum()
                    influence[rows] += sign * own * w * (change[rows] - (w * change[rows]).sum())
    return influence / mass if mass else influence


def concentration(influence: NDArray[np.float64]) -> tuple[float, float]:
    """Return the shares of the largest, and of the two largest, in the sum of squared influences, the variance.

    Influences sum to 0, so one firm never has more than half of the sum of absolute ones; of the variance it may.
    """
    size = np.sort(influence**2)[::-1]
    total = float(size.sum())
    return (float(size[0]) / total, float(size[:2].sum()) / total) if total else (0.0, 0.0)


def most_influential(influence: NDArray[np.float64], key: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Return the rows of all firms, those with the largest absolute influence first, equal ones by their key."""
    return np.lexsort((key, -np.abs(influence)))
