"""Outcomes without the award, imputed from untreated firm-years; what estimators make of them is theirs."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.model.effects import Parts
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cells import Cell, cell_labels, seen_cells
from evalkit.stats.cluster import Linear, clusters_among, corrected, require_clusters
from evalkit.stats.least_squares import least_squares
from evalkit.stats.mean_contrasts import cohort_parts
from evalkit.stats.moments import Moments
from evalkit.stats.regression import Choice, Regression, chosen_correction, joint
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
    years : (J,) float64
        Year effects that the untreated firm-years tell.
    x, weight : (C, T, J + cells) float64
        Indicators of years and cells less what firm effects take out, and what outcomes count in the coefficients.
    share : (C, cells) float64
        Weight of a group's firms in each cell, per unit of their own weight.
    is_lost : (C,) bool
        Groups that are seen after the award and in no untreated year, so that nothing can be imputed for them.
    """

    cells: list[Cell]
    estimate: NDArray[np.float64]
    years: NDArray[np.float64]
    x: NDArray[np.float64]
    weight: NDArray[np.float64]
    share: NDArray[np.float64]
    is_lost: NDArray[np.bool_]

    @property
    def linear(self) -> Linear:
        """The effects as sums of outcomes, and the fit that their residuals are taken from."""
        fitted = self.x @ np.concatenate([self.years, self.estimate])
        return Linear.of(self.x, self.weight, fitted, len(self.years))


def imputed(moments: Moments, panel: Panel, outcome: int) -> Imputed:
    """Impute one outcome: tau = mean over the cell of (y_t - mean y) - (year_t - mean year), means over untreated."""
    n_periods = len(panel.periods)
    seen = moments.observed[:, outcome * n_periods : (outcome + 1) * n_periods]
    first = moments.cohort[:, None] - panel.anticipation
    treated = (moments.cohort[:, None] > 0) & (np.array(panel.periods)[None, :] >= first)
    untreated = seen & ~treated
    n_untreated = untreated.sum(axis=1)
    is_lost = (seen & treated).any(axis=1) & (n_untreated == 0)
    mass, none = moments.total[:, 0], np.zeros((moments.n_groups, n_periods, 0))
    mean = moments.total[:, 1 + outcome * n_periods : 1 + (outcome + 1) * n_periods] / mass[:, None]
    live = np.flatnonzero((untreated & (n_untreated >= 2)[:, None]).any(axis=0))
    if len(live) < 2:
        return Imputed([], np.zeros(0), np.zeros(0), none, none, none[:, 0], np.zeros(len(mass), bool))
    years = np.broadcast_to(np.eye(n_periods)[:, live[1:]], (len(mass), n_periods, len(live) - 1))
    inner = demeaned(years, untreated)
    effects, bread = _year_effects(inner, demeaned(mean[:, :, None], untreated)[:, :, 0], mass, panel, live)
    path, reach = np.zeros(n_periods), np.isin(np.arange(n_periods), live)
    path[live[1:]] = effects
    can = (n_untreated > 0) & ~(untreated & ~reach).any(axis=1)
    cells, inside = _cells(moments, panel, outcome, seen & treated & reach & can[:, None])
    share = inside.any(axis=1) / np.maximum((mass[:, None] * inside.any(axis=1)).sum(axis=0), np.finfo(float).tiny)
    contrast = (inside - (untreated / np.maximum(n_untreated, 1)[:, None])[:, :, None]) * share[:, None]
    change = contrast * mass[:, None, None]
    estimate = np.einsum("ctk,ct->k", change, np.where(seen, mean, 0.0) - path)
    weight = np.concatenate([inner @ bread, contrast - inner @ bread @ change.sum(axis=0)[live[1:]]], axis=2)
    x = demeaned(np.concatenate([years, inside], axis=2), (untreated & reach) | inside.any(axis=2))
    return Imputed(cells, estimate, effects, x, weight, share, is_lost)


def _cells(
    moments: Moments, panel: Panel, outcome: int, can: NDArray[np.bool_]
) -> tuple[list[Cell], NDArray[np.float64]]:
    """Return the cells in which some group can be imputed, and indicators (C, T, cells) of the groups that can."""
    cohorts = [int(g) for g in np.unique(moments.cohort) if g > 0]
    places = [
        (c, c.year - panel.periods[0], moments.cohort == c.cohort) for c in seen_cells(moments, panel, cohorts, outcome)
    ]
    kept = [(cell, t, own & can[:, t]) for cell, t, own in places if (own & can[:, t]).any()]
    inside = np.zeros((*can.shape, len(kept)))
    for k, (_, t, groups) in enumerate(kept):
        inside[groups, t, k] = 1.0
    return [cell for cell, _, _ in kept], inside


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


def with_errors(moments: Moments, parts: Sequence[Imputed], correction: Choice) -> Regression:
    """Return the effects of all outcomes with their joint covariance and degrees of freedom.

    Parameters
    ----------
    moments : Moments
        Groups.
    parts : sequence of Imputed
        One per outcome, in the order of the columns.
    correction : {"auto", "cr1", "cr2", "cr3"}
        "cr1" leaves residuals as they are and takes the normal law; "auto" does so from 50 treated clusters on, and
        takes "cr2" below. Clusters in two ways are not corrected.

    Raises
    ------
    EstimationError
        All firms are in one cluster (`E_CLUSTERS`).
    """
    require_clusters(clusters_among(moments, np.ones(moments.n_groups, dtype=bool)))
    chosen = chosen_correction(moments, correction)
    found = [corrected(moments, part.linear, chosen) for part in parts]
    return joint(moments, np.concatenate([part.estimate for part in parts]), found, chosen)


def parts_by_cohort(moments: Moments, found: Regression) -> Parts | None:
    """Return what averages of cells of several cohorts need; None without a correction, or with larger clusters."""
    if not found.is_corrected or moments.cluster is not None:
        return None
    behind = np.array([a[:, 1:].any(axis=1) for a in found.influence])
    return cohort_parts(moments, found.influence, behind)
