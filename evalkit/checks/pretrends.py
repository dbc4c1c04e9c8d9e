"""Joint test of the effects before treatment."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.effects import Effects
from evalkit.stats.wald import wald

QUESTION = "Did treated and control firms develop alike before treatment?"


@dataclasses.dataclass(frozen=True)
class Method:
    """Pre-trends: joint Wald test that all effects before treatment are zero.

    One test per estimator and outcome, on effects by event time, before the periods in which firms may anticipate the
    award. A primary outcome that rejects fails, a secondary one warns. Not rejecting does not prove that paths were
    parallel: with few firms the test has little power.

    Parameters
    ----------
    alpha : float
        Level of the test.

    Reference
    ---------
    Callaway and Sant'Anna (2021), Difference-in-differences with multiple time periods, on effects before treatment;
    Roth (2022), Pretest with caution, on what the test cannot tell.
    """

    alpha: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError("alpha must be between 0 and 1")

    def run(self, case: Case) -> CheckResult:
        """Test every outcome of every estimator."""
        anticipation = case.sample.panel.anticipation
        tested = [row for effects in case.averages for row in _tests(effects, anticipation)]
        if not tested:
            sentence = "No effect before treatment is left to test: each cohort has one period before it, or none."
            return CheckResult("pretrends", QUESTION, "info", sentence, {"case": "no_pre_period"})
        primary = {name for effects in case.averages for name in _primary(effects)}
        main = [row for row in tested if row["outcome"] in primary]
        shown = min(main or tested, key=lambda row: float(row["p_value"]))
        rejected = [row for row in tested if row["p_value"] < self.alpha]
        verdict: Verdict = "fail" if any(r["outcome"] in primary for r in rejected) else "warn" if rejected else "pass"
        return self._result(verdict, shown, rejected, tested)

    def _result(
        self, verdict: Verdict, shown: dict[str, Any], rejected: list[dict[str, Any]], tested: list[dict[str, Any]]
    ) -> CheckResult:
        found = {
            "pass": "do not differ from zero for any outcome",
            "warn": f"differ from zero for a secondary outcome ({', '.join(sorted({r['outcome'] for r in rejected}))})",
            "fail": "differ from zero for the primary outcome",
        }[verdict]
        p_value = f"p = {shown['p_value']:.3f}" if shown["p_value"] >= 0.001 else "p < 0.001"
        sentence = (
            f"Effects before treatment {found} at {self.alpha:.0%}; {shown['outcome']} by {shown['method']}: "
            f"chi2({shown['dof']}) = {shown['statistic']:.2f}, {p_value}."
        )
        values = {
            "case": verdict, "alpha": self.alpha, "n_tests": len(tested), "n_rejected": len(rejected), **shown,
        }  # fmt: skip
        return CheckResult("pretrends", QUESTION, verdict, sentence, values, shown["p_value"], tuple(tested))


def _primary(effects: Effects) -> list[str]:
    """Return the primary outcomes, or the first outcome when none is named."""
    return [o.name for o in effects.outcomes if o.primary] or [o.name for o in effects.outcomes[:1]]


def _tests(effects: Effects, anticipation: int) -> list[dict[str, Any]]:
    """Test each outcome that has effects before treatment with a standard error; the reference period has none."""
    from evalkit.stats.aggregate import aggregate

    if effects.table["event_time"].isna().all():
        return []
    by_time = aggregate(effects, "event_time")
    table = by_time.table
    is_pre = (table["event_time"] < -anticipation).fillna(False).to_numpy(dtype=bool)
    is_pre &= (table["std_error"] > 0).to_numpy(dtype=bool)
    rows = []
    for outcome in dict.fromkeys(table["outcome"].tolist()):
        pre: NDArray[np.intp] = np.flatnonzero(is_pre & (table["outcome"] == outcome).to_numpy(dtype=bool))
        if len(pre):
            estimate = table["estimate"].to_numpy(dtype=np.float64)[pre]
            statistic, dof, p_value = wald(estimate, by_time.vcov[np.ix_(pre, pre)])
            rows.append({
                "outcome": outcome, "method": effects.method, "n_pre": len(pre), "statistic": statistic, "dof": dof,
                "p_value": p_value,
            })  # fmt: skip
    return rows
