"""Balance of baseline covariates."""

import dataclasses
from typing import Any, Literal

import numpy as np

from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.sample import MatchedSample
from evalkit.stats.balance import Groups, level_balance, number_balance
from evalkit.stats.candidates import candidates
from evalkit.stats.covariates import Covariate, read_covariates
from evalkit.stats.interactions import interactions
from evalkit.stats.quantiles import quantile_rows
from evalkit.stats.subgroup_balance import Part, cohort_balance, subclass_balance
from evalkit.stats.weights import effective_number

QUESTION = "Are treated and control firms alike before treatment?"
LISTED = 50
"""Subclasses listed, the least balanced first."""


@dataclasses.dataclass(frozen=True)
class Method:
    """Balance: standardised mean differences of all baseline covariates, before and after matching.

    The verdict rests on the largest absolute difference after matching, over all numbers and all levels of categories.
    The values also hold, for the analyst and not for release, the least balanced characteristic of each cohort, and of
    the least balanced subclasses where firms were matched in cells; and binned quantiles of numbers.

    Parameters
    ----------
    warn_above : float
        Largest standardised difference that passes.
    fail_above : float
        Largest standardised difference that does not fail.
    binary : {"raw", "standardised"}
        Whether differences of shares stay as they are, or are divided by a standard deviation as numbers are.
    interactions : bool
        Whether products of two covariates are compared too; the verdict does not rest on them.

    Reference
    ---------
    Stuart (2010), Matching methods for causal inference, section 4.1; Austin (2009) for the limit of 0.10, Rubin
    (2001), Using propensity scores to help design observational studies, for 0.25.
    """

    warn_above: float = 0.10
    fail_above: float = 0.25
    binary: Literal["raw", "standardised"] = "raw"
    interactions: bool = False

    is_design = True

    def __post_init__(self) -> None:
        if not 0 < self.warn_above <= self.fail_above:
            raise ValueError("warn_above must be above 0 and at most fail_above")

    def run(self, case: Case) -> CheckResult:
        """Compare treated and control firms in every covariate of the panel."""
        panel = case.sample.panel
        firms = candidates(panel)
        if not panel.covariates:
            return _info("no_covariates", "The panel has no baseline covariate to compare.")
        served = None if case.sample.sets is None else case.sample.control_weight
        control = firms.control if served is None else firms.control | (served > 0)
        groups = Groups(firms.treated, control, case.sample.weight, self.binary == "raw", served)
        if not all(weight.any() for weight in groups.weights()[2:]):
            return _info("no_groups", "There are no never-treated firms, or no treated ones, to compare.")
        covariates = read_covariates(panel, (c.name for c in panel.covariates))
        rows = [row for covariate in covariates for row in _rows(covariate, groups)]
        return self._result(rows, len(covariates), self._parts(case.sample, covariates, groups))

    def _parts(self, sample: MatchedSample, covariates: list[Covariate], groups: Groups) -> dict[str, Any]:
        """Return effective numbers, which are released, and tables, which are not."""
        treated, control = groups.weights()[2:]
        parts: dict[str, Any] = {
            "effective_treated": effective_number(treated), "effective_controls": effective_number(control),
            "n_treated": int((treated > 0).sum()), "n_control": int((control > 0).sum()),
            "quantiles": [row for covariate in covariates for row in quantile_rows(covariate, groups)],
            "cohorts": _records(cohort_balance(sample, covariates, groups), "cohort"),
        }  # fmt: skip
        if not sample.pairs.num_rows and (sample.subclass >= 0).any():
            worst = sorted(subclass_balance(sample, covariates, groups), key=lambda part: (-part.max_smd, part.part))
            parts["subclasses"] = _records(worst[:LISTED], "subclass")
        if self.interactions:
            parts["interactions"] = [_finite(dataclasses.asdict(one)) for one in interactions(covariates, groups)]
        return parts

    def _result(self, rows: list[dict[str, Any]], n_covariates: int, parts: dict[str, Any]) -> CheckResult:
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
            "n_above": sum(abs(row["smd_after"]) > self.warn_above for row in compared), **parts,
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


def _records(parts: list[Part], label: str) -> list[dict[str, Any]]:
    return [
        _finite({label: part.part} | {k: v for k, v in dataclasses.asdict(part).items() if k != "part"})
        for part in parts
    ]


def _finite(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record as JSON can hold it: None for what is not a finite number."""
    return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in record.items()}


def _info(reason: str, sentence: str) -> CheckResult:
    return CheckResult("balance", QUESTION, "info", sentence, {"case": reason})
