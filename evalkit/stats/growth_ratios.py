"""Ratios of the growth of mean outcomes, cell by cell, with each firm's influence."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.arms import Contrast
from evalkit.stats.cell_changes import sides
from evalkit.stats.moments import Moments


@dataclasses.dataclass(frozen=True, eq=False)
class GrowthRatio:
    """One cell.

    Parameters
    ----------
    estimate : float
        Log of the growth of the cohort's mean over that of the comparison firms.
    slope : (3, C) float64
        Influence of a firm of each group: slope[0] w + slope[1] v_at + slope[2] v_since.
    """

    estimate: float
    slope: NDArray[np.float64]


def growth_ratio(contrast: Contrast, moments: Moments) -> GrowthRatio | None:
    """Compare the growth of means; None where a side has no firms, or a mean that is not above 0.

    With m_t the mean outcome of a side in period t, its growth is m_at / m_since, and a firm's influence on the log of
    it is y_at / m_at - y_since / m_since over the side's mass.

    Reference
    ---------
    Wooldridge (2023), Simple approaches to nonlinear difference-in-differences with panel data, Econometrics Journal
    26(3), section 3 (Poisson quasi-likelihood), which with group and period effects has this closed form.
    """
    slope, estimate = np.zeros((3, moments.n_groups)), 0.0
    centre = moments.centre[[contrast.at, contrast.since]]
    for own, sign in zip(sides(contrast, moments), (1.0, -1.0), strict=True):
        mass = moments.total[own, 0].sum()
        if not mass:
            return None
        means = moments.total[own][:, [contrast.at + 1, contrast.since + 1]].sum(axis=0) / mass + centre
        if (means <= 0).any():
            return None
        share = sign / mass
        slope[0, own] = share * (centre[0] / means[0] - centre[1] / means[1])
        slope[1, own], slope[2, own] = share / means[0], -share / means[1]
        estimate += sign * float(np.log(means[0] / means[1]))
    return GrowthRatio(estimate, slope)


def influence(
    contrasts: Sequence[Contrast], found: Sequence[GrowthRatio], moments: Moments
) -> Iterator[NDArray[np.float64]]:
    """Yield for each group the matrix A (cells, D + 1) with the firm's influence A v."""
    slope = np.array([ratio.slope for ratio in found])
    rows = np.arange(len(found))
    at, since = (np.array([getattr(c, side) for c in contrasts], dtype=np.intp) + 1 for side in ("at", "since"))
    for group in range(moments.n_groups):
        a = np.zeros((len(found), moments.total.shape[1]))
        a[:, 0] = slope[:, 0, group]
        a[rows, at] = slope[:, 1, group]
        a[rows, since] = slope[:, 2, group]
        yield a
