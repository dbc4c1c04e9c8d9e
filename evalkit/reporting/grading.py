"""Grade an evaluation from its design and checks.

Difference-in-differences reaches level 3 of the Maryland scale when both groups were seen often enough before the award
and the evidence speaks for the comparison. One thing that is missing or speaks against it makes it level 2, and level 1
where neither matching nor covariates make the groups alike. Other checks that fail (made-up awards, outcomes that
cannot react, neighbours) are in no rule of the scale: they are named beside the level, for a person who may lower it.

Reference
---------
What Works Centre for Local Economic Growth, Guide to scoring evidence using the Maryland Scientific Methods Scale; OECD
Framework for the Evaluation of SME and Entrepreneurship Policies and Programmes (2023), the six steps.
"""

import math

import numpy as np

from evalkit import methods
from evalkit.engine.paths import sample_moments
from evalkit.errors import StudyError
from evalkit.model.check import CheckResult
from evalkit.model.effects import Effects
from evalkit.model.evaluation import Evaluation
from evalkit.model.grade import CAUSAL, Grade
from evalkit.model.sample import MatchedSample

LEAST_PRE_PERIODS, LEAST_TREATED = 2, 10
LARGEST_SMD, LEAST_LINKED, LARGEST_MISSING_GAP = 0.25, 0.70, 0.20
NOTED_MISSING_GAP = 0.05
"""Gap of missing outcomes of which the report warns."""
ALPHA = 0.05
JUDGED = ("attrition", "balance", "pretrends")
"""Checks of which a rule of the grade takes the figure, whatever their verdict."""
TYPICAL_FIRMS, MATCHED_FIRMS, WITHOUT_SELECTION = 4, 5, 6
"""Steps of the OECD framework."""


def grade(evaluation: Evaluation) -> Grade:
    """Propose a grade, and take the lower one of the study where it has one.

    Raises
    ------
    StudyError
        `E_GRADE`: the study's grade is not below the one proposed.
    """
    study = evaluation.study
    is_adjusted = study.match.method != "none" or any(map(_adjusts, evaluation.effects))
    found = _against(evaluation)
    proposed = CAUSAL - bool(found) - (bool(found) and not is_adjusted)
    reasons = ("difference_in_differences", *found, *(("unadjusted",) if found and not is_adjusted else ()))
    reasons += tuple(f"noted:{name}" for name in _noted(evaluation.checks))
    oecd = TYPICAL_FIRMS if not is_adjusted else WITHOUT_SELECTION if proposed == CAUSAL else MATCHED_FIRMS
    if study.grade is None:
        return Grade(proposed, proposed, oecd, reasons)
    if study.grade.sms >= proposed:
        problem = f"design and checks propose level {proposed}; a person may lower it, never raise or repeat it"
        raise StudyError(problem, where="grade.sms", code="E_GRADE", hint="leave [grade] out, or name a lower level")
    return Grade(study.grade.sms, proposed, min(oecd, MATCHED_FIRMS), reasons, study.grade.reason)


def _adjusts(effects: Effects) -> bool:
    named = any(effects.options.get(key) for key in ("covariates", "baseline"))
    return named or effects.options.get("adjustment", "none") != "none"


def _against(evaluation: Evaluation) -> list[str]:
    """Return, by key, what is missing or speaks against the comparison."""
    sample, checks = evaluation.sample, evaluation.checks
    n_before = _pre_periods(sample)
    facts = {
        "no_pre_period": n_before == 0,
        "few_pre_periods": 0 < n_before < LEAST_PRE_PERIODS,
        "few_treated": sample.n_treated < LEAST_TREATED,
        "few_linked": linked(evaluation) < LEAST_LINKED,
        "missing_outcomes": _missing_gap(sample, checks) > LARGEST_MISSING_GAP,
        **_pretrends(checks), **_balance(checks),
    }  # fmt: skip
    failed = sorted(name for name in _failed(checks) if _is_design(name))
    return [*(key for key, is_true in facts.items() if is_true), *(f"check:{name}" for name in failed)]


def _noted(checks: tuple[CheckResult, ...]) -> list[str]:
    """Return the checks that fail and lower no grade, because no rule of the scale names them."""
    return sorted(name for name in _failed(checks) if not _is_design(name))


def _failed(checks: tuple[CheckResult, ...]) -> set[str]:
    return {c.name for c in checks if c.verdict == "fail"} - set(JUDGED)


def _pre_periods(sample: MatchedSample) -> int:
    """Count the periods before the award of the cohort with the fewest; cohorts with none are in no estimate."""
    panel = sample.panel
    cohorts = np.unique(panel.cohort[(panel.cohort > 0) & (sample.weight > 0)])
    before = cohorts - panel.anticipation - panel.periods[0]
    return min(before[before > 0].tolist(), default=0)


def linked(evaluation: Evaluation) -> float:
    """Return the share of awards without an id that found a firm; without such awards, of awards whose firm is known.

    1 when there were none of either.
    """
    steps = {step.step: step for step in evaluation.flow.steps}
    first, last = steps.get("link: one firm"), steps.get("link: any firm")
    if first and last:
        return last.kept / first.n_in if first.n_in else 1.0
    by_id = steps.get("link to firms")
    return by_id.kept / by_id.n_in if by_id and by_id.n_in else 1.0


def missing_shares(sample: MatchedSample) -> tuple[float, float]:
    """Return the share of values of the primary outcome that are missing, of treated and of control firms.

    NaN where a group has no firms.
    """
    panel, moments = sample.panel, sample_moments(sample)
    place = next((i for i, o in enumerate(panel.outcomes) if o.primary), 0) * len(panel.periods)
    missing = 1 - moments.observed[:, place : place + len(panel.periods)].mean(axis=1)
    arms = [moments.cohort > 0, moments.cohort <= 0]
    treated, control = (float(np.average(missing[a], weights=moments.n[a])) if a.any() else math.nan for a in arms)
    return treated, control


def _missing_gap(sample: MatchedSample, checks: tuple[CheckResult, ...]) -> float:
    """Return by how much the shares of missing values differ; 0 where a group has no firms.

    Over all years, and in the worst year after the award where `attrition` follows the firms: those who leave were seen
    before.
    """
    treated, control = missing_shares(sample)
    overall = 0.0 if math.isnan(treated + control) else abs(treated - control)
    return max(overall, *(c.statistic or 0.0 for c in checks if c.name == "attrition"), 0.0)


def _pretrends(checks: tuple[CheckResult, ...]) -> dict[str, bool]:
    """Say whether paths before the award were tested, and whether they differ without honest bounds beside."""
    tests = [c for c in checks if c.name == "pretrends" and c.statistic is not None]
    is_bounded = any(c.name == "honest_did" and c.statistic is not None for c in checks)
    rejects = any(c.verdict == "fail" or (c.statistic or 0.0) < ALPHA for c in tests)
    return {"pretrends_untested": not tests, "pretrends_rejected": rejects and not is_bounded}


def _balance(checks: tuple[CheckResult, ...]) -> dict[str, bool]:
    """Say whether firms were compared before the award, and whether they differ."""
    found = [c.statistic for c in checks if c.name == "balance" and c.statistic is not None]
    return {"balance_untested": not found, "unbalanced": any(smd > LARGEST_SMD for smd in found)}


def _is_design(name: str) -> bool:
    return name in methods.names("checks") and bool(getattr(methods.method_class("checks", name), "is_design", False))
