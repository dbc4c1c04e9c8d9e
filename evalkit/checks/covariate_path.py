"""Paths of outcomes before treatment."""

import dataclasses
from typing import Any

from evalkit.engine.paths import sample_moments
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.study import Outcome
from evalkit.stats.mean_paths import paths_before

QUESTION = "Did the outcomes of treated and control firms move alike before treatment?"


@dataclasses.dataclass(frozen=True)
class Method:
    """Covariate path: how far the mean outcomes of both groups drift apart before treatment.

    At each event time the difference of both means is taken, less that in the last year before firms may anticipate the
    award, in standard deviations of the treated firms in that year. Levels may differ; a difference that changes may
    not. The verdict rests on the largest drift of a primary outcome; a secondary one can only warn. It needs no effect,
    so it can be read before any outcome after the award is opened.

    Parameters
    ----------
    warn_above : float
        Largest drift that passes.
    fail_above : float
        Largest drift that does not fail.
    smallest_group : int
        Event times with fewer treated firms are left out.

    Reference
    ---------
    Imai, Kim and Wang (2023), Matching methods for causal inference with time-series cross-sectional data, equation 10
    and figure 5 (covariate balance by year before treatment).
    """

    is_design = True

    warn_above: float = 0.10
    fail_above: float = 0.25
    smallest_group: int = 10

    def __post_init__(self) -> None:
        if not 0 < self.warn_above <= self.fail_above:
            raise ValueError("warn_above must be above 0 and at most fail_above")
        if self.smallest_group < 2:
            raise ValueError("smallest_group must be 2 or more")

    def run(self, case: Case) -> CheckResult:
        """Compare the paths of every outcome."""
        panel = case.sample.panel
        if case.sample.sets is not None:
            sentence = (
                "Each treated firm has a set of controls of its own: their paths are the effects before the award."
            )
            return CheckResult("covariate_path", QUESTION, "info", sentence, {"case": "sets"})
        rows = [
            {k: v for k, v in row.items() if k not in ("transform", "n_treated")}
            for row in paths_before(sample_moments(case.sample), panel)
            if row["n_treated"] >= self.smallest_group
        ]
        compared = [row for row in rows if row["smd_drift"] is not None and row["event_time"] < -1 - panel.anticipation]
        if not compared:
            sentence = "There are not two years before the award with enough firms to compare paths."
            return CheckResult("covariate_path", QUESTION, "info", sentence, {"case": "no_path"})
        return self._result(rows, compared, panel.outcomes)

    def _result(
        self, rows: list[dict[str, Any]], compared: list[dict[str, Any]], outcomes: tuple[Outcome, ...]
    ) -> CheckResult:
        primary = {o.name for o in outcomes if o.primary} or {outcomes[0].name}
        ordered = sorted(compared, key=lambda row: -abs(row["smd_drift"]))
        main = [row for row in ordered if row["outcome"] in primary]
        worst = (main or ordered)[0]
        largest, anywhere = abs(worst["smd_drift"]), abs(ordered[0]["smd_drift"])
        verdict: Verdict = "fail" if main and largest > self.fail_above else "pass"
        if verdict == "pass" and anywhere > self.warn_above:
            worst, verdict = ordered[0] if largest <= self.warn_above else worst, "warn"
        values = {
            "case": verdict, "outcome": worst["outcome"], "event_time": worst["event_time"],
            "smd_drift": worst["smd_drift"], "warn_above": self.warn_above, "fail_above": self.fail_above,
            "transforms": {o.name: o.transform for o in outcomes},
        }  # fmt: skip
        verb = {"pass": "moved alike", "warn": "drifted apart somewhat", "fail": "drifted apart"}[verdict]
        sentence = (
            f"Before the award both groups {verb}: at most by {abs(worst['smd_drift']):.3f} standard deviations "
            f"({worst['outcome']}, event time {worst['event_time']}); up to {self.warn_above:g} passes, above "
            f"{self.fail_above:g} fails."
        )
        return CheckResult("covariate_path", QUESTION, verdict, sentence, values, abs(worst["smd_drift"]), tuple(rows))
