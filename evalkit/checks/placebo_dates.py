"""Whether awards that never were, some years before the real ones, show effects."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from evalkit.engine.earlier_awards import earlier_awards
from evalkit.engine.firm_paths import primary
from evalkit.engine.left_out import overall
from evalkit.errors import EvalkitError
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.stats.multiplicity import stepped

QUESTION = "Do awards made up some years before the real ones show effects?"
NAME = "placebo_dates"
INFO = {
    "no_estimate": "The study has no estimate that could be made again.",
    "no_years_before": "No made-up award leaves a cohort with years before and after it and an effect with an error.",
}


@dataclasses.dataclass(frozen=True)
class Method:
    """Placebo dates: every estimate again, with awards made up 1, 2, 3 or more years before the real ones.

    Only years before firms may react to their real award are used, so there is nothing that a made-up award could have
    done: an effect of it is a difference in paths that the real estimate has too. Matching and covariates stay those of
    the real award. The p-values of all dates are adjusted together, by Holm; the study's first estimate fails, another
    one warns. Estimates that cannot be made for a date are counted.

    Parameters
    ----------
    years : int
        Earliest made-up award, in years before the real one.
    alpha : float
        Level at which the dates are tested together.

    Reference
    ---------
    Bertrand, Duflo and Mullainathan (2004), Quarterly Journal of Economics 119(1), on placebo laws; Holm (1979),
    Scandinavian Journal of Statistics 6(2).
    """

    years: int = 3
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if self.years < 1:
            raise ValueError("years must be 1 or more")
        if not 0 < self.alpha < 1:
            raise ValueError("alpha must be between 0 and 1")

    def run(self, case: Case) -> CheckResult:
        """Look at the primary outcome, or the first."""
        if not case.effects:
            return _told("no_estimate")
        tried = list(self._made_up(case))
        found = [(k, row) for k, row in tried if row is not None]
        estimates = [[row for k, row in found if k == own] for own in dict.fromkeys(k for k, _ in found)]
        if not estimates:
            return _told("no_years_before")
        rows = [row for own in estimates for row in _adjusted(own)]
        return self._result(rows, estimates[0], len(tried) - len(found))

    def _made_up(self, case: Case) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """Give the number of each estimate with the overall effect of a made-up award; None where it has none."""
        outcome = primary(case.sample.panel)
        for years in range(1, self.years + 1):
            sample = earlier_awards(case.sample, outcome, years)
            if sample is None:
                return
            for k, effects in enumerate(case.effects):
                try:
                    again = overall(case.estimate_again(sample, effects), outcome.name)
                except EvalkitError:
                    again = None
                yield k, None if again is None else {
                    "outcome": outcome.name, "method": effects.method, "years_earlier": years,
                    "estimate": again.estimate, "std_error": again.error, "p_value": again.p_value,
                }  # fmt: skip

    def _result(self, rows: list[dict[str, Any]], first: list[dict[str, Any]], failed: int) -> CheckResult:
        main = rows[: len(first)]
        worst = min(rows, key=lambda row: float(row["p_holm"]))
        verdict: Verdict = "pass" if worst["p_holm"] >= self.alpha else "warn"
        if any(row["p_holm"] < self.alpha for row in main):
            verdict, worst = "fail", min(main, key=lambda row: float(row["p_holm"]))
        dates = ", ".join(str(years) for years in sorted({row["years_earlier"] for row in rows}))
        says = "shows an effect" if verdict != "pass" else "shows no effect"
        p_value = f"p = {worst['p_holm']:.3f}" if worst["p_holm"] >= 0.001 else "p < 0.001"
        sentence = (
            f"An award made up {dates} year(s) before the real one {says} on {worst['outcome']}: the least p-value is "
            f"that of {worst['method']}, {worst['years_earlier']} year(s) before: {p_value}, adjusted by Holm. "
            f"{failed} estimates with a made-up award could not be made."
        )
        values = {"case": verdict, "alpha": self.alpha, "dates": dates, "failed": failed, **worst}
        return CheckResult(NAME, QUESTION, verdict, sentence, values, worst["p_holm"], tuple(rows))


def _adjusted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add the p-values that hold for all dates of an estimate together."""
    together = stepped([row["p_value"] for row in rows])
    return [{**row, "p_holm": float(p)} for row, p in zip(rows, together, strict=True)]


def _told(kind: str) -> CheckResult:
    return CheckResult(NAME, QUESTION, "info", INFO[kind], {"case": kind})
