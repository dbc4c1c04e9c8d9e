"""Extended two-way fixed effects after Wooldridge."""

import dataclasses

from evalkit.engine.paths import sample_moments
from evalkit.engine.regressions import regression_effects
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.regression import Problem
from evalkit.stats.saturated import saturated


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
        return regression_effects(sample, self.problem(sample), "extended_twfe", {})

    def problem(self, sample: MatchedSample) -> Problem:
        """Return the regression of each outcome."""
        anticipation = sample.panel.anticipation
        return saturated(sample, sample_moments(sample), lambda c: c.year >= c.cohort - anticipation)
