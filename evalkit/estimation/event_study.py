"""Event study: two-way fixed effects with event-time indicators."""

import dataclasses
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.paths import baseline_means, sample_moments
from evalkit.errors import DesignError, EstimationError
from evalkit.model.effects import Effects
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.inference import effects_table
from evalkit.stats.moments import Moments
from evalkit.stats.within import Fit, fit

_NEVER = np.iinfo(np.int64).max


@dataclasses.dataclass(frozen=True)
class Method:
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
    covariance : {"clustered", "homoskedastic"}
        Clustered by firm with the small-sample factor G/(G-1) * (N-1)/(N-K), where K counts the indicators and the
        year effects but not the firm effects nested in the clusters; or the textbook formula with equal variances.

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
    covariance: Literal["clustered", "homoskedastic"] = "clustered"

    def __post_init__(self) -> None:
        if min(self.leads or 0, self.lags or 0) < 0:
            raise ValueError("leads and lags must not be negative")

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all event times of all outcomes with their joint covariance, from one read of the data.

        Raises
        ------
        DesignError
            No firm is treated within the periods after having been untreated (`E_NO_TREATED`).
        EstimationError
            Event times are not identified (`E_COLLINEAR`); equal variances asked for with weights (`E_OPTION`).
        """
        panel, moments = sample.panel, _without_always_treated(sample.panel, sample_moments(sample))
        if self.covariance == "homoskedastic" and (moments.total[:, 0] != moments.n).any():
            raise EstimationError(
                "equal variances cannot be assumed of a weighted sample", where="covariance", code="E_OPTION"
            )
        events = [self._events(panel, moments, o) for o in range(len(panel.outcomes))]
        width = len(panel.periods)
        fits = [
            fit(moments, slice(o * width, (o + 1) * width), _design(panel, moments, known, self), _names(known))
            for o, known in enumerate(events)
        ]
        estimate = np.concatenate([f.coefficient for f in fits])
        vcov, dof = self._vcov(fits, moments, width)
        table, vcov = effects_table(_labels(sample, moments, events, self), estimate, vcov, dof, 0.95)
        dropped = int(sample_moments(sample).n.sum() - moments.n.sum())
        return Effects(
            table=table, vcov=vcov, method="event_study", options=dataclasses.asdict(self), outcomes=panel.outcomes,
            baseline=baseline_means(sample), dof=dof,
            notes=(f"always_treated_dropped:{dropped}",) if dropped else (),
        )  # fmt: skip

    def bins(self, event_time: NDArray[np.int64], anticipation: int) -> NDArray[np.int64]:
        """Return the indicator each event time belongs to; the reference period keeps its own number."""
        reference = -1 - anticipation
        low = event_time.min() if self.leads is None else min(-self.leads, reference)
        high = event_time.max() if self.lags is None else self.lags
        return np.clip(event_time, low, high)

    def _events(self, panel: Panel, moments: Moments, outcome: int) -> list[int]:
        """Return the event times with an indicator, those that some firm with two observed periods has."""
        columns = slice(outcome * len(panel.periods), (outcome + 1) * len(panel.periods))
        seen = moments.observed[:, columns]
        seen = seen & (seen.sum(axis=1) >= 2)[:, None]
        treated = (moments.cohort > 0) & (moments.cohort <= panel.periods[-1])
        times = np.array(panel.periods)[None, :] - moments.cohort[:, None]
        present = times[seen & treated[:, None]]
        if not (present >= 0).any():
            raise DesignError(
                "no firm is observed before and after its award",
                where=panel.outcomes[outcome].name,
                code="E_NO_TREATED",
            )
        return [int(e) for e in np.unique(self.bins(present, panel.anticipation)) if e != -1 - panel.anticipation]

    def _vcov(self, fits: list[Fit], moments: Moments, width: int) -> tuple[NDArray[np.float64], float]:
        if self.covariance == "homoskedastic":
            return _homoskedastic(fits)
        factor = [_small_sample(f) for f in fits]
        scale = np.sqrt(np.concatenate([np.full(len(f.coefficient), s) for f, s in zip(fits, factor, strict=True)]))

        def influence() -> Iterator[NDArray[np.float64]]:
            for group in range(moments.n_groups):
                a = np.zeros((len(scale), moments.total.shape[1]))
                row = 0
                for o, f in enumerate(fits):
                    block = f.influence[group]
                    a[row : row + len(block), 0] = block[:, 0]
                    a[row : row + len(block), 1 + o * width : 1 + (o + 1) * width] = block[:, 1:]
                    row += len(block)
                yield a

        return moments.covariance(influence()) * np.outer(scale, scale), float(min(f.n_firms for f in fits) - 1)


def _without_always_treated(panel: Panel, moments: Moments) -> Moments:
    """Leave out cohorts without an untreated period."""
    keep = (moments.cohort == 0) | (moments.cohort - 1 - panel.anticipation >= panel.periods[0])
    return dataclasses.replace(
        moments, cohort=moments.cohort[keep], observed=moments.observed[keep], n=moments.n[keep],
        total=moments.total[keep], product=moments.product[keep],
    )  # fmt: skip


def _design(panel: Panel, moments: Moments, events: list[int], method: Method) -> NDArray[np.float64]:
    """Return the indicators (C, T, p)."""
    times = np.array(panel.periods)[None, :] - moments.cohort[:, None]
    treated = (moments.cohort > 0) & (moments.cohort <= panel.periods[-1])
    binned = np.where(treated[:, None], method.bins(times, panel.anticipation), _NEVER)
    return np.stack([binned == e for e in events], axis=2).astype(float)


def _names(events: list[int]) -> list[str]:
    return [f"event time {e}" for e in events]


def _small_sample(f: Fit) -> float:
    k = len(f.coefficient) + f.n_periods
    return f.n_firms / (f.n_firms - 1) * (f.n_rows - 1) / (f.n_rows - k)


def _homoskedastic(fits: list[Fit]) -> tuple[NDArray[np.float64], float]:
    """Return block-diagonal textbook covariances; outcomes are taken as unrelated."""
    size = sum(len(f.coefficient) for f in fits)
    vcov, row = np.zeros((size, size)), 0
    dofs: list[int] = []
    for f in fits:
        dof = f.n_rows - f.n_firms - (f.n_periods - 1) - len(f.coefficient)
        stop = row + len(f.coefficient)
        vcov[row:stop, row:stop] = f.bread * f.residual_square / dof
        row = stop
        dofs.append(dof)
    return vcov, float(min(dofs))


def _labels(
    sample: MatchedSample, moments: Moments, events: list[list[int]], method: Method
) -> dict[str, list[object]]:
    panel = sample.panel
    labels: dict[str, list[object]] = {k: [] for k in ("outcome", "estimand", "event_time", "n_treated", "n_control")}
    for o, (outcome, known) in enumerate(zip(panel.outcomes, events, strict=True)):
        seen = moments.observed[:, o * len(panel.periods) : (o + 1) * len(panel.periods)]
        hit = (_design(panel, moments, known, method) > 0) & seen[:, :, None]
        enough = seen.sum(axis=1) >= 2
        control = int(moments.n[(moments.cohort == 0) & enough].sum())
        for j, event in enumerate(known):
            labels["outcome"].append(outcome.name)
            labels["estimand"].append(sample.estimand)
            labels["event_time"].append(event)
            labels["n_treated"].append(int(moments.n[hit[:, :, j].any(axis=1) & enough].sum()))
            labels["n_control"].append(control)
    return labels
