"""Outcomes without the award, imputed from untreated firm-years; what estimators make of them is theirs."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cells import Cell, cell_labels, seen_cells
from evalkit.stats.cluster import clusters_among
from evalkit.stats.least_squares import least_squares
from evalkit.stats.moments import Moments
from evalkit.stats.within import demeaned


@dataclasses.dataclass(frozen=True, eq=False)
class Imputed:
    """Imputed effects of one outcome.

    Parameters
    ----------
    cells : list of Cell
        Those that can be imputed.
    estimate : (cells,) float64
        Mean effect of each.
    influence : (C, cells, T + 1) float64
        Each group's influence matrix.
    share : (C, cells) float64
        Weight of a group's firms in each cell, per unit of their own weight.
    is_lost : (C,) bool
        Groups that are seen after the award and in no untreated year, so that nothing can be imputed for them.
    """

    cells: list[Cell]
    estimate: NDArray[np.float64]
    influence: NDArray[np.float64]
    share: NDArray[np.float64]
    is_lost: NDArray[np.bool_]


def imputed(moments: Moments, panel: Panel, outcome: int) -> Imputed:
    """Impute one outcome: tau = mean over the cell of (y_t - mean y) - (year_t - mean year), means over untreated."""
    n_periods = len(panel.periods)
    seen = moments.observed[:, outcome * n_periods : (outcome + 1) * n_periods]
    years = np.array(panel.periods)
    treated = (moments.cohort[:, None] > 0) & (years[None, :] >= moments.cohort[:, None] - panel.anticipation)
    untreated = seen & ~treated
    n_untreated = untreated.sum(axis=1)
    mass = moments.total[:, 0]
    mean = moments.total[:, 1 + outcome * n_periods : 1 + (outcome + 1) * n_periods] / mass[:, None]
    live = np.flatnonzero((untreated & (n_untreated >= 2)[:, None]).any(axis=0))
    if len(live) < 2:
        none = np.zeros((len(mass), 0))
        return Imputed([], np.zeros(0), np.zeros((len(mass), 0, n_periods + 1)), none, np.zeros(len(mass), bool))
    inner = demeaned(np.broadcast_to(np.eye(n_periods)[:, live[1:]], (len(mass), n_periods, len(live) - 1)), untreated)
    effects, bread = _year_effects(inner, demeaned(mean[:, :, None], untreated)[:, :, 0], mass, panel, live)
    path = np.zeros(n_periods)
    path[live[1:]] = effects
    share = untreated / np.maximum(n_untreated, 1)[:, None]
    reach = np.zeros(n_periods, dtype=bool)
    reach[live] = True
    cells = [
        c
        for c in seen_cells(moments, panel, [int(g) for g in np.unique(moments.cohort) if g > 0], outcome)
        if c.year >= c.cohort - panel.anticipation and reach[c.year - panel.periods[0]]
    ]
    estimate = np.zeros(len(cells))
    influence = np.zeros((len(mass), len(cells), n_periods + 1))
    shares = np.zeros((len(mass), len(cells)))
    keep = []
    for k, cell in enumerate(cells):
        t = cell.year - panel.periods[0]
        inside = (moments.cohort == cell.cohort) & seen[:, t] & (n_untreated > 0) & ~(untreated & ~reach).any(axis=1)
        if not inside.any():
            continue
        keep.append(k)
        weight = np.where(inside, 1.0 / mass[inside].sum(), 0.0)
        shares[:, k] = weight
        contrast = (np.eye(n_periods)[t] - share) * weight[:, None]
        estimate[k] = (contrast * mass[:, None] * (np.where(seen, mean, 0.0) - path)).sum()
        slope = (contrast * mass[:, None]).sum(axis=0)[live[1:]]
        influence[:, k, 1:] = contrast - np.einsum("j,ctj->ct", bread @ slope, inner)
        influence[:, k, 0] = -(influence[:, k, 1:] * np.where(seen, path, 0.0)).sum(axis=1) - weight * estimate[k]
    is_lost = (seen & treated).any(axis=1) & (n_untreated == 0)
    return Imputed([cells[k] for k in keep], estimate[keep], influence[:, keep], shares[:, keep], is_lost)


def _year_effects(
    inner: NDArray[np.float64], outcome: NDArray[np.float64], mass: NDArray[np.float64], panel: Panel,
    live: NDArray[np.intp],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Fit the year effects to the untreated firm-years; the first live year is 0."""
    root = np.sqrt(mass)
    x = (inner * root[:, None, None]).reshape(-1, inner.shape[2])
    return least_squares(x, (outcome * root[:, None]).reshape(-1), [f"year {panel.periods[j]}" for j in live[1:]])


def imputed_labels(sample: MatchedSample, moments: Moments, parts: Sequence[Imputed]) -> dict[str, list[object]]:
    """Return the labels of all cells, with the treated firms for which something was imputed."""
    labels = cell_labels(sample, moments, [cell for part in parts for cell in part.cells])
    inside = [own > 0 for part in parts for own in part.share.T]
    labels["n_treated"] = [int(moments.n[own].sum()) for own in inside]
    labels["n_clusters"] = [clusters_among(moments, own) for own in inside]
    return labels


def not_imputed(moments: Moments, parts: Sequence[Imputed]) -> tuple[str, ...]:
    """Return the note on treated firms that some outcome shows in no untreated year."""
    n_lost = int(moments.n[np.any([part.is_lost for part in parts], axis=0)].sum())
    return (f"not_imputed:{n_lost}",) if n_lost else ()


def side_by_side(parts: Sequence[Imputed], moments: Moments, n_periods: int) -> list[NDArray[np.float64]]:
    """Place each outcome's influence under its own columns of v."""
    sizes = [len(part.cells) for part in parts]
    stacked = []
    for group in range(moments.n_groups):
        a = np.zeros((sum(sizes), moments.total.shape[1]))
        row = 0
        for o, part in enumerate(parts):
            a[row : row + sizes[o], 0] = part.influence[group, :, 0]
            a[row : row + sizes[o], 1 + o * n_periods : 1 + (o + 1) * n_periods] = part.influence[group, :, 1:]
            row += sizes[o]
        stacked.append(a)
    return stacked
