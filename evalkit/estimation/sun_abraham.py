"""Interaction-weighted event study after Sun and Abraham."""

import dataclasses

import numpy as np

from evalkit.engine.paths import baseline_means, sample_moments
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.cells import cell_design, cell_labels, seen_cells, with_controls
from evalkit.stats.cohorts import cohort_shares, dropped_note
from evalkit.stats.inference import effects_table
from evalkit.stats.regression import regress, treatable


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect for each award cohort and year, from one regression with firm and year effects.

    One indicator for each cohort and year but the last year before the award. Averaged by event time with the cohorts'
    shares, the effects may differ between cohorts, which those of the event study may not. Without never-treated firms
    the last cohort is the comparison, and the years from its award on are left out.

    Assumes
    -------
    Parallel paths without the award, and no reaction before the declared anticipation.

    Reference
    ---------
    Sun and Abraham (2021), Journal of Econometrics 225(2), section 4, equations 25 to 27.
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
        reference = -1 - panel.anticipation
        cells = [
            [c for c in seen_cells(moments, panel, cohorts, o) if c.year - c.cohort != reference]
            for o in range(len(panel.outcomes))
        ]
        found = regress(moments, [cell_design(moments, panel, own) for own in cells])
        flat = [c for own in cells for c in own]
        labels = cell_labels(sample, moments, flat)
        table, vcov = effects_table(labels, found.estimate, found.vcov, found.dof, 0.95)
        return Effects(
            table=table, vcov=vcov, method="sun_abraham", options={}, outcomes=panel.outcomes, dof=found.dof,
            baseline=baseline_means(sample), notes=dropped_note(n_dropped),
            shares=cohort_shares(moments, np.array(cohorts, dtype=np.int64), found.influence),
        )  # fmt: skip
