"""Interaction-weighted event study after Sun and Abraham."""

import dataclasses

from evalkit.engine.own_columns import Controls
from evalkit.engine.regressions import regression_effects
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.regression import Problem
from evalkit.stats.saturated import saturated


@dataclasses.dataclass(frozen=True)
class Method(Controls):
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
        """Estimate all cells of all outcomes with their joint covariance.

        Raises
        ------
        DesignError
            There is nothing to compare with (`E_NO_TREATED`, `E_NO_CONTROL`).
        EstimationError
            Cells are not identified (`E_COLLINEAR`).
        """
        return regression_effects(sample, self.problem(sample), "sun_abraham", dataclasses.asdict(self))

    def problem(self, sample: MatchedSample) -> Problem:
        """Return the regression of each outcome."""
        anticipation = sample.panel.anticipation
        whole, beside = self.moments(sample)
        return saturated(sample, whole, lambda c: c.year - c.cohort != -1 - anticipation, beside)
