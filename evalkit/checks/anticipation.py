"""Whether firms react before the award."""

import dataclasses
from typing import Any

import numpy as np

from evalkit.engine.firm_paths import primary
from evalkit.engine.paths import sample_moments
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.panel import Panel
from evalkit.stats.arms import Contrast
from evalkit.stats.cell_changes import PooledChanges, pooled_changes
from evalkit.stats.student import tail

QUESTION = "Did supported firms change already before the award?"


@dataclasses.dataclass(frozen=True)
class Method:
    """Reactions before the award: in the declared window, and in the year before it, from which effects are measured.

    Firms that know of an award may invest ahead of it, and firms often apply in a bad year (the dip of Ashenfelter).
    Either makes the base year unlike the years before it, and effects measured from it too small or too large. The
    check compares the change into the base year of supported and never-supported firms; that decides the verdict. Where
    the study declares years of anticipation, effects in them are told, and do not count against the design.

    Parameters
    ----------
    alpha : float
        Level of the test.

    Reference
    ---------
    Ashenfelter (1978), Estimating the effect of training programs on earnings, Review of Economics and Statistics
    60(1); Malani and Reif (2015), Interpreting pre-trends as anticipation, Journal of Public Economics 124.
    """

    alpha: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError("alpha must be between 0 and 1")

    def run(self, case: Case) -> CheckResult:
        """Compare changes of the primary outcome before the award."""
        panel = case.sample.panel
        moments = sample_moments(case.sample)
        times = [-1 - panel.anticipation, *range(-panel.anticipation, 0)]
        asked = [_contrasts(panel, np.unique(moments.cohort).tolist(), e) for e in times]
        found = pooled_changes(asked, moments)
        rows = [] if found is None else _rows(found, times)
        if not rows or rows[0]["event_time"] != times[0]:
            sentence = (
                "No supported and never-supported firms are seen in both years before the award that would be compared."
            )
            return CheckResult("anticipation", QUESTION, "info", sentence, {"case": "no_years_before"})
        return self._result(primary(panel).name, rows)

    def _result(self, outcome: str, rows: list[dict[str, Any]]) -> CheckResult:
        into, window = rows[0], rows[1:]
        is_rejected = into["p_value"] < self.alpha
        n_reacting = sum(row["p_value"] < self.alpha for row in window)
        kind = ("dip" if into["estimate"] < 0 else "rise") if is_rejected else "declared" if n_reacting else "pass"
        verdict: Verdict = "fail" if is_rejected else "pass"
        found = {
            "dip": "fell against never-supported firms",
            "rise": "rose against never-supported firms",
            "declared": "moved as never-supported firms did, and reacted only in the years declared",
            "pass": "moved as never-supported firms did",
        }[kind]
        p_value = f"p = {into['p_value']:.3f}" if into["p_value"] >= 0.001 else "p < 0.001"
        sentence = (
            f"In the year that effects on {outcome} are measured from, supported firms {found} (change "
            f"{into['estimate']:.4g}, standard error {into['std_error']:.4g}, {p_value})."
        )
        shown = {k: v for k, v in into.items() if k != "event_time"}
        values = {
            "case": kind, "outcome": outcome, **shown, "alpha": self.alpha, "tested_years": len(window),
            "reacting_years": n_reacting,
        }  # fmt: skip
        return CheckResult("anticipation", QUESTION, verdict, sentence, values, into["p_value"], tuple(rows))


def _contrasts(panel: Panel, cohorts: list[int], event_time: int) -> list[Contrast]:
    """Return the change of each cohort into the base year, or from there to a year of anticipation."""
    base, first = -1 - panel.anticipation, panel.periods[0]
    since = base - 1 if event_time == base else base
    start = panel.outcomes.index(primary(panel)) * len(panel.periods) - first
    return [
        Contrast(g, (0,), start + g + event_time, start + g + since)
        for g in cohorts
        if g > 0 and g + since >= first and g + event_time <= panel.periods[-1]
    ]


def _rows(found: PooledChanges, times: list[int]) -> list[dict[str, Any]]:
    """Return the changes with a variance."""
    error = np.sqrt(np.diag(found.vcov))
    return [
        {
            "event_time": times[r], "estimate": float(found.estimate[i]), "std_error": float(error[i]),
            "p_value": float(2 * tail(abs(found.estimate[i]) / error[i])), "n_treated": int(found.n_treated[i]),
            "n_control": int(found.n_control[i]),
        }
        for i, r in enumerate(found.rows)
        if error[i] > 0
    ]  # fmt: skip
