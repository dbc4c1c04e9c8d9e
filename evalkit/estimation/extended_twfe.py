"""Extended two-way fixed effects after Wooldridge."""

import dataclasses

import numpy as np

from evalkit.engine.paths import baseline_means, sample_moments
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.cells import cell_design, cell_labels, seen_cells, with_controls
from evalkit.stats.cohorts import cohort_shares, dropped_note, require_before_and_after
from evalkit.stats.inference import effects_table
from evalkit.stats.regression import regress, treatable


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect for each award cohort in each year from the award on, with all earlier years as the reference.

    One regression with firm and year effects and an indicator for each cohort and year from the award on. Uses all
    years before the award, not only the last one, so it is more precise than `group_time` when paths were parallel
    throughout, and shows no effects before the award.

    Assumes
    -------
    Parallel paths without the award in all years, and no reaction before the declared anticipation.

    Reference
    ---------
    Wooldridge (2021), Two-way fixed effects, the two-way Mundlak regression, and difference-in-differences
    estimators, section 6.
    """

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all cells of all outcomes with their joint covariance, from one read of the data.

        Raises
        ------
        DesignError
            There is nothing to compare with (`E_NO_TREATED`, `E_NO_CONTROL`).
        EstimationError
            Cells are not identified (`E_COLLINEAR`).
        """
        panel = sample.panel
        moments, n_dropped = treatable(sample_moments(sample), panel.periods[0] + 1 + panel.anticipation)
        moments, cohorts = with_controls(moments, panel)
        for o, outcome in enumerate(panel.outcomes):
            require_before_and_after(moments, panel.periods, o, outcome.name)
        cells = [
            [c for c in seen_cells(moments, panel, cohorts, o) if c.year >= c.cohort - panel.anticipation]
            for o in range(len(panel.outcomes))
        ]
        found = regress(moments, [cell_design(moments, panel, own) for own in cells])
        labels = cell_labels(sample, moments, [c for own in cells for c in own])
        table, vcov = effects_table(labels, found.estimate, found.vcov, found.dof, 0.95)
        return Effects(
            table=table, vcov=vcov, method="extended_twfe", options={}, outcomes=panel.outcomes, dof=found.dof,
            baseline=baseline_means(sample), notes=dropped_note(n_dropped),
            shares=cohort_shares(moments, np.array(cohorts, dtype=np.int64), found.influence),
        )  # fmt: skip
