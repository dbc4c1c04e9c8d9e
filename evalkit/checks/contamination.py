"""Comparison firms that get an award themselves."""

import dataclasses
from typing import Any

from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.stats.risk_sets import contamination

QUESTION = "Were comparison firms treated themselves while they served as controls?"


@dataclasses.dataclass(frozen=True)
class Method:
    """Contamination: what part of the controls was treated itself by each year after the award.

    The verdict rests on the largest share, over event times, of the weight of controls still in use that belongs to
    firms treated by then. Controls that are censored before their own award do not contaminate; controls that stay
    change the question to that of an award now against one later or never. Never-treated controls cannot contaminate;
    estimators that take firms not yet treated leave them out from their own award on.

    Parameters
    ----------
    warn_above : float
        Largest share that passes.
    fail_above : float
        Largest share that does not fail.

    Reference
    ---------
    Imai, Kim and Wang (2023), Matching methods for causal inference with time-series cross-sectional data, section on
    the choice of leads: control units that are treated later.
    """

    is_design = True

    warn_above: float = 0.0
    fail_above: float = 0.05

    def __post_init__(self) -> None:
        if not 0 <= self.warn_above <= self.fail_above < 1:
            raise ValueError("warn_above and fail_above must be shares below 1, the first one not the larger")

    def run(self, case: Case) -> CheckResult:
        """Follow the controls of matched sets through the years after the award."""
        sample = case.sample
        if sample.sets is None:
            sentence = "No comparison firm is treated while it serves: all are never treated, or leave in time."
            values = {"case": "none", "share_contaminated": 0.0}
            return CheckResult("contamination", QUESTION, "pass", sentence, values, 0.0)
        rows = contamination(sample.panel, sample.sets)
        worst = max(rows, key=lambda row: (row["share_contaminated"], -row["event_time"]))
        return self._result(worst, rows)

    def _result(self, worst: dict[str, Any], rows: list[dict[str, Any]]) -> CheckResult:
        share = worst["share_contaminated"]
        verdict: Verdict = "fail" if share > self.fail_above else "warn" if share > self.warn_above else "pass"
        values = {
            "case": verdict, "share_contaminated": share, "event_time": worst["event_time"],
            "warn_above": self.warn_above, "fail_above": self.fail_above,
        }  # fmt: skip
        when = f"event time {worst['event_time']}"
        sentence = f"At most {share:.1%} of the controls in use were treated themselves by then ({when})."
        return CheckResult("contamination", QUESTION, verdict, sentence, values, share, tuple(rows))
