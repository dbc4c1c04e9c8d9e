"""How far apart the distributions of two weighted groups are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Gap = tuple[float, float]


def ecdf_gaps(x: NDArray[np.float64], pairs: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> list[Gap]:
    """Return the mean and the largest distance between the distribution functions of two groups.

    Parameters
    ----------
    x : (n,) float64
        A number, without missing values.
    pairs : sequence of two (n,) float64
        Weights of one group and of the other; each pair gives a result.

    Returns
    -------
    list of (float, float)
        Mean over the distinct values that have weight, and largest distance: the Kolmogorov-Smirnov statistic. NaN
        where a group has no weight.

    Reference
    ---------
    Austin and Stuart (2015), Moving towards best practice when using inverse probability of treatment weighting,
    on distribution functions and Kolmogorov-Smirnov distance in weighted samples.
    """
    order = np.argsort(x, kind="stable")
    ordered = x[order]
    is_last = np.append(ordered[1:] != ordered[:-1], np.ones(min(len(x), 1), dtype=bool))
    found = []
    for first, second in pairs:
        if not (first.sum() > 0 and second.sum() > 0):
            found.append((np.nan, np.nan))
            continue
        gap = np.abs(np.cumsum((first / first.sum() - second / second.sum())[order])[is_last])
        n_weighted = np.cumsum(((first > 0) | (second > 0))[order])[is_last]
        gap = gap[np.diff(n_weighted, prepend=0) > 0]
        found.append((float(gap.mean()), float(gap.max())))
    return found
