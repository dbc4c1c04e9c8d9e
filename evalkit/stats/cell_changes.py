"""Difference of mean changes of a cohort and its comparison firms, cell by cell, with each firm's influence."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.arms import Contrast
from evalkit.stats.moments import Moments


@dataclasses.dataclass(frozen=True, eq=False)
class CellChange:
    """One cell.

    Parameters
    ----------
    estimate : float
        Mean change of the cohort less that of the comparison firms.
    scale, mean : (C,) float64
        Influence of a firm of each group: scale * w_i * (change_i - mean); 0 for groups on neither side.
    """

    estimate: float
    scale: NDArray[np.float64]
    mean: NDArray[np.float64]


Sides = tuple[NDArray[np.bool_], NDArray[np.bool_]]


def sides(contrast: Contrast, moments: Moments) -> Sides:
    """Say which groups of firms are on each side of a cell."""
    seen = moments.observed[:, contrast.at] & moments.observed[:, contrast.since]
    control = np.zeros(moments.n_groups, dtype=bool)
    for cohort in contrast.controls:
        control |= moments.cohort == cohort
    return seen & (moments.cohort == contrast.cohort), seen & control


def cell_change(contrast: Contrast, members: Sides, moments: Moments) -> CellChange:
    """Compare mean changes; keep each group's share in the influence."""
    change = moments.total[:, contrast.at + 1] - moments.total[:, contrast.since + 1]
    scale, mean = np.zeros(moments.n_groups), np.zeros(moments.n_groups)
    averages = []
    for own, sign in zip(members, (1.0, -1.0), strict=True):
        mass = moments.total[own, 0].sum()
        average = change[own].sum() / mass
        scale[own], mean[own] = sign / mass, average
        averages.append(average)
    return CellChange(float(averages[0] - averages[1]), scale, mean)


def cell_influence(
    contrasts: Sequence[Contrast], found: Sequence[CellChange], moments: Moments
) -> Iterator[NDArray[np.float64]]:
    """Yield for each group the matrix A (cells, D + 1) with the firm's influence A v."""
    k = len(contrasts)
    scale, mean = np.array([c.scale for c in found]), np.array([c.mean for c in found])
    at, since = (np.array([getattr(c, side) for c in contrasts], dtype=np.intp) + 1 for side in ("at", "since"))
    for group in range(moments.n_groups):
        a = np.zeros((k, moments.total.shape[1]))
        a[np.arange(k), at] = scale[:, group]
        a[np.arange(k), since] -= scale[:, group]
        a[:, 0] = -scale[:, group] * mean[:, group]
        yield a


@dataclasses.dataclass(frozen=True, eq=False)
class PooledChanges:
    """Averages of cells.

    Parameters
    ----------
    rows : (R,) int
        Which of the averages asked for have a cell with firms on both sides.
    estimate : (R,) float64
    vcov : (R, R) float64
        With the shares of the cells taken as given.
    n_treated, n_control : (R,) int64
        Distinct firms, where the cells of an average are of different cohorts.
    """

    rows: NDArray[np.intp]
    estimate: NDArray[np.float64]
    vcov: NDArray[np.float64]
    n_treated: NDArray[np.int64]
    n_control: NDArray[np.int64]


def pooled_changes(asked: Sequence[Sequence[Contrast]], moments: Moments) -> PooledChanges | None:
    """Average cells of several cohorts in proportion to the weight of their treated firms; None without any cell."""
    flat = [(r, c, members) for r, own in enumerate(asked) for c in own if _has_both(members := sides(c, moments))]
    if not flat:
        return None
    contrasts = [c for _, c, _ in flat]
    found = [cell_change(c, members, moments) for _, c, members in flat]
    rows, place = np.unique([r for r, _, _ in flat], return_inverse=True)
    mass = np.array([moments.total[members[0], 0].sum() for _, _, members in flat])
    share = np.zeros((len(rows), len(flat)))
    share[place, np.arange(len(flat))] = mass / np.bincount(place, mass)[place]
    counts = np.zeros((len(rows), 2), dtype=np.int64)
    for r, (_, _, (treated, control)) in zip(place, flat, strict=True):
        n_control = max(counts[r, 1], int(moments.n[control].sum()))
        counts[r] = counts[r, 0] + int(moments.n[treated].sum()), n_control
    vcov = moments.covariance([share @ a for a in cell_influence(contrasts, found, moments)])
    return PooledChanges(rows, share @ np.array([f.estimate for f in found]), vcov, counts[:, 0], counts[:, 1])


def _has_both(members: Sides) -> bool:
    return bool(members[0].any() and members[1].any())
