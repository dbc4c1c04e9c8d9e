"""What effect the design can see, before any outcome after the award is looked at."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.firm_paths import primary
from evalkit.engine.paths import sample_moments
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.design_power import Variogram, detectable_effect, effect_covariance, power_at, variogram
from evalkit.stats.regression import treatable

QUESTION = "How large must an effect be for this design to see it?"
LOW_POWER = 0.5
"""Below it, a test of an effect that matters misses it more often than not."""


@dataclasses.dataclass(frozen=True)
class Method:
    """Minimum detectable effect and power, from outcomes before the first award of the study and nothing later.

    The standard error of the mean effect from the award on, against never-supported firms, is predicted from how much
    changes of the primary outcome vary before every award, and over how many years. Later outcomes are not read, so
    the check can run before any of them is opened. It decides only when the study declares the smallest effect that
    matters; otherwise it tells what can be seen.

    Parameters
    ----------
    effect : float
        Smallest effect that matters, on the scale of the primary outcome (0.05 is about 5 % of a logarithm); 0 when
        none is declared.
    power : float
        Probability of seeing an effect that is wanted.
    alpha : float
        Level of the test.

    Assumes
    -------
    Changes vary after the award as they did before it; firms do not leave.

    Reference
    ---------
    Bloom (1995), Evaluation Review 19(5); Burlig, Preonas and Woerman (2020), Journal of Development Economics 144.
    """

    effect: float = 0.0
    power: float = 0.8
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if self.effect < 0:
            raise ValueError("effect must be 0 or more")
        if not 0 < self.alpha < LOW_POWER < self.power < 1:
            raise ValueError("alpha must be between 0 and 0.5, power between 0.5 and 1")

    def run(self, case: Case) -> CheckResult:
        """Predict standard errors by cohort and overall."""
        panel = case.sample.panel
        found = _before(case.sample)
        if found is None:
            sentence = "Fewer than two years before the first award are seen for supported and comparison firms."
            return CheckResult("power", QUESTION, "info", sentence, {"case": "no_years_before"})
        vcov = effect_covariance(found, panel.periods, panel.anticipation)
        share = found.mass * (panel.periods[-1] + 1 - found.cohorts)
        share = share / share.sum()
        variances = np.array([share @ vcov @ share, *np.diag(vcov)])
        if not (variances > 0).all():
            sentence = "Outcomes before the award vary too little, or in too odd a way, to predict a standard error."
            return CheckResult("power", QUESTION, "info", sentence, {"case": "no_variance"})
        return self._result(panel, found, np.sqrt(variances))

    def _result(self, panel: Panel, found: Variogram, errors: NDArray[np.float64]) -> CheckResult:
        overall = self._told(float(errors[0]))
        rows = tuple(
            {"cohort": int(g), "n_treated": int(n), "n_control": found.n_control, **self._told(float(error))}
            for g, n, error in zip(found.cohorts, found.n_treated, errors[1:], strict=True)
        )
        kind, verdict = self._judged(overall)
        sentence = (
            f"The design sees an effect on {primary(panel).name} of {overall['detectable']:.3g} in "
            f"{self.power:.0%} of samples (predicted standard error {overall['std_error']:.3g})"
        ) + (f", and one of {self.effect:.3g} in {overall['power']:.0%}." if self.effect else ".")
        values = {
            "case": kind, "outcome": primary(panel).name, "n_treated": int(found.n_treated.sum()),
            "n_control": found.n_control, **overall, "share_wanted": self.power, "alpha": self.alpha,
            "years_before": len(found.covariance) + 1,
        }  # fmt: skip
        if self.effect:
            values |= {"effect": self.effect, "share_power": overall["power"]}
        statistic = None if verdict == "info" else overall["power"]
        return CheckResult("power", QUESTION, verdict, sentence, values, statistic, rows)

    def _told(self, error: float) -> dict[str, Any]:
        told = {"std_error": error, "detectable": detectable_effect(error, self.alpha, self.power)}
        return told | ({"power": power_at(self.effect, error, self.alpha)} if self.effect else {})

    def _judged(self, overall: dict[str, Any]) -> tuple[str, Verdict]:
        if not self.effect:
            return "not_declared", "info"
        verdict: Verdict = "pass"
        if overall["power"] < self.power:
            verdict = "warn" if overall["power"] >= LOW_POWER else "fail"
        return verdict, verdict


def _before(sample: MatchedSample) -> Variogram | None:
    """Read the primary outcome in the periods before every award, and no later ones."""
    panel = sample.panel
    first = panel.periods[0] + 1 + panel.anticipation
    treated = panel.cohort[(panel.cohort >= first) & (panel.cohort <= panel.periods[-1]) & (sample.weight > 0)]
    if not len(treated):
        return None
    before = tuple(p for p in panel.periods if p < int(treated.min()) - panel.anticipation)
    alone = dataclasses.replace(panel, periods=before, outcomes=(primary(panel),))
    moments, _ = treatable(sample_moments(dataclasses.replace(sample, panel=alone)), first)
    return variogram(moments.take(moments.cohort <= panel.periods[-1]), len(before))
