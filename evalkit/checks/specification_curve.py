"""The effect under many specifications."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from evalkit import methods
from evalkit.engine.paths import sample_moments, with_groups
from evalkit.engine.winsorised import winsorised
from evalkit.errors import EvalkitError, StudyError
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Outcome
from evalkit.stats.aggregate import aggregate
from evalkit.stats.doubly_robust import Adjustment
from evalkit.stats.scales import Triple, scaled
from evalkit.stats.specifications import Curve, Specification, curve, thinned

QUESTION = "Does the effect depend on how it is estimated?"
ESTIMATORS = ("group_time", "sun_abraham", "extended_twfe", "imputation", "two_stage", "stacked", "difference")
"""Estimators that stay right when effects differ between cohorts; all work from moments."""
MOST_ROWS = 400
SMALLEST = 10
"""A cohort of fewer firms is not left out by itself: the difference would be its effect."""
MOSTLY, ALWAYS = 0.8, 0.95
"""Shares of specifications of one sign."""
ALL, OWN = "all", "own"
MOST_MOVED = 0.25
"""Of outcomes at each end: more is no longer about extremes."""


@dataclasses.dataclass(frozen=True)
class Method:
    """Specification curve: the effect on the primary outcome by all combinations of declared choices.

    Choices are the estimator, the comparison firms, covariates, the scale of the outcome and its extremes, the caliper
    of matching, one award cohort left out, and only firms observed in all years. For each scale, caliper and treatment
    of extremes the data are read once; all else but covariates comes from moments. Effects are in per cent, so that
    scales can be compared. The verdict asks whether specifications agree on the sign; combinations that cannot be
    estimated are counted.

    Parameters
    ----------
    estimators : tuple of str
        Estimators, with their other options at their defaults.
    comparisons : tuple of str
        Comparison firms, for the estimators that have that choice.
    transforms : tuple of str
        Scales beside the outcome's own: "level" or "log".
    calipers : tuple of float
        Calipers beside the sample's own, where its matching method has one.
    winsors : tuple of float
        Shares at each end of every year's outcomes that are moved to the quantile there, beside none.
    adjustments : tuple of str
        Ways in which `group_time` takes covariates out beside none, with all firms: "regression", "ipw",
        "doubly_robust".
    cohorts : bool
        Whether each award cohort is left out in turn.
    balanced : bool
        Whether firms with gaps are left out too.

    Reference
    ---------
    Simonsohn, Simmons and Nelson (2020), Specification curve analysis, Nature Human Behaviour 4, steps 1 to 3; Holm
    (1979), Scandinavian Journal of Statistics 6(2), for the joint test.
    """

    estimators: tuple[str, ...] = ESTIMATORS
    comparisons: tuple[str, ...] = ("never_treated", "not_yet_treated")
    transforms: tuple[str, ...] = ()
    calipers: tuple[float, ...] = ()
    winsors: tuple[float, ...] = ()
    adjustments: tuple[str, ...] = ()
    cohorts: bool = True
    balanced: bool = True

    def __post_init__(self) -> None:
        if not self.estimators or not self.comparisons:
            raise ValueError("estimators and comparisons must name at least one")
        if not set(self.transforms) <= {"level", "log"}:
            raise ValueError("transforms must be level or log: per cent is not defined on other scales")
        if not all(0 < share <= MOST_MOVED for share in self.winsors):
            raise ValueError(f"winsors must be above 0 and at most {MOST_MOVED}")
        if not set(self.adjustments) <= set(get_args(Adjustment)):
            raise ValueError("adjustments must be regression, ipw or doubly_robust")
        unknown = [name for name in self.estimators if name not in methods.names("estimation")]
        if unknown:
            raise ValueError(f"no such estimator: {', '.join(unknown)}")

    def run(self, case: Case) -> CheckResult:
        """Estimate every combination."""
        if case.sample.sets is not None:
            sentence = (
                "Each treated firm has a set of controls of its own, which the estimators of the curve cannot use."
            )
            return CheckResult("specification_curve", QUESTION, "info", sentence, {"case": "sets"})
        if not case.effects:
            sentence = "The study has no estimate to vary."
            return CheckResult("specification_curve", QUESTION, "info", sentence, {"case": "no_estimate"})
        found, n_failed = list[Specification](), 0
        for choices, sample in self._samples(case):
            for parts, part in self._parts(sample):
                for name, options, named in self._ways(is_whole=part is sample):
                    one = _estimated(case, part, (name, options), {**named, **choices, **parts})
                    n_failed += one is None
                    found += [one] if one else []
        if len(found) < 2:
            sentence = "Fewer than two specifications can be estimated, so there is nothing to compare."
            return CheckResult("specification_curve", QUESTION, "info", sentence, {"case": "too_few"})
        return _result(curve(found), found, n_failed, _primary(case.sample).name)

    def _samples(self, case: Case) -> "Iterator[tuple[dict[str, str], MatchedSample]]":
        """Give the samples that need a reading of the data: by caliper, extremes and scale of the outcome."""
        outcome = _primary(case.sample)
        own = case.sample.options.get("caliper")
        calipers = list(dict.fromkeys([own, *self.calipers])) if "caliper" in case.sample.options else [own]
        for caliper in calipers:
            sample = case.sample
            if caliper != own:
                options = {**case.sample.options, "caliper": caliper}
                sample = case.match_again(case.sample.panel, dataclasses.replace(case.sample, options=options))
            label = {"caliper": ALL if caliper is None else f"{caliper:g}"}
            for share in (0.0, *self.winsors):
                part = winsorised(sample, outcome, share) if share else sample
                moved = {"winsor": f"{share:g}" if share else "none"} if self.winsors else {}
                for transform in dict.fromkeys([outcome.transform, *self.transforms]):
                    if transform == "log" and outcome.transform != "log" and _has_no_log(part, outcome):
                        continue
                    one = outcome.model_copy(update={"transform": transform})
                    panel = dataclasses.replace(part.panel, outcomes=(one,))
                    yield {**label, **moved, "scale": transform}, dataclasses.replace(part, panel=panel)

    def _parts(self, sample: MatchedSample) -> "Iterator[tuple[dict[str, str], MatchedSample]]":
        """Give parts of a sample that come from its moments."""
        moments = sample_moments(sample)
        everyone = np.ones(moments.n_groups, dtype=bool)
        whole: list[tuple[str, NDArray[np.bool_]]] = [(ALL, everyone)]
        complete: NDArray[np.bool_] = np.asarray(moments.observed.all(axis=1), bool)
        if self.balanced and complete.any() and not complete.all():
            whole.append(("balanced", complete))
        left: list[tuple[str, NDArray[np.bool_]]] = [("none", everyone)]
        if self.cohorts:
            cohorts = [int(c) for c in np.unique(moments.cohort) if 0 < c <= sample.panel.periods[-1]]
            large = [c for c in cohorts if moments.n[moments.cohort == c].sum() >= SMALLEST]
            left += [(str(c), moments.cohort != c) for c in large if len(cohorts) > 1]
        for (firms, seen), (left_out, kept) in itertools.product(whole, left):
            chosen = seen & kept
            part = sample if chosen.all() else with_groups(sample, chosen)
            yield {"firms": firms, "without": left_out}, part

    def _ways(self, *, is_whole: bool) -> "Iterator[tuple[str, dict[str, Any], dict[str, str]]]":
        """Give estimators with their options and what these choices are called; covariates need the whole sample."""
        for name in self.estimators:
            has = {f.name for f in dataclasses.fields(methods.method_class("estimation", name))}
            adjustments = self.adjustments if is_whole and "adjustment" in has else ()
            for comparison in self.comparisons if "comparison" in has else (OWN,):
                for adjustment in ("none", *adjustments):
                    options = {} if comparison == OWN else {"comparison": comparison}
                    options |= {} if adjustment == "none" else {"adjustment": adjustment}
                    covariates = {"adjustment": adjustment} if self.adjustments else {}
                    yield name, options, {"against": comparison, **covariates}


def _estimated(
    case: Case, sample: MatchedSample, way: tuple[str, dict[str, Any]], choices: dict[str, str]
) -> Specification | None:  # fmt: skip
    """Estimate one combination; None where it cannot be."""
    name, options = way
    asked = dataclasses.replace(case.effects[0], method=name, options=options)
    try:
        effects = aggregate(case.estimate_again(sample, asked))
    except StudyError:
        raise
    except EvalkitError:
        return None
    row = effects.table.iloc[0]
    outcome = effects.outcomes[0]
    ends = Triple(float(row["estimate"]), float(row["conf_low"]), float(row["conf_high"]))
    percent = scaled(ends, outcome.transform, effects.baseline.get(outcome.name, np.nan)).percent
    if not np.isfinite([*percent, float(row["p_value"])]).all():
        return None
    return Specification({"method": name, **choices}, *percent, float(row["p_value"]))


def _primary(sample: MatchedSample) -> Outcome:
    """Return the first primary outcome, or the first one."""
    outcomes = sample.panel.outcomes
    return next((o for o in outcomes if o.primary), outcomes[0])


def _has_no_log(sample: MatchedSample, outcome: Outcome) -> bool:
    least = sample.panel.bounds(sample.panel.columns_of(outcome))[0]
    return bool(np.nanmin(least, initial=np.inf) <= 0)


def _result(summary: Curve, found: list[Specification], n_failed: int, outcome: str) -> CheckResult:
    agreed = max(summary.share_positive, 1 - summary.share_positive)
    verdict: Verdict = "pass" if agreed >= ALWAYS else "warn" if agreed >= MOSTLY else "fail"
    values = {
        "case": verdict, "outcome": outcome, "compared": str(len(found)), "failed": str(n_failed),
        "percent_median": summary.median, "percent_lowest": summary.lowest, "percent_highest": summary.highest,
        "share_positive": summary.share_positive, "share_significant": summary.n_significant / len(found),
        "p_value": summary.p_value,
    }  # fmt: skip
    sentence = (
        f"Of {len(found)} specifications {summary.share_positive:.0%} give a positive effect on {outcome} and "
        f"{summary.n_significant / len(found):.0%} an interval without 0; the median is {summary.median:.1f} %, from "
        f"{summary.lowest:.1f} % to {summary.highest:.1f} %; joint p = {summary.p_value:.3f}."
    )
    rows = tuple(one.to_row() for one in thinned(found, MOST_ROWS))
    return CheckResult("specification_curve", QUESTION, verdict, sentence, values, agreed, rows)
