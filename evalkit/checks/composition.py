"""Whether the firms that are seen stay alike over the years."""

import dataclasses
from typing import Any

from evalkit.engine.firm_paths import firm_paths, primary
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.stats.composition import Shift, seen_firms, shifts
from evalkit.stats.covariates import read_covariates
from evalkit.stats.observed import Observed

QUESTION = "Do the firms that are seen stay the same kind of firms in both groups over the years?"
WARN_ABOVE, FAIL_ABOVE = 0.10, 0.25
"""The limits of balance itself: a composition that moves by as much undoes what matching made alike."""


@dataclasses.dataclass(frozen=True)
class Method:
    """Composition: how far baseline characteristics of the firms with an outcome drift apart over the years.

    A characteristic from before the award cannot change; only who is seen can. Each year's mean among firms with the
    primary outcome is set against that in the year before the award, in both groups. The verdict rests on the largest
    change of the difference between the groups, over all years and characteristics, in standard deviations of the
    supported firms (of categories: shares as they are).

    Parameters
    ----------
    warn_above : float
        Largest change that passes.
    fail_above : float
        Largest change that does not fail.

    Reference
    ---------
    Hong (2013), Measuring the effect of Napster on recorded music sales: difference-in-differences estimates under
    compositional changes, Journal of Applied Econometrics 28(2); Rubin (2001) for the limit of 0.25.
    """

    warn_above: float = WARN_ABOVE
    fail_above: float = FAIL_ABOVE

    def __post_init__(self) -> None:
        if not 0 < self.warn_above <= self.fail_above:
            raise ValueError("warn_above must be above 0 and at most fail_above")

    def run(self, case: Case) -> CheckResult:
        """Look at all covariates of the panel."""
        panel = case.sample.panel
        if not panel.covariates:
            sentence = "The panel has no baseline covariate whose mean could be followed."
            return CheckResult("composition", QUESTION, "info", sentence, {"case": "no_covariates"})
        firms = firm_paths(case.sample, primary(panel))
        found = shifts(firms, read_covariates(panel, (c.name for c in panel.covariates)))
        if not found:
            sentence = "No supported and comparison firms are seen in other years than the one before the award."
            return CheckResult("composition", QUESTION, "info", sentence, {"case": "not_seen"})
        return self._result(firms, found)

    def _result(self, firms: Observed, found: list[Shift]) -> CheckResult:
        rows = [
            _row(firms, max((s for s in found if s.event_time == e), key=lambda s: abs(s.gap)))
            for e in sorted({s.event_time for s in found})
        ]
        worst = max(rows, key=lambda row: abs(row["smd_change"]))
        largest = abs(worst["smd_change"])
        verdict: Verdict = "fail" if largest > self.fail_above else "warn" if largest > self.warn_above else "pass"
        name = f"{worst['covariate']} = {worst['level']}" if worst["level"] else worst["covariate"]
        sentence = (
            f"Against the year before the award, the difference between the groups in {name} changes by at most "
            f"{largest:.3f}, at event time {worst['event_time']}, because other firms are seen."
        )
        limits = {"warn_above": self.warn_above, "fail_above": self.fail_above}
        values = {"case": verdict, **worst, "max_smd_change": largest, **limits}
        return CheckResult("composition", QUESTION, verdict, sentence, values, largest, tuple(rows))


def _row(firms: Observed, shift: Shift) -> dict[str, Any]:
    n_treated, n_control = seen_firms(firms, shift.event_time)
    return {
        "event_time": shift.event_time, "covariate": shift.covariate, "level": shift.level,
        "smd_change_treated": shift.treated, "smd_change_control": shift.control, "smd_change": shift.gap,
        "n_treated": n_treated, "n_control": n_control,
    }  # fmt: skip
