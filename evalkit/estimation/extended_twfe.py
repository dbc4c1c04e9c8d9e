"""Extended two-way fixed effects after Wooldridge."""

import dataclasses

from evalkit.engine.own_columns import Controls
from evalkit.engine.regressions import regression_effects
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.regression import Problem, with_trends
from evalkit.stats.saturated import saturated


@dataclasses.dataclass(frozen=True)
class Method(Controls):
    """Effect for each award cohort in each year from the award on, with all earlier years as the reference.

    One regression with firm and year effects and an indicator for each cohort and year from the award on. Uses all
    years before the award, not only the last one, so it is more precise than `group_time` when paths were parallel
    throughout, and shows no effects before the award.

    Parameters
    ----------
    cohort_trends : bool
        As in `event_study`; needs cohorts with two years before the award.

    Assumes
    -------
    Parallel paths without the award in all years, and no reaction before the declared anticipation.

    Reference
    ---------
    Wooldridge (2021), Two-way fixed effects, the two-way Mundlak regression, and difference-in-differences
    estimators, section 6.
    """

    cohort_trends: bool = False

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all cells of all outcomes with their joint covariance.

        Raises
        ------
        DesignError
            There is nothing to compare with (`E_NO_TREATED`, `E_NO_CONTROL`).
        EstimationError
            Cells are not identified (`E_COLLINEAR`).
        """
        return regression_effects(sample, self.problem(sample), "extended_twfe", dataclasses.asdict(self))

    def problem(self, sample: MatchedSample) -> Problem:
        """Return the regression of each outcome."""
        anticipation = sample.panel.anticipation
        whole, beside = self.moments(sample)
        problem = saturated(sample, whole, lambda c: c.year >= c.cohort - anticipation, beside)
        if not self.cohort_trends:
            return problem
        last = sample.panel.periods[-1]
        designs = [with_trends(d, problem.moments, o, last) for o, d in enumerate(problem.designs)]
        return dataclasses.replace(problem, designs=designs)
