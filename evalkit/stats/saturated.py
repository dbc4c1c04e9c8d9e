"""One regression with firm and year effects and an indicator for each chosen cell of cohort and year."""

from collections.abc import Callable

from evalkit.model.sample import MatchedSample
from evalkit.stats.cells import Cell, cell_design, cell_labels, seen_cells, with_controls
from evalkit.stats.cohorts import require_before_and_after
from evalkit.stats.moments import Moments
from evalkit.stats.own_regressors import Own
from evalkit.stats.regression import Problem, treatable


def saturated(sample: MatchedSample, whole: Moments, chosen: Callable[[Cell], bool], own: Own | None = None) -> Problem:
    """Return the regression on all chosen cells of all outcomes.

    Parameters
    ----------
    sample : MatchedSample
        The firms.
    whole : Moments
        Their group moments.
    chosen : callable
        Says which cells have an indicator; the others are the reference.
    own : Own, optional
        Regressors of firms.

    Raises
    ------
    DesignError
        There is nothing to compare with (`E_NO_TREATED`, `E_NO_CONTROL`).
    """
    panel = sample.panel
    moments, n_dropped = treatable(whole, panel.periods[0] + 1 + panel.anticipation)
    moments, cohorts = with_controls(moments, panel)
    cells = []
    for o, outcome in enumerate(panel.outcomes):
        require_before_and_after(moments, panel.periods, o, outcome.name)
        cells.append([c for c in seen_cells(moments, panel, cohorts, o) if chosen(c)])
    designs = [cell_design(moments, panel, own) for own in cells]
    labels = cell_labels(sample, moments, [c for own in cells for c in own])
    return Problem(moments, designs, labels, n_dropped, tuple(cohorts), own)
