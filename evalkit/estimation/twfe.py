"""Two-way fixed effects with one indicator of being treated."""

import dataclasses

import numpy as np

from evalkit.engine.own_columns import Controls
from evalkit.engine.regressions import regression_effects
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.cluster import clusters_among
from evalkit.stats.cohorts import event_times, observed_of, require_before_and_after, require_controls
from evalkit.stats.regression import Covariance, Design, Problem, stratum_effects, treatable, with_trends


@dataclasses.dataclass(frozen=True)
class Method(Controls):
    """One effect for all firms and years, from a regression with firm and year effects.

    Kept for comparison with older studies. With several award cohorts and effects that grow, it compares later with
    earlier recipients and can even have the wrong sign; prefer `group_time`.

    Parameters
    ----------
    covariance : {"clustered", "cr1", "cr2", "cr3", "homoskedastic"}
        As in `event_study`.
    strata : tuple of str
        Categories of firms, industry or prefecture for example, whose combinations have period effects of their own:
        firms are then compared with firms of the same stratum only.
    cohort_trends : bool
        As in `event_study`.

    Assumes
    -------
    Parallel paths without the award, no reaction before the declared anticipation, and one and the same effect for
    all cohorts and years.

    Reference
    ---------
    Wooldridge (2010), Econometric Analysis of Cross Section and Panel Data, section 10.5; Goodman-Bacon (2021),
    Journal of Econometrics 225(2), on what the coefficient averages.
    """

    covariance: Covariance = "clustered"
    strata: tuple[str, ...] = ()
    cohort_trends: bool = False

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate one effect for each outcome with their joint covariance.

        Raises
        ------
        DesignError
            No firm is observed before and after its award (`E_NO_TREATED`); all have theirs at once (`E_NO_CONTROL`).
        EstimationError
            The effect is not identified (`E_COLLINEAR`); equal variances asked for with weights (`E_OPTION`).
        """
        return regression_effects(
            sample, self.problem(sample), "twfe", dataclasses.asdict(self), self.covariance
        )  # fmt: skip

    def problem(self, sample: MatchedSample) -> Problem:
        """Return the regression of each outcome."""
        panel = sample.panel
        whole, beside = self.moments(sample, self.strata)
        moments, n_dropped = treatable(whole, panel.periods[0] + 1 + panel.anticipation)
        require_controls(moments, panel.periods[-1])
        times, treated = event_times(moments, panel.periods)
        hit = treated[:, None] & (times >= -panel.anticipation)
        designs = []
        labels: dict[str, list[object]] = {
            k: [] for k in ("outcome", "estimand", "n_treated", "n_clusters", "n_control")
        }
        for o, outcome in enumerate(panel.outcomes):
            require_before_and_after(moments, panel.periods, o, outcome.name)
            seen = observed_of(moments, o, len(panel.periods))
            designs.append(
                Design(hit[:, :, None].astype(float), ["treated"], stratum_effects(moments, o, len(panel.periods)))
            )
            own = np.asarray((hit & seen).any(axis=1))
            labels["outcome"].append(outcome.name)
            labels["estimand"].append(sample.estimand)
            labels["n_treated"].append(int(moments.n[own].sum()))
            labels["n_clusters"].append(clusters_among(moments, own))
            labels["n_control"].append(int(moments.n[(moments.cohort == 0) & seen.any(axis=1)].sum()))
        if self.cohort_trends:
            designs = [with_trends(d, moments, o, panel.periods[-1]) for o, d in enumerate(designs)]
        return Problem(moments, designs, labels, n_dropped, own=beside)
