"""Whether supported and comparison firms go missing at different rates."""

import dataclasses
from typing import Any

import numpy as np

from evalkit.engine.firm_paths import firm_paths, influence_errors, primary
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.sample import MatchedSample
from evalkit.stats.attrition import Attrition, Overall, attrition_at
from evalkit.stats.lee_bounds import effect_interval
from evalkit.stats.student import tail

QUESTION = "Do supported firms go missing from the data more or less often than comparison firms?"
WARN_ABOVE, FAIL_ABOVE = 0.05, 0.20
"""Differences of shares; above the second the design is no longer a full comparison group."""


@dataclasses.dataclass(frozen=True)
class Method:
    """Attrition: shares of firms without an outcome after the award in both groups, and Lee's bounds on the effect.

    Firms that have the primary outcome in the year before the award are followed. Where more of one group stay, its
    surplus is cut off at either end, which gives the least and the greatest effect on firms that stay either way. The
    verdict rests on the largest difference of the shares over the years since the award.

    Parameters
    ----------
    warn_above : float
        Largest difference of the shares that passes.
    fail_above : float
        Largest difference that does not fail.

    Assumes
    -------
    For the bounds: changes of outcomes and staying are as good as random between the groups but for the award, and the
    award moves staying in one direction only.

    Reference
    ---------
    Lee (2009), Training, wages, and sample selection, Review of Economic Studies 76(3); Imbens and Manski (2004),
    Econometrica 72(6), for the interval.
    """

    warn_above: float = WARN_ABOVE
    fail_above: float = FAIL_ABOVE

    def __post_init__(self) -> None:
        if not 0 < self.warn_above <= self.fail_above < 1:
            raise ValueError("warn_above and fail_above must be shares, the first one the smaller")

    def run(self, case: Case) -> CheckResult:
        """Follow the firms of the primary outcome."""
        sample, panel = case.sample, case.sample.panel
        outcome = primary(panel)
        firms = firm_paths(sample, outcome)
        times = range(panel.periods[-1] - min(firms.cohorts, default=panel.periods[-1] + 1) + 1)
        rows, overall = [], Overall.none(panel.n_firms)
        for event_time in times:
            part = attrition_at(firms, event_time)
            if part is not None:
                rows.append(_row(sample, part))
                overall.add(part)
        if not rows:
            sentence = "No supported and comparison firms are seen both before and after an award."
            return CheckResult("attrition", QUESTION, "info", sentence, {"case": "not_seen"})
        worst = max(rows, key=lambda row: abs(row["share_gap"]))
        gap = abs(worst["share_gap"])
        verdict: Verdict = "fail" if gap > self.fail_above else "warn" if gap > self.warn_above else "pass"
        limits = {"warn_above": self.warn_above, "fail_above": self.fail_above}
        values = {"case": verdict, "outcome": outcome.name, **worst, **_overall(sample, overall), **limits}
        sentence = (
            f"{worst['share_missing_treated']:.1%} of supported and {worst['share_missing_control']:.1%} of comparison "
            f"firms have no {outcome.name} {worst['event_time']} years after the award; the effect on firms that stay "
            f"either way lies between {values['low']:.4g} and {values['high']:.4g} "
            f"({panel.inference.level:.0%} interval {values['conf_low']:.4g} to {values['conf_high']:.4g})."
        )
        return CheckResult("attrition", QUESTION, verdict, sentence, values, gap, tuple(rows))


def _row(sample: MatchedSample, part: Attrition) -> dict[str, Any]:
    error, gap = influence_errors(sample.panel, part.influence), float(part.missing[0] - part.missing[1])
    return {
        "event_time": part.event_time, "n_treated": int(part.n_seen[0]), "n_control": int(part.n_seen[1]),
        "n_treated_missing": int(part.n_missing[0]), "n_control_missing": int(part.n_missing[1]),
        "share_missing_treated": float(part.missing[0]), "share_missing_control": float(part.missing[1]),
        "share_gap": gap, "p_value": _p_value(gap, float(error[0])),
        "low": float(part.bounds[0]), "high": float(part.bounds[1]),
    }  # fmt: skip


def _overall(sample: MatchedSample, overall: Overall) -> dict[str, float]:
    """Return the bounds on the overall effect, their interval, and the test that outcomes go missing alike."""
    gap, low, high = overall.total / overall.mass
    error = influence_errors(sample.panel, overall.total_influence) / overall.mass
    level = sample.panel.inference.level
    ends = effect_interval(float(low), float(high), (float(error[1]), float(error[2])), level)
    return {
        "low": float(low), "high": float(high), "conf_low": float(ends[0]), "conf_high": float(ends[1]),
        "p_value": _p_value(float(gap), float(error[0])),
    }  # fmt: skip


def _p_value(gap: float, error: float) -> float:
    """Test two shares for equality; without any variance they are known exactly."""
    if error == 0:
        return 1.0 if np.isclose(gap, 0.0) else 0.0
    return float(2 * tail(abs(gap) / error))
