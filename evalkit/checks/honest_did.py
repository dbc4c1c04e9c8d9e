"""How far from parallel the paths may be before the effect is gone."""

import dataclasses
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.effects import Effects
from evalkit.stats.event_paths import event_path
from evalkit.stats.trend_bounds import EventPath, agrees, relative_magnitudes, smoothness

QUESTION = "How far from parallel may the paths be before the effect is gone?"
ENOUGH = 1.0
"""Trends after the award as large as the largest before it: the usual benchmark of Rambachan and Roth."""
LARGEST, PRECISION = 8.0, 0.01
"""The breakdown value is looked for up to the first, and told to the second."""


@dataclasses.dataclass(frozen=True)
class Method:
    """Honest bounds: intervals for the effect when treated and control firms may have drifted apart anyway.

    For each bound on the drift after the award, as a multiple of the largest drift before it, an interval that holds
    the effect; and the breakdown value, the largest multiple at which the interval still excludes zero. For estimators
    whose effects before the award compare neighbouring years, effects are estimated again against one base year.

    Parameters
    ----------
    restriction : {"relative_magnitudes", "smoothness"}
        What is bounded: the drift between two years as a multiple of the largest one before the award, or the change of
        the drift from year to year in standard errors of the effect.
    bounds : tuple of float
        Bounds for which intervals are shown.
    event_time : int
        Years since the award of the effect in question. Empty: the mean over all years from the award on.
    alpha : float
        One less the confidence level.
    seed : int
        Of the simulated critical values.

    Reference
    ---------
    Rambachan and Roth (2023), A more credible approach to parallel trends, Review of Economic Studies 90(5).
    """

    restriction: Literal["relative_magnitudes", "smoothness"] = "relative_magnitudes"
    bounds: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0)
    event_time: int | None = None
    alpha: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError("alpha must be between 0 and 1")
        if not self.bounds or min(self.bounds) < 0 or not np.isfinite(self.bounds).all():
            raise ValueError("bounds must be finite numbers from 0 on, at least one")

    def run(self, case: Case) -> CheckResult:
        """Bound the primary outcome's effect of every estimator that has effects by event time."""
        rows: list[dict[str, Any]] = []
        found: list[dict[str, Any]] = []
        for effects, outcome, path in self._paths(case):
            label = {"outcome": outcome, "method": effects.method}
            rows += self._table(path, label)
            found.append({**label, "breakdown": self._breakdown(path)})
        if not found:
            sentence = "No estimate has an effect before the award, so no drift can be compared with."
            return CheckResult("honest_did", QUESTION, "info", sentence, {"case": "no_pre_period"})
        known = [f for f in found if f["breakdown"] is not None]
        if not known:
            sentence = "The effect cannot be told from zero even if paths are parallel, so nothing can break down."
            return CheckResult("honest_did", QUESTION, "info", sentence, {"case": "no_effect"}, None, tuple(rows))
        shown = min(known, key=lambda f: float(f["breakdown"]))
        is_enough = shown["breakdown"] >= ENOUGH
        verdict: Verdict = "pass" if is_enough else "warn"
        unit = "times the largest before it" if self.restriction == "relative_magnitudes" else "standard errors a year"
        sentence = (
            f"The effect on {shown['outcome']} by {shown['method']} stays away from zero while the drift after the "
            f"award is at most {shown['breakdown']:.2f} {unit}."
        )
        kind = "relative" if self.restriction == "relative_magnitudes" else "smooth"
        values = {"case": f"{kind}_{verdict}", "alpha": self.alpha, **shown}
        return CheckResult("honest_did", QUESTION, verdict, sentence, values, shown["breakdown"], tuple(rows))

    def _paths(self, case: Case) -> Iterator[tuple[Effects, str, EventPath]]:
        anticipation = case.sample.panel.anticipation
        for given in case.averages:
            effects = given
            if given.options.get("base") == "varying":
                again = dataclasses.replace(given, options={**given.options, "base": "universal"})
                effects = case.estimate_again(case.sample, again)
            for outcome in [o.name for o in effects.outcomes if o.primary] or [effects.outcomes[0].name]:
                path = event_path(effects.of(outcome), anticipation, self.event_time)
                if path is not None:
                    yield effects, outcome, path

    def _interval(self, path: EventPath, bound: float) -> tuple[float, float]:
        if self.restriction == "smoothness":
            return smoothness(path, bound * path.std_error, self.alpha)
        return relative_magnitudes(path, bound, self.alpha, self.seed)

    def _table(self, path: EventPath, label: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Intervals never get shorter as the bound grows, since each set of trends holds those before it."""
        low, high = np.inf, -np.inf
        for bound in sorted(self.bounds):
            ends = self._interval(path, bound)
            low, high = min(low, ends[0]), max(high, ends[1])
            yield {**label, "bound": float(bound), "conf_low": _finite(low), "conf_high": _finite(high)}

    def _breakdown(self, path: EventPath) -> float | None:
        """Return the largest bound at which the interval excludes zero, None when it never does."""

        def excludes(bound: float) -> bool:
            if self.restriction == "relative_magnitudes":
                return not agrees(path, 0.0, bound, self.alpha, self.seed)
            low, high = self._interval(path, bound)
            return low > 0 or high < 0

        if not excludes(0.0):
            return None
        inside, outside = 0.0, LARGEST
        if excludes(LARGEST):
            return LARGEST
        while outside - inside > PRECISION:
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if excludes(middle) else (inside, middle)
        return round(inside, 4)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
