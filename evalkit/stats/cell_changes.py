"""Difference of mean changes of a cohort and its comparison firms, cell by cell, with each firm's influence."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.arms import Contrast
from evalkit.stats.moments import Moments

Arms = tuple[tuple[NDArray[np.bool_], float], ...]
"""Groups of firms (C,) and the sign with which their mean change counts; no group is in two of them."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """A change from one column of outcomes to another."""

    at: int
    since: int


@dataclasses.dataclass(frozen=True, eq=False)
class CellChange:
    """One cell.

    Parameters
    ----------
    estimate : float
        The signed sum of mean changes, such as that of the cohort less that of the comparison firms.
    scale : (2, C) float64
        Influence of a firm of each group: scale[0] v_at - scale[1] v_since + constant w; 0 for groups on no side.
    constant : (C,) float64
    """

    estimate: float
    scale: NDArray[np.float64]
    constant: NDArray[np.float64]


Sides = tuple[NDArray[np.bool_], NDArray[np.bool_]]


def sides(contrast: Contrast, moments: Moments) -> Sides:
    """Say which groups of firms are on each side of a cell."""
    seen = moments.observed[:, contrast.at] & moments.observed[:, contrast.since]
    return seen & (moments.cohort == contrast.cohort), seen & np.isin(moments.cohort, contrast.controls)


def two_sides(members: Sides) -> Arms:
    """Return a cohort less its comparison firms."""
    return (members[0], 1.0), (members[1], -1.0)


def cell_change(cell: Cell | Contrast, arms: Arms, moments: Moments) -> CellChange:
    """Add up mean changes with their signs; keep each group's share in the influence."""
    change = moments.total[:, cell.at + 1] - moments.total[:, cell.since + 1]
    scale, constant = np.zeros((2, moments.n_groups)), np.zeros(moments.n_groups)
    estimate = 0.0
    for own, sign in arms:
        mass = moments.total[own, 0].sum()
        average = change[own].sum() / mass
        scale[:, own], constant[own] = sign / mass, -sign / mass * average
        estimate += sign * average
    return CellChange(float(estimate), scale, constant)


def ratio_change(cell: Cell | Contrast, arms: Arms, moments: Moments) -> CellChange:
    """Add up the logs of the growth of means with their signs.

    With m_t the mean outcome of a group in period t, its growth is m_at / m_since, and a firm's influence on the log of
    it y_at / m_at - y_since / m_since over the group's mass.

    Reference
    ---------
    Wooldridge (2023), Simple approaches to nonlinear difference-in-differences with panel data, Econometrics Journal
    26(3), section 3 (Poisson quasi-likelihood), which in a cell with group and period effects has this closed form.
    """
    scale, constant = np.zeros((2, moments.n_groups)), np.zeros(moments.n_groups)
    estimate = 0.0
    for own, sign in arms:
        mass = moments.total[own, 0].sum()
        centre = moments.centre[[cell.at, cell.since]]
        means = moments.total[own][:, [cell.at + 1, cell.since + 1]].sum(axis=0) / mass + centre
        scale[:, own] = (sign / mass / means)[:, None]
        constant[own] = sign / mass * (centre[0] / means[0] - centre[1] / means[1])
        estimate += sign * np.log(means[0] / means[1])
    return CellChange(float(estimate), scale, constant)


def cell_influence(
    cells: Sequence[Cell | Contrast], found: Sequence[CellChange], moments: Moments
) -> Iterator[NDArray[np.float64]]:
    """Yield for each group the matrix A (cells, D + 1) with the firm's influence A v."""
    k = len(cells)
    scale, constant = np.array([c.scale for c in found]), np.array([c.constant for c in found])
    at, since = (np.array([getattr(c, side) for c in cells], dtype=np.intp) + 1 for side in ("at", "since"))
    for group in range(moments.n_groups):
        a = np.zeros((k, moments.total.shape[1]))
        a[np.arange(k), at] = scale[:, 0, group]
        a[np.arange(k), since] -= scale[:, 1, group]
        a[:, 0] = constant[:, group]
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
    found = [cell_change(c, two_sides(members), moments) for _, c, members in flat]
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
