"""Balance of baseline covariates."""

import dataclasses
from typing import Any

import numpy as np

from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.stats.balance import Groups, level_balance, number_balance
from evalkit.stats.candidates import candidates
from evalkit.stats.covariates import Covariate, read_covariates

QUESTION = "Are treated and control firms alike before treatment?"


@dataclasses.dataclass(frozen=True)
class Method:
    """Balance: standardised mean differences of all baseline covariates, before and after matching.

    The verdict rests on the largest absolute difference after matching, over all numbers and all levels of categories.

    Parameters
    ----------
    warn_above : float
        Largest standardised difference that passes.
    fail_above : float
        Largest standardised difference that does not fail.

    Reference
    ---------
    Stuart (2010), Matching methods for causal inference, section 4.1; Austin (2009) for the limit of 0.10, Rubin
    (2001), Using propensity scores to help design observational studies, for 0.25.
    """

    warn_above: float = 0.10
    fail_above: float = 0.25

    def __post_init__(self) -> None:
        if not 0 < self.warn_above <= self.fail_above:
            raise ValueError("warn_above must be above 0 and at most fail_above")

    def run(self, case: Case) -> CheckResult:
        """Compare treated and control firms in every covariate of the panel."""
        panel = case.sample.panel
        firms = candidates(panel)
        kept = case.sample.weight > 0
        if not panel.covariates:
            return _info("no_covariates", "The panel has no baseline covariate to compare.")
        if not ((firms.treated & kept).any() and (firms.control & kept).any()):
            return _info("no_groups", "There are no never-treated firms, or no treated ones, to compare.")
        groups = Groups(firms.treated, firms.control, case.sample.weight)
        rows = [row for c in panel.covariates for one in read_covariates(panel, [c.name]) for row in _rows(one, groups)]
        return self._result(rows, len(panel.covariates))

    def _result(self, rows: list[dict[str, Any]], n_covariates: int) -> CheckResult:
        compared = [row for row in rows if not np.isnan(row["smd_after"])]
        if not compared:
            return _info("no_values", "No baseline covariate is known for both groups.")
        worst = max(compared, key=lambda row: abs(row["smd_after"]))
        before, after = (max(abs(row[when]) for row in compared) for when in ("smd_before", "smd_after"))
        verdict: Verdict = "fail" if after > self.fail_above else "warn" if after > self.warn_above else "pass"
        name = f"{worst['covariate']} = {worst['level']}" if worst["level"] else worst["covariate"]
        values = {
            "case": verdict, "max_smd_before": before, "max_smd_after": after, "covariate": worst["covariate"],
            "level": worst["level"], "n_covariates": n_covariates, "warn_above": self.warn_above,
            "fail_above": self.fail_above,
            "n_above": sum(abs(row["smd_after"]) > self.warn_above for row in compared),
        }  # fmt: skip
        verb = {"pass": "are alike", "warn": "differ somewhat", "fail": "differ"}[verdict]
        sentence = (
            f"Treated and control firms {verb}: the largest standardised difference after matching is {after:.3f} "
            f"({name}), before it {before:.3f}; up to {self.warn_above:g} passes, above {self.fail_above:g} fails."
        )
        return CheckResult(
            "balance", QUESTION, verdict, sentence, _finite(values), _finite({"": after})[""], tuple(map(_finite, rows))
        )


def _rows(covariate: Covariate, groups: Groups) -> list[dict[str, Any]]:
    if covariate.levels is None:
        numbers = number_balance(covariate.values, groups)
        return [{"covariate": covariate.name, "level": "", **dataclasses.asdict(numbers)}]
    levels = level_balance(covariate.values, len(covariate.levels), groups)
    return [
        {"covariate": covariate.name, "level": level, **dataclasses.asdict(share)}
        for level, share in zip(covariate.levels, levels, strict=True)
    ]


def _finite(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record as JSON can hold it: None for what is not a finite number."""
    return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in record.items()}


def _info(reason: str, sentence: str) -> CheckResult:
    return CheckResult("balance", QUESTION, "info", sentence, {"case": reason})
