"""Imputation of the untreated outcome after Borusyak, Jaravel and Spiess."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.paths import baseline_means, sample_moments
from evalkit.errors import DesignError
from evalkit.model.effects import Effects
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cells import Cell, cell_labels, seen_cells
from evalkit.stats.cohorts import caveats, cohort_shares
from evalkit.stats.inference import effects_table
from evalkit.stats.least_squares import least_squares
from evalkit.stats.moments import Moments
from evalkit.stats.regression import treatable
from evalkit.stats.within import demeaned


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect for each award cohort and year from the award on: the outcome seen less the outcome imputed.

    Firm and year effects are fitted to the untreated firm-years alone; the outcome without the award is imputed from
    them, firm by firm. The most precise of all when untreated outcomes have equal variances and no serial correlation.

    Assumes
    -------
    Parallel paths without the award in all years, and no reaction before the declared anticipation. Standard errors
    are conservative: effects within a cohort and year are centred at their mean.

    Reference
    ---------
    Borusyak, Jaravel and Spiess (2024), Review of Economic Studies 91(6), theorem 2 and section 4.3.
    """

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all cells of all outcomes with their joint covariance, from one read of the data.

        Raises
        ------
        DesignError
            No cell can be imputed (`E_NO_CONTROL`).
        EstimationError
            The untreated firm-years do not identify the year effects (`E_COLLINEAR`).
        """
        panel = sample.panel
        moments, n_dropped = treatable(sample_moments(sample), panel.periods[0] + 1 + panel.anticipation)
        parts = [_imputed(moments, panel, o) for o in range(len(panel.outcomes))]
        cells = [c for part in parts for c in part.cells]
        if not cells:
            raise DesignError("no supported firm-year can be imputed from unsupported ones", code="E_NO_CONTROL")
        influence = _stacked(parts, moments, len(panel.periods))
        cohorts = np.unique([c.cohort for c in cells]).astype(np.int64)
        estimate = np.concatenate([part.estimate for part in parts])
        labels = cell_labels(sample, moments, cells)
        table, vcov = effects_table(labels, estimate, moments.covariance(influence), np.inf, panel.inference.level)
        return Effects(
            table=table, vcov=vcov, method="imputation", options={}, outcomes=panel.outcomes,
            baseline=baseline_means(sample), level=panel.inference.level, notes=caveats(n_dropped, labels),
            shares=cohort_shares(moments, cohorts, influence),
        )  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class _Imputed:
    """Cells of one outcome, their effects, and each group's influence matrix (C, cells, T + 1)."""

    cells: list[Cell]
    estimate: NDArray[np.float64]
    influence: NDArray[np.float64]


def _imputed(moments: Moments, panel: Panel, outcome: int) -> _Imputed:
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
    keep = []
    for k, cell in enumerate(cells):
        t = cell.year - panel.periods[0]
        inside = (moments.cohort == cell.cohort) & seen[:, t] & (n_untreated > 0) & ~(untreated & ~reach).any(axis=1)
        if not inside.any():
            continue
        keep.append(k)
        weight = np.where(inside, 1.0 / mass[inside].sum(), 0.0)
        contrast = (np.eye(n_periods)[t] - share) * weight[:, None]
        estimate[k] = (contrast * mass[:, None] * (np.where(seen, mean, 0.0) - path)).sum()
        slope = (contrast * mass[:, None]).sum(axis=0)[live[1:]]
        influence[:, k, 1:] = contrast - np.einsum("j,ctj->ct", bread @ slope, inner)
        influence[:, k, 0] = -(influence[:, k, 1:] * np.where(seen, path, 0.0)).sum(axis=1) - weight * estimate[k]
    return _Imputed([cells[k] for k in keep], estimate[keep], influence[:, keep])


def _year_effects(
    inner: NDArray[np.float64], outcome: NDArray[np.float64], mass: NDArray[np.float64], panel: Panel,
    live: NDArray[np.intp],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Fit the year effects to the untreated firm-years; the first live year is 0."""
    root = np.sqrt(mass)
    x = (inner * root[:, None, None]).reshape(-1, inner.shape[2])
    return least_squares(x, (outcome * root[:, None]).reshape(-1), [f"year {panel.periods[j]}" for j in live[1:]])


def _stacked(parts: Sequence[_Imputed], moments: Moments, n_periods: int) -> list[NDArray[np.float64]]:
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
