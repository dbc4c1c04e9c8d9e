"""The same effect by several estimators."""

import dataclasses
from typing import Any

from evalkit.errors import EstimationError
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.effects import Effects
from evalkit.model.study import Outcome
from evalkit.stats.aggregate import aggregate

QUESTION = "Do the study's estimators agree?"
WARN_ABOVE = 1.0
"""Standard errors by which estimators may differ."""


@dataclasses.dataclass(frozen=True)
class Method:
    """Estimator agreement: how far the study's estimates of the primary outcome lie from the first one.

    Distances are in standard errors of the first estimate, whose assumptions the others share in part only. A distance
    above one standard error warns: the assumptions matter, or effects differ between cohorts in a way that an estimator
    averages otherwise.

    Parameters
    ----------
    warn_above : float
        Largest distance that passes, in standard errors.

    Reference
    ---------
    Baker, Larcker and Wang (2022), How much should we trust staggered difference-in-differences estimates?, Journal of
    Financial Economics 144(2), on comparing estimators.
    """

    warn_above: float = WARN_ABOVE

    def __post_init__(self) -> None:
        if self.warn_above <= 0:
            raise ValueError("warn_above must be above 0")

    def run(self, case: Case) -> CheckResult:
        """Compare the overall effects of all estimates."""
        outcomes = case.sample.panel.outcomes
        outcome = next((o for o in outcomes if o.primary), outcomes[0])
        found = [(e, row) for e in case.effects if (row := _overall(e, outcome)) is not None]
        if len(found) < 2 or not found[0][1]["std_error"] > 0:
            sentence = "The study has fewer than two estimates on this scale, so there is nothing to compare."
            return CheckResult("estimator_agreement", QUESTION, "info", sentence, {"case": "one_estimate"})
        first = found[0][1]
        rows = [
            {"method": e.method, **row, "errors_apart": abs(row["estimate"] - first["estimate"]) / first["std_error"]}
            for e, row in found
        ]
        worst = max(rows, key=lambda row: float(row["errors_apart"]))
        verdict: Verdict = "warn" if worst["errors_apart"] > self.warn_above else "pass"
        values = {
            "case": verdict, "outcome": outcome.name, "compared": str(len(rows)), "method": worst["method"],
            "errors_apart": worst["errors_apart"], "warn_above": self.warn_above,
        }  # fmt: skip
        verb = "agree" if verdict == "pass" else "do not agree"
        sentence = (
            f"{len(rows)} estimates of the effect on {outcome.name} {verb}: the furthest, {worst['method']}, lies "
            f"{worst['errors_apart']:.2f} standard errors from the first."
        )
        return CheckResult(
            "estimator_agreement", QUESTION, verdict, sentence, values, worst["errors_apart"], tuple(rows)
        )


def _overall(effects: Effects, outcome: Outcome) -> dict[str, Any] | None:
    """Return the overall effect on an outcome; None where there is none, or only on another scale."""
    if all(o.name != outcome.name or o.transform != outcome.transform for o in effects.outcomes):
        return None
    try:
        table = aggregate(effects).table
    except EstimationError:
        return None
    row = table[table["outcome"] == outcome.name].iloc[0]
    return {name: float(row[name]) for name in ("estimate", "std_error", "conf_low", "conf_high")}
