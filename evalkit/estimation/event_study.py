"""Event study: two-way fixed effects with event-time indicators."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.own_columns import Controls
from evalkit.engine.regressions import regression_effects
from evalkit.model.effects import Effects
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cluster import clusters_among
from evalkit.stats.cohorts import event_times, observed_of, require_before_and_after, require_controls
from evalkit.stats.moments import Moments
from evalkit.stats.regression import Covariance, Design, Problem, stratum_effects, treatable, with_trends

_NEVER = np.iinfo(np.int64).max


@dataclasses.dataclass(frozen=True)
class Method(Controls):
    """Effect by years since the award, from a regression with firm and year effects.

    One indicator for each year before and after the award but the last one before it. Right when effects are the same
    for all cohorts; when they differ, later cohorts are compared with earlier ones: `group_time` is safer then.

    Parameters
    ----------
    leads : int
        Furthest year before the award with an indicator of its own; earlier years share it. 0 means no indicators
        before the award, so that all those years are the reference. Empty: all years, no sharing.
    lags : int
        Furthest year after the award with an indicator of its own; later years share it. Empty: all years.
    covariance : {"clustered", "cr1", "cr2", "cr3", "homoskedastic"}
        Robust to clusters as the study's `inference` says, or with the correction named: CR1 has the small-sample
        factor G/(G-1) * (N-1)/(N-K), where K counts the indicators and the year effects but not the firm effects nested
        in the clusters; CR2 and CR3 correct residuals firm by firm. Or the textbook formula with equal variances.
    strata : tuple of str
        Categories of firms, industry or prefecture for example, whose combinations have period effects of their own:
        firms are then compared with firms of the same stratum only.
    cohort_trends : bool
        A linear trend of its own for each award cohort, of one cohort a trend of the supported firms: paths that drift
        apart steadily without the award no longer bias. Needs years before the award without an
        indicator: leads = 0, for example.

    Assumes
    -------
    Parallel paths without the award, no reaction before the declared anticipation, and effects that depend on time
    since the award only.

    Reference
    ---------
    Sun and Abraham (2021), Journal of Econometrics 225(2), equation 2, on what the coefficients mean; Wooldridge
    (2010), Econometric Analysis of Cross Section and Panel Data, section 10.5, for the estimator.
    """

    leads: int | None = None
    lags: int | None = None
    covariance: Covariance = "clustered"
    strata: tuple[str, ...] = ()
    cohort_trends: bool = False

    def __post_init__(self) -> None:
        if min(self.leads or 0, self.lags or 0) < 0:
            raise ValueError("leads and lags must not be negative")

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all event times of all outcomes with their joint covariance.

        Raises
        ------
        DesignError
            No firm is treated within the periods after having been untreated (`E_NO_TREATED`); all are, and at once
            (`E_NO_CONTROL`).
        EstimationError
            Event times are not identified (`E_COLLINEAR`); equal variances asked for with weights (`E_OPTION`).
        """
        options = dataclasses.asdict(self)
        return regression_effects(sample, self.problem(sample), "event_study", options, self.covariance)

    def problem(self, sample: MatchedSample) -> Problem:
        """Return the regression of each outcome."""
        panel = sample.panel
        whole, beside = self.moments(sample, self.strata)
        moments, n_dropped = treatable(whole, panel.periods[0] + 1 + panel.anticipation)
        require_controls(moments, panel.periods[-1])
        events = [self._events(panel, moments, o) for o in range(len(panel.outcomes))]
        designs = [
            Design(
                self._indicators(panel, moments, e), [f"event time {k}" for k in e],
                stratum_effects(moments, o, len(panel.periods)),
            )
            for o, e in enumerate(events)
        ]  # fmt: skip
        if self.cohort_trends:
            designs = [with_trends(d, moments, o, panel.periods[-1]) for o, d in enumerate(designs)]
        return Problem(moments, designs, _labels(sample, moments, events, designs), n_dropped, own=beside)

    def _bins(self, event_time: NDArray[np.int64], anticipation: int) -> NDArray[np.int64]:
        """Return the indicator each event time belongs to; the reference period keeps its own number."""
        low = event_time.min() if self.leads is None else min(-self.leads, -1 - anticipation)
        high = event_time.max() if self.lags is None else self.lags
        return np.clip(event_time, low, high)

    def _events(self, panel: Panel, moments: Moments, outcome: int) -> list[int]:
        """Return the event times with an indicator: those that some firm with two observed periods has."""
        require_before_and_after(moments, panel.periods, outcome, panel.outcomes[outcome].name)
        times, treated = event_times(moments, panel.periods)
        present = times[observed_of(moments, outcome, len(panel.periods)) & treated[:, None]]
        return [int(e) for e in np.unique(self._bins(present, panel.anticipation)) if e != -1 - panel.anticipation]

    def _indicators(self, panel: Panel, moments: Moments, events: list[int]) -> NDArray[np.float64]:
        """Return the indicators (C, T, p)."""
        times, treated = event_times(moments, panel.periods)
        binned = np.where(treated[:, None], self._bins(times, panel.anticipation), _NEVER)
        return np.stack([binned == e for e in events], axis=2).astype(float)


def _labels(
    sample: MatchedSample, moments: Moments, events: list[list[int]], designs: list[Design]
) -> dict[str, list[object]]:
    names = ("outcome", "estimand", "event_time", "n_treated", "n_clusters", "n_control")
    labels: dict[str, list[object]] = {k: [] for k in names}
    for o, (outcome, known, design) in enumerate(zip(sample.panel.outcomes, events, designs, strict=True)):
        seen = observed_of(moments, o, len(sample.panel.periods))
        control = int(moments.n[(moments.cohort == 0) & seen.any(axis=1)].sum())
        for j, event in enumerate(known):
            hit = np.asarray(((design.columns[:, :, j] > 0) & seen).any(axis=1))
            labels["outcome"].append(outcome.name)
            labels["estimand"].append(sample.estimand)
            labels["event_time"].append(event)
            labels["n_treated"].append(int(moments.n[hit].sum()))
            labels["n_clusters"].append(clusters_among(moments, hit))
            labels["n_control"].append(control)
    return labels
