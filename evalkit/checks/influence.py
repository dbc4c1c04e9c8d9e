"""Whether a handful of firms make the effect."""

import dataclasses
from typing import Any

import numpy as np

from evalkit.engine.firm_paths import firm_paths, primary
from evalkit.engine.left_out import overall, without
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.stats.firm_influence import concentration, most_influential, overall_influence
from evalkit.stats.stable_hash import stable_hash

QUESTION = "Does the effect rest on a handful of firms?"
LEFT_OUT = (1, 5, 10)
FIRMS_EACH = 10
"""Treated firms there must be for each firm left out: without a larger share of them no effect stays."""
WARN_AT = 1.0
TOP_ONE, TOP_TWO = 0.5, 0.85
"""Shares of the variance that one firm, and two firms, must not exceed: as in the rule of dominance of totals."""


@dataclasses.dataclass(frozen=True)
class Method:
    """Influence: the effect on the primary outcome without the 1, 5 and 10 most influential firms.

    Firms are ranked by their influence on the mean effect from the award on, and each estimate is made again without
    the first of them. Moves are told in steps of standard errors, and no firm or effect without a firm is told, since
    the difference of two effects would be the firm's. The check looks at as many firms as there are ten supported ones
    for each.

    Reference
    ---------
    Cook (1977), Detection of influential observation in linear regression, Technometrics 19(1); Broderick, Giordano and
    Meager (2020), An automatic finite-sample robustness metric, on leaving out more than one.
    """

    def run(self, case: Case) -> CheckResult:
        """Leave firms out of every estimate."""
        panel = case.sample.panel
        outcome = primary(panel)
        wholes = [(e, whole) for e in case.averages if (whole := overall(e, outcome.name)) is not None]
        numbers = [k for k in LEFT_OUT if FIRMS_EACH * k <= case.sample.n_treated]
        influence = overall_influence(firm_paths(case.sample, outcome)) if wholes and numbers else np.zeros(1)
        if not influence.any():
            return _too_few()
        order = most_influential(influence, stable_hash(panel.firm, 0))
        rows = [
            {"outcome": outcome.name, "method": effects.method, "left_out": k, **whole.move(again)}
            for effects, whole in wholes for k in numbers
            if (again := without(case, effects, order[:k], outcome.name)) is not None
        ]  # fmt: skip
        return _result(rows, concentration(influence)) if rows else _too_few()


def _result(rows: list[dict[str, Any]], shares: tuple[float, float]) -> CheckResult:
    worst = max(rows, key=lambda row: (row["turned"], row["errors_moved"]))
    most = max(row["left_out"] for row in rows)
    is_concentrated = shares[0] > TOP_ONE or shares[1] > TOP_TWO
    kind, verdict = _judged(worst, is_concentrated=is_concentrated)
    sentence = {
        "turned": f"Without {worst['left_out']} firms the effect on {worst['outcome']} changes its sign",
        "concentrated": "One or two firms carry most of what the effect rests on",
        "moved": f"Without {worst['left_out']} firms the effect on {worst['outcome']} moves by at least "
        f"{worst['errors_moved']:g} standard errors",
        "pass": f"Without its {most} most influential firms the effect on "
        f"{worst['outcome']} moves by less than a standard error",
    }[kind]
    told = {k: worst[k] for k in ("outcome", "method", "left_out", "errors_moved")}
    values = {"case": kind, **told, "most_left_out": most, "is_concentrated": is_concentrated}
    return CheckResult("influence", QUESTION, verdict, f"{sentence}.", values, worst["errors_moved"], tuple(rows))


def _too_few() -> CheckResult:
    sentence = "There is no estimate with a standard error, or too few supported firms to leave any out."
    return CheckResult("influence", QUESTION, "info", sentence, {"case": "too_few"})


def _judged(worst: dict[str, Any], *, is_concentrated: bool) -> tuple[str, Verdict]:
    if worst["turned"]:
        return "turned", "fail"
    if is_concentrated:
        return "concentrated", "warn"
    return ("moved", "warn") if worst["errors_moved"] >= WARN_AT else ("pass", "pass")
