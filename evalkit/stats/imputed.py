"""Outcomes without the award, imputed from untreated firm-years; what estimators make of them is theirs."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.model.effects import Parts
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cells import Cell, cell_labels
from evalkit.stats.cluster import Linear, clusters_among, corrected, require_clusters
from evalkit.stats.least_squares import least_squares
from evalkit.stats.mean_contrasts import cohort_parts
from evalkit.stats.moments import Moments
from evalkit.stats.regression import Choice, Regression, chosen_correction, joint
from evalkit.stats.within import demeaned


@dataclasses.dataclass(frozen=True, eq=False)
class Reach:
    """What of one outcome can be imputed.

    Parameters
    ----------
    cells : list of Cell
        Those that can be.
    live : (m,) int64
        Position of the periods that untreated firm-years tell the effect of: those of firms with two of them.
    untreated : (C, T) bool
        Untreated firm-years in these periods.
    inside : (C, T, cells) float64
        1 where a group's firm-year is in a cell.
    share : (C, cells) float64
        Weight of a group's firms in each cell, per unit of their own weight.
    is_lost : (C,) bool
        Groups that are seen after the award and in no untreated year, so that nothing can be imputed for them.
    """

    cells: list[Cell]
    live: NDArray[np.int64]
    untreated: NDArray[np.bool_]
    inside: NDArray[np.float64]
    share: NDArray[np.float64]
    is_lost: NDArray[np.bool_]

    @classmethod
    def of(cls, moments: Moments, panel: Panel, outcome: int) -> "Reach":
        """Find what can be imputed from moments of all outcomes."""
        n_periods = len(panel.periods)
        seen = moments.observed[:, outcome * n_periods : (outcome + 1) * n_periods]
        return reach(moments.cohort, seen, moments.total[:, 0], panel, outcome)

    @property
    def beyond(self) -> NDArray[np.bool_]:
        """Firm-years in cells (C, T)."""
        return np.asarray(self.inside.any(axis=2), np.bool_)


@dataclasses.dataclass(frozen=True, eq=False)
class Averages:
    """What is told of the cells: E averages of them.

    Parameters
    ----------
    inside : (E, cells) float64
        1 where a cell is in an average; residuals are taken from the mean of all that is in it.
    weights : (E, cells) float64
        Weight of each cell in each average.
    """

    inside: NDArray[np.float64]
    weights: NDArray[np.float64]


def each_cell(reach: Reach) -> Averages:
    """Return every cell by itself."""
    return Averages(np.eye(len(reach.cells)), np.eye(len(reach.cells)))


@dataclasses.dataclass(frozen=True, eq=False)
class Imputed:
    """Imputed effects of one outcome.

    Parameters
    ----------
    estimate : (E,) float64
        Mean effect of each cell, or average of cells.
    years : (J,) float64
        Year effects that the untreated firm-years tell.
    x, weight : (C, T, J + E) float64
        Indicators of years and cells less what firm effects take out, and what outcomes count in the coefficients.
    """

    estimate: NDArray[np.float64]
    years: NDArray[np.float64]
    x: NDArray[np.float64]
    weight: NDArray[np.float64]

    @property
    def linear(self) -> Linear:
        """The effects as sums of outcomes, and the fit that their residuals are taken from."""
        fitted = self.x @ np.concatenate([self.years, self.estimate])
        return Linear.of(self.x, self.weight, fitted, len(self.years))


def treated_periods(cohort: NDArray[np.int64], panel: Panel) -> NDArray[np.bool_]:
    """Say in which periods firms of some cohorts (C,) are treated (C, T), anticipation counted."""
    first = cohort[:, None] - panel.anticipation
    return np.asarray((cohort[:, None] > 0) & (np.array(panel.periods) >= first), np.bool_)


def reach(
    cohort: NDArray[np.int64], seen: NDArray[np.bool_], mass: NDArray[np.float64], panel: Panel, outcome: int
) -> Reach:  # fmt: skip
    """Find what can be imputed for groups with a cohort (C,), observed periods (C, T) and a sum of weights (C,)."""
    n_periods = len(panel.periods)
    treated = treated_periods(cohort, panel)
    untreated = seen & ~treated
    n_untreated = untreated.sum(axis=1)
    is_lost = (seen & treated).any(axis=1) & (n_untreated == 0)
    live = np.flatnonzero((untreated & (n_untreated >= 2)[:, None]).any(axis=0)).astype(np.int64)
    if len(live) < 2:
        none = np.zeros((len(mass), n_periods, 0))
        return Reach([], live, untreated, none, none[:, 0], np.zeros(len(mass), bool))
    within = np.isin(np.arange(n_periods), live)
    untreated &= within
    can = seen & treated & within & (untreated.sum(axis=1) > 0)[:, None]
    places = [(g, t) for g in np.unique(cohort[cohort > 0]) for t in np.flatnonzero(can[cohort == g].any(axis=0))]
    inside = np.zeros((*can.shape, len(places)))
    for k, (g, t) in enumerate(places):
        inside[(cohort == g) & can[:, t], t, k] = 1.0
    share = inside.any(axis=1) / np.maximum((mass[:, None] * inside.any(axis=1)).sum(axis=0), np.finfo(float).tiny)
    cells = [Cell(outcome, int(g), panel.periods[t]) for g, t in places]
    return Reach(cells, live, untreated, inside, share, is_lost)


def imputed(moments: Moments, panel: Panel, outcome: int, found: Reach, averages: Averages) -> Imputed:
    """Impute one outcome: tau = mean over the cell of (y_t - mean y) - (year_t - mean year), means over untreated."""
    n_periods, mass = len(panel.periods), moments.total[:, 0]
    if not found.cells:
        none = np.zeros((moments.n_groups, n_periods, 0))
        return Imputed(np.zeros(0), np.zeros(0), none, none)
    seen = moments.observed[:, outcome * n_periods : (outcome + 1) * n_periods]
    mean = moments.total[:, 1 + outcome * n_periods : 1 + (outcome + 1) * n_periods] / mass[:, None]
    live, untreated, inside = found.live, found.untreated, found.inside
    years = np.broadcast_to(np.eye(n_periods)[:, live[1:]], (len(mass), n_periods, len(live) - 1))
    inner = demeaned(years, untreated)
    effects, bread = _year_effects(inner, demeaned(mean[:, :, None], untreated)[:, :, 0], mass, panel, live)
    path = np.zeros(n_periods)
    path[live[1:]] = effects
    before = untreated / np.maximum(untreated.sum(axis=1), 1)[:, None]
    contrast = (inside - before[:, :, None]) * found.share[:, None]
    change = contrast * mass[:, None, None]
    estimate = np.einsum("ctk,ct->k", change, np.where(seen, mean, 0.0) - path)
    weight = contrast - inner @ bread @ change.sum(axis=0)[live[1:]]
    x = demeaned(np.concatenate([years, inside], axis=2), untreated | found.beyond)
    k = len(effects)
    return Imputed(
        averages.weights @ estimate, effects, np.concatenate([x[:, :, :k], x[:, :, k:] @ averages.inside.T], axis=2),
        np.concatenate([inner @ bread, weight @ averages.weights.T], axis=2),
    )  # fmt: skip


def _year_effects(
    inner: NDArray[np.float64], outcome: NDArray[np.float64], mass: NDArray[np.float64], panel: Panel,
    live: NDArray[np.intp],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Fit the year effects to the untreated firm-years; the first live year is 0."""
    root = np.sqrt(mass)
    x = (inner * root[:, None, None]).reshape(-1, inner.shape[2])
    return least_squares(x, (outcome * root[:, None]).reshape(-1), [f"year {panel.periods[j]}" for j in live[1:]])


def imputed_labels(sample: MatchedSample, moments: Moments, reaches: Sequence[Reach]) -> dict[str, list[object]]:
    """Return the labels of all cells, with the treated firms for which something was imputed."""
    labels = cell_labels(sample, moments, [cell for part in reaches for cell in part.cells])
    inside = [own > 0 for part in reaches for own in part.share.T]
    labels["n_treated"] = [int(moments.n[own].sum()) for own in inside]
    labels["n_clusters"] = [clusters_among(moments, own) for own in inside]
    return labels


def not_imputed(moments: Moments, reaches: Sequence[Reach]) -> tuple[str, ...]:
    """Return the note on treated firms that some outcome shows in no untreated year."""
    n_lost = int(moments.n[np.any([part.is_lost for part in reaches], axis=0)].sum())
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
