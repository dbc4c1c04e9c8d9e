"""Whether the test of effects before the award could have seen a drift that matters."""

import dataclasses
from typing import Any, Literal

import numpy as np

from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.effects import Effects
from evalkit.stats.event_paths import event_path
from evalkit.stats.pretrend_power import detectable_slope
from evalkit.stats.trend_bounds import EventPath

QUESTION = "Would the test of effects before the award have seen a drift that matters?"
TOLD = (0.5, 0.8)
"""Powers at which the drift is told; the verdict rests on the first."""


@dataclasses.dataclass(frozen=True)
class Method:
    """Power of the pre-trend test: the drift it would see, and what such a drift would do to the effect.

    For a linear drift that the test sees in half of all samples, the effect it would show by itself, as a share of the
    effect estimated. At one or more, a drift that the test as likely as not misses explains the whole effect.

    Parameters
    ----------
    test : {"joint", "any"}
        The joint Wald test that `pretrends` runs, or any effect before the award outside its own interval.
    alpha : float
        Level of the test.

    Reference
    ---------
    Roth (2022), Pretest with caution: event-study estimates after testing for parallel trends, American Economic
    Review: Insights 4(3).
    """

    test: Literal["joint", "any"] = "joint"
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.alpha < TOLD[0]:
            raise ValueError("alpha must be between 0 and 0.5")

    def run(self, case: Case) -> CheckResult:
        """Look at the primary outcome of every estimator that has effects before the award."""
        anticipation = case.sample.panel.anticipation
        rows = [row for effects in case.averages for row in self._rows(effects, anticipation)]
        if not rows:
            sentence = "No estimate has an effect before the award, so there is no test whose power could be told."
            return CheckResult("pretrend_power", QUESTION, "info", sentence, {"case": "no_pre_period"})
        shown = max((r for r in rows if r["power"] == TOLD[0]), key=lambda r: float(r["explained"]))
        verdict: Verdict = "warn" if shown["explained"] >= 1 else "pass"
        sentence = (
            f"A drift of {shown['slope']:.3g} a year would be missed half of the time and would by itself show "
            f"{shown['explained']:.0%} of the effect on {shown['outcome']} by {shown['method']}."
        )
        values = {"case": verdict, "alpha": self.alpha, **{k: v for k, v in shown.items() if k != "power"}}
        return CheckResult("pretrend_power", QUESTION, verdict, sentence, values, shown["explained"], tuple(rows))

    def _rows(self, effects: Effects, anticipation: int) -> list[dict[str, Any]]:
        rows = []
        for outcome in [o.name for o in effects.outcomes if o.primary] or [effects.outcomes[0].name]:
            path = event_path(effects.of(outcome), anticipation)
            if path is not None and path.estimate:
                label = {"outcome": outcome, "method": effects.method}
                rows += [{**label, "power": p, **self._drift(path, p)} for p in TOLD]
        return rows

    def _drift(self, path: EventPath, power: float) -> dict[str, float]:
        n_pre, n_post = len(path.pre), len(path.post)
        before, after = np.arange(-n_pre, 0.0), np.arange(1.0, n_post + 1)
        slope = detectable_slope(before, path.vcov[:n_pre, :n_pre], power, self.alpha, self.test)
        return {"slope": slope, "explained": float(slope * (path.target @ after) / abs(path.estimate))}
