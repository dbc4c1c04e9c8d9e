"""How strongly something not seen would have to go with support and outcome to explain the effect away."""

import dataclasses
from typing import Any

import numpy as np

from evalkit.engine.firm_paths import firm_paths, primary
from evalkit.errors import EvalkitError
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Outcome
from evalkit.stats.aggregate import aggregate
from evalkit.stats.e_value import FROM_STANDARDISED, e_values

QUESTION = "How strongly would something not seen have to go with support and with the outcome?"
NAME = "e_value"
INFO = {
    "no_estimate": "There is no overall effect with a standard error.",
    "no_ratio": "The outcome is a share or yes/no, whose effect in points is no ratio.",
    "null": "The effect cannot be said to differ from zero, so that nothing needs to be explained away.",
}


@dataclasses.dataclass(frozen=True)
class Method:
    """E-value: the risk ratio with which something not seen would have to go with support and with the outcome.

    It would have to be that much more frequent among supported firms, and raise the outcome by that factor, beyond the
    covariates, to move the effect to zero; the second value moves the interval to zero. Effects on logarithms are
    ratios as they are; effects on levels are divided by the standard deviation of the outcome among the firms compared
    in the last period, which makes them approximate ratios. The verdict rests on the estimate whose interval is the
    nearest to zero.

    Parameters
    ----------
    warn_below : float
        E-values of the interval below this warn.

    Reference
    ---------
    VanderWeele and Ding (2017), Annals of Internal Medicine 167(4), equation 1 and table 2.
    """

    warn_below: float = 1.5

    def __post_init__(self) -> None:
        if self.warn_below < 1:
            raise ValueError("warn_below must be 1 or more")

    def run(self, case: Case) -> CheckResult:
        """Look at the overall effect of every estimate on the primary outcome, or the first."""
        outcome = primary(case.sample.panel)
        scale = _scale(case.sample, outcome)
        if scale is None:
            return _told("no_ratio")
        rows = [row for e in case.effects if (row := _row(e, outcome.name, scale)) is not None]
        if not rows:
            return _told("no_estimate")
        worst = min(rows, key=lambda row: (row["e_value_limit"], row["e_value"]))
        if worst["e_value_limit"] == 1:
            return _told("null")
        is_weak = worst["e_value_limit"] < self.warn_below
        verdict: Verdict = "warn" if is_weak else "pass"
        sentence = (
            f"Something not seen would have to go with support and with {outcome.name} by a risk ratio of "
            f"{worst['e_value']:.2f} each to explain the effect away, and of {worst['e_value_limit']:.2f} to move its "
            "interval to zero."
        )
        values = {"case": "weak" if is_weak else "strong", "warn_below": self.warn_below, **worst}
        return CheckResult(NAME, QUESTION, verdict, sentence, values, worst["e_value_limit"], tuple(rows))


def _scale(sample: MatchedSample, outcome: Outcome) -> float | None:
    """Return what an effect is multiplied with to be a logarithm of a ratio; None where it cannot be one."""
    if outcome.transform == "log":
        return 1.0
    if outcome.transform != "level":
        return None
    firms = firm_paths(sample, outcome)
    last, groups = firms.at(firms.periods[-1]), (firms.cohort > 0, firms.cohort == 0)
    squares = masses = 0.0
    for group in groups:
        use = group & (firms.weight > 0) & np.isfinite(last)
        if use.any():
            order = np.lexsort((firms.weight[use], last[use]))  # the same sums for any order of firms
            weight, y = firms.weight[use][order], last[use][order]
            mean = (weight * y).sum() / weight.sum()
            squares += float((weight * (y - mean) ** 2).sum())
            masses += float(weight.sum())
    spread = np.sqrt(squares / masses) if masses else 0.0
    return FROM_STANDARDISED / float(spread) if spread > 0 else None


def _row(effects: Effects, outcome: str, scale: float) -> dict[str, Any] | None:
    try:
        row = aggregate(effects.of(outcome)).table.iloc[0]
    except EvalkitError:
        return None
    effect, low, high = (scale * float(row[name]) for name in ("estimate", "conf_low", "conf_high"))
    if not np.isfinite([effect, low, high]).all():
        return None
    whole, limit = e_values(effect, low, high)
    return {"outcome": outcome, "method": effects.method, "e_value": whole, "e_value_limit": limit}


def _told(kind: str) -> CheckResult:
    return CheckResult(NAME, QUESTION, "info", INFO[kind], {"case": kind})
