"""Cells of cohort and year: which there are, their indicators and their labels."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cluster import clusters_among
from evalkit.stats.cohorts import observed_of, require_controls
from evalkit.stats.moments import Moments
from evalkit.stats.regression import Design


@dataclasses.dataclass(frozen=True)
class Cell:
    """One outcome, cohort and year.

    Parameters
    ----------
    outcome : int
        Position of the outcome.
    cohort, year : int
        Cohort and period.
    """

    outcome: int
    cohort: int
    year: int


def with_controls(moments: Moments, panel: Panel) -> tuple[Moments, list[int]]:
    """Return moments in which some firms are untreated in every period, and the cohorts that can be estimated.

    Without never-treated firms the last cohort stands in for them, and the periods from its treatment on are left out.

    Raises
    ------
    DesignError
        There is no cohort, or a single one and nothing to compare it with (`E_NO_TREATED`, `E_NO_CONTROL`).
    """
    cohorts, has_untreated = require_controls(moments, panel.periods[-1])
    if has_untreated:
        return moments, cohorts
    late = np.tile(np.array(panel.periods) >= cohorts[-1] - panel.anticipation, len(panel.outcomes))
    return moments.without(np.broadcast_to(late, moments.observed.shape)), cohorts[:-1]


def cell_design(moments: Moments, panel: Panel, cells: Sequence[Cell]) -> Design:
    """Return one indicator for each cell of one outcome."""
    columns = np.zeros((moments.n_groups, len(panel.periods), len(cells)))
    for j, cell in enumerate(cells):
        columns[moments.cohort == cell.cohort, cell.year - panel.periods[0], j] = 1.0
    return Design(columns, [f"cohort {c.cohort} in {c.year}" for c in cells])


def seen_cells(moments: Moments, panel: Panel, cohorts: Sequence[int], outcome: int) -> list[Cell]:
    """Return the cells of one outcome in which some firm with two observed periods is observed."""
    seen = observed_of(moments, outcome, len(panel.periods))
    return [
        Cell(outcome, g, p) for g in cohorts for j, p in enumerate(panel.periods) if seen[moments.cohort == g, j].any()
    ]


def cell_labels(sample: MatchedSample, moments: Moments, cells: Sequence[Cell]) -> dict[str, list[object]]:
    """Return the labels of `Effects` for cells estimated from all firms of an outcome."""
    panel = sample.panel
    counts: dict[int, tuple[NDArray[np.bool_], int]] = {}
    for o in {c.outcome for c in cells}:
        seen = observed_of(moments, o, len(panel.periods))
        untreated = (moments.cohort == 0) | (moments.cohort > panel.periods[-1])
        if not untreated.any():
            untreated = moments.cohort == moments.cohort.max()
        counts[o] = seen, int(moments.n[untreated & seen.any(axis=1)].sum())
    n_treated: list[object] = [
        int(moments.n[(moments.cohort == c.cohort) & counts[c.outcome][0][:, c.year - panel.periods[0]]].sum())
        for c in cells
    ]
    n_clusters: list[object] = [
        clusters_among(moments, (moments.cohort == c.cohort) & counts[c.outcome][0][:, c.year - panel.periods[0]])
        for c in cells
    ]
    return {
        "outcome": [panel.outcomes[c.outcome].name for c in cells],
        "estimand": [sample.estimand] * len(cells),
        "cohort": [c.cohort for c in cells],
        "year": [c.year for c in cells],
        "event_time": [c.year - c.cohort for c in cells],
        "n_treated": n_treated,
        "n_clusters": n_clusters,
        "n_control": [counts[c.outcome][1] for c in cells],
    }
