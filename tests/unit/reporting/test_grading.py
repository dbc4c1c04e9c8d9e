"""The grade follows from design and checks by written rules; a person may lower it and never raise it."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import reports
from evalkit.errors import StudyError
from evalkit.model.check import CheckResult
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.sample import MatchedSample
from evalkit.reporting.grading import grade
from evalkit.reporting.headline import headline
from evalkit.reporting.release import release

BASE = ("difference_in_differences",)
MATCHED = {"method": "exact", "on": ["industry"]}


def only(*names: str, **parts):
    """Return the checks of these names."""
    return tuple(c for c in reports.checks(**parts) if c.name in names)


def with_balance(statistic: float):
    return tuple(dataclasses.replace(c, statistic=statistic) if c.name == "balance" else c for c in reports.checks())


def linked(n: int):
    return Flow((
        FlowStep("link: one firm", "awards", 100, 90, 10), FlowStep("link: any firm", "awards", 90, n, 90 - n),
    ))  # fmt: skip


def gaps(share: float) -> MatchedSample:
    """Return firms of which a share of the supported ones has no value in half of the years."""
    rows = [
        (f"F{i:03d}", 2018 if i < 100 else 0, year, np.nan if i < 100 * share and year < 2018 else 1.0)
        for i in range(200)
        for year in range(2014, 2022)
    ]
    frame = pd.DataFrame(rows, columns=["firm", "cohort", "year", "y"])
    return ek.match(ek.Panel.from_frame(frame, firm="firm", year="year", cohort="cohort", outcomes=["y"]), "none")


CASES = {
    "all is well": ({}, (), 3),
    "EST13 rejected": ({"checks": reports.checks("fail", 0.01)}, ("pretrends_rejected",), 2),
    "EST12 untested": ({"checks": only("balance", "overlap")}, ("pretrends_untested",), 2),
    "not compared": ({"checks": only("pretrends", "overlap")}, ("balance_untested",), 2),
    "just alike": ({"checks": with_balance(0.25)}, (), 3),
    "MAT14 not alike": ({"checks": with_balance(0.2501)}, ("unbalanced",), 2),
    "seven in ten": ({"flow": linked(70)}, (), 3),
    "fewer": ({"flow": linked(69)}, ("few_linked",), 2),
    "ten": ({"sample": reports.sample({2019: 10})}, (), 3),
    "nine": ({"sample": reports.sample({2019: 9})}, ("few_treated",), 2),
    "two before": ({"sample": reports.sample({reports.FIRST + 2: 40})}, (), 3),
    "EST12 one before": ({"sample": reports.sample({reports.FIRST + 1: 40, 2019: 40})}, ("few_pre_periods",), 2),
    "EST12 none before": ({"sample": reports.sample({reports.FIRST: 40})}, ("no_pre_period",), 2),
    "some gaps": ({"sample": gaps(0.40)}, (), 3),
    "PAN10 many gaps": ({"sample": gaps(0.41)}, ("missing_outcomes",), 2),
}
"""A fifth is half of 40 in 100 firms: half of their years are missing."""


@pytest.mark.parametrize("case", CASES)
def test_rules(case: str) -> None:
    parts, reasons, level = CASES[case]
    for match, unadjusted in ((MATCHED, ()), ({"method": "none"}, ("unadjusted",) if reasons else ())):
        found = grade(reports.evaluation(study=reports.study(match=match), **parts))
        assert found.reasons == (*BASE, *reasons, *unadjusted)
        assert found.sms == found.proposed == level - len(unadjusted)
        assert found.is_causal == (found.sms == 3)
        assert found.oecd == (4 if match["method"] == "none" else 6 if level == 3 else 5)


@pytest.mark.parametrize(("gap", "reasons"), [(0.20, ()), (0.21, ("missing_outcomes",))])
def test_firms_that_leave_after_the_award_count_although_they_were_seen_before(gap: float, reasons: tuple) -> None:
    left = CheckResult("attrition", "?", "fail", "Many.", {"case": ""}, gap)
    found = grade(reports.evaluation(study=reports.study(match=MATCHED), checks=(*reports.checks(), left)))
    assert found.reasons == (*BASE, *reasons)


def test_EST13_bounds_answer_for_a_rejected_test() -> None:
    checks = reports.checks("fail", 0.01)
    bounds = dataclasses.replace(checks[2], name="honest_did", verdict="warn", statistic=0.4)
    found = grade(reports.evaluation(study=reports.study(match=MATCHED), checks=(*checks, bounds)))
    assert found.reasons == BASE


def test_any_check_of_the_design_that_fails_counts() -> None:
    checks = tuple(dataclasses.replace(c, verdict="fail") if c.name == "overlap" else c for c in reports.checks())
    assert grade(reports.evaluation(checks=checks)).reasons == (*BASE, "check:overlap", "unadjusted")


@pytest.mark.parametrize("name", ["placebo_outcomes", "placebo_dates", "spillover", "honest_did"])
@pytest.mark.parametrize("verdict", ["pass", "warn", "fail"])
def test_a_check_without_a_rule_that_fails_is_named_and_lowers_nothing(name: str, verdict: str) -> None:
    result = CheckResult(name, "?", verdict, "?", {"case": ""}, None)
    found = grade(reports.evaluation(study=reports.study(match=MATCHED), checks=(*reports.checks(), result)))
    assert found.proposed == 3
    assert found.reasons == (*BASE, *([f"noted:{name}"] if verdict == "fail" else []))


def test_splits_of_firms_nobody_supported_are_of_the_design() -> None:
    failed = CheckResult("aa_splits", "?", "fail", "?", {"case": ""}, None)
    found = grade(reports.evaluation(study=reports.study(match=MATCHED), checks=(*reports.checks(), failed)))
    assert (found.proposed, found.reasons) == (2, (*BASE, "check:aa_splits"))


@pytest.mark.parametrize("options", [{"adjustment": "regression"}, {"baseline": ("size",)}, {"covariates": ("size",)}])
def test_covariates_adjust(options: dict) -> None:
    asked = reports.study(match={"method": "none"})
    effects = dataclasses.replace(reports.effects(asked), options=options)
    found = grade(reports.evaluation(study=asked, effects=(effects,), checks=only("balance")))
    assert (found.sms, found.reasons) == (2, (*BASE, "pretrends_untested"))


def test_a_person_may_lower_and_never_raise() -> None:
    lowered = reports.study(match=MATCHED, grade={"sms": 2, "reason": "volunteers"})
    found = grade(reports.evaluation(study=lowered))
    assert (found.sms, found.proposed, found.oecd, found.lowered) == (2, 3, 5, "volunteers")
    with pytest.raises(StudyError) as refused:
        grade(reports.evaluation(study=lowered, checks=only("balance")))
    assert (refused.value.code, refused.value.exit_code) == ("E_GRADE", 2)
    with pytest.raises(ValueError, match="less than or equal to 2"):
        reports.study(grade={"sms": 3, "reason": "I like it"})


@pytest.mark.parametrize(("language", "says", "never"), [
    ("en", "That the award is the cause is not shown.", "would have been without the award"),
    ("ja", "この差が支援によるものであることは示されていない。", "支援がなかった場合"),
])  # fmt: skip
@pytest.mark.parametrize("size", [0.05, -0.05])
def test_no_cause_is_named_below_level_three(language: str, says: str, never: str, size: float) -> None:
    for checks, is_causal in ((reports.checks(), True), (only("balance", "overlap"), False)):
        asked = reports.study()
        evaluation = reports.evaluation(study=asked, checks=checks, effects=(reports.effects(asked, {"sales": size}),))
        text = headline(release(evaluation), language)
        assert (says in text, never in text) == (not is_causal, is_causal)


@pytest.mark.parametrize(
    ("language", "says"), [("en", "cannot be said to differ from zero"), ("ja", "とは言い切れない")]
)
def test_nothing_is_found_where_the_interval_holds_zero(language: str, says: str) -> None:
    for checks in (reports.checks(), only("balance")):
        asked = reports.study()
        evaluation = reports.evaluation(study=asked, checks=checks, effects=(reports.effects(asked, {"sales": 1e-4}),))
        assert says in headline(release(evaluation), language)


@pytest.mark.parametrize(("language", "says"), [("en", "no effect is stated"), ("ja", "効果は示さない")])
def test_EST13_no_headline_where_paths_before_the_award_differ(language: str, says: str) -> None:
    text = headline(release(reports.evaluation(checks=reports.checks("fail", 0.01))), language)
    assert says in text
    assert "%" not in text
