"""One regression with firm and year effects and an indicator for each chosen cell of cohort and year."""

from collections.abc import Callable

import numpy as np

from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.cells import Cell, cell_design, cell_labels, seen_cells, with_controls
from evalkit.stats.cohorts import caveats, cohort_shares, require_before_and_after
from evalkit.stats.inference import effects_table
from evalkit.stats.moments import Moments
from evalkit.stats.regression import regress, treatable


def saturated(
    sample: MatchedSample, whole: Moments, baseline: dict[str, float], method: str, chosen: Callable[[Cell], bool]
) -> Effects:
    """Estimate all chosen cells of all outcomes with their joint covariance.

    Parameters
    ----------
    sample : MatchedSample
        The firms.
    whole : Moments
        Their group moments.
    baseline : dict of outcome name to float
        Means before treatment.
    method : str
        Name of the estimator.
    chosen : callable
        Says which cells have an indicator; the others are the reference.

    Raises
    ------
    DesignError
        There is nothing to compare with (`E_NO_TREATED`, `E_NO_CONTROL`).
    EstimationError
        Cells are not identified (`E_COLLINEAR`).
    """
    panel = sample.panel
    moments, n_dropped = treatable(whole, panel.periods[0] + 1 + panel.anticipation)
    moments, cohorts = with_controls(moments, panel)
    cells = []
    for o, outcome in enumerate(panel.outcomes):
        require_before_and_after(moments, panel.periods, o, outcome.name)
        cells.append([c for c in seen_cells(moments, panel, cohorts, o) if chosen(c)])
    designs = [cell_design(moments, panel, own) for own in cells]
    found = regress(moments, designs, correction=panel.inference.correction)
    labels = cell_labels(sample, moments, [c for own in cells for c in own])
    table, vcov = effects_table(labels, found.estimate, found.vcov, found.dof, panel.inference.level)
    return Effects(
        table=table, vcov=vcov, method=method, options={}, outcomes=panel.outcomes, dof=found.dof,
        level=panel.inference.level,
        baseline=baseline, notes=caveats(n_dropped, labels, found.is_corrected),
        shares=cohort_shares(moments, np.array(cohorts, dtype=np.int64), found.influence),
    )  # fmt: skip
