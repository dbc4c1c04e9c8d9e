"""What the sections say beside numbers: blanks as blanks, judgements with names, groups that were not planned."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from markupsafe import Markup

import complete_reports
import evalkit as ek
import reports
from evalkit.model.check import CheckResult
from evalkit.model.plan import Deviation, PlanRecord
from evalkit.model.study_report import DOMAINS
from evalkit.reporting.at_hand import of_check
from evalkit.reporting.page import Page
from evalkit.reporting.release import release
from evalkit.reporting.render import html
from evalkit.reporting.sections import (
    balance,
    checks,
    cost,
    estimand,
    limits,
    programme,
    robustness,
    signoff,
    subgroups,
    summary,
    units,
)
from evalkit.reporting.words import words

LOCKED = PlanRecord("ab" * 32, "2026-01-01T00:00:00Z", ("Smith",))


def page(language="en", **parts):
    return Page(release(complete_reports.evaluation(**parts)), words(language), {})


def text(section, language="en", **parts):
    return section.render(page(language, **parts)).striptags()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_all_that_the_study_says_is_told_in_the_readers_language(language):
    whole = Markup(html(page(language))).striptags()
    said = complete_reports.both
    told = (
        "Equipment", "More sales", "Calls", "Money", "Machines", "Sales per firm", "Fit for use within its limits",
        "Alike without", "No matching", "Here only", "Not studied", "it is made up",
    )  # fmt: skip
    for english in told:
        assert said(english)[language] in whole
    assert ("（日本語）" in whole) == (language == "ja")


def test_blanks_are_said_as_blanks():
    bare = Page(release(reports.evaluation()), words("en"), {})
    assert programme.render(bare).count("not stated") >= 6
    assert signoff.render(bare).count("not stated") >= 8
    assert "no log of assumptions" in estimand.render(bare)
    assert limits.render(bare).count("not judged") == len(DOMAINS)
    assert words("en")["limits.by_unknown"] in limits.render(bare)


def test_the_summary_tells_objections_in_full_and_names_the_checks_that_pass():
    known = release(reports.evaluation(checks=reports.checks("fail", 0.01)))
    lines = re.findall("<li>(.*?)</li>", summary.render(Page(known, words("en"), {})), re.DOTALL)
    said = [Markup(line).striptags() for line in lines]
    assert said[0].startswith("fail Parallel paths before the award: Effects before the award differ from zero")
    assert said[1] == "pass Balance, Overlap"
    assert "The groups are alike" not in "".join(said)


@pytest.mark.parametrize("selection", ["application", "all_eligible", "rule", "lots"])
def test_how_firms_were_chosen_is_always_told(selection):
    asked = complete_reports.study(programme={"selection": selection})
    assert words("en")[f"limits.by_{selection}"] in text(limits, study=asked)


def test_facts_of_the_limits_are_those_of_checks_and_plan():
    locked = text(limits, plan=LOCKED)
    assert "SHA-256 of the lock: " + "ab" * 32 in locked
    assert "Balance (pass): The groups are alike" in locked
    assert "66.7% of the values of supported firms are missing" in locked
    assert words("en")["limits.no_facts"] in locked
    assert "No plan was locked" in text(limits)


def test_every_check_that_limits_name_exists():
    from evalkit import methods
    from evalkit.reporting.robustness import KINDS

    known = set(methods.names("checks"))
    assert {name for names in limits.FACTS.values() for name in names} <= known
    assert {name for names in KINDS.values() for name in names} <= known


def test_robustness_gathers_further_estimates_and_checks():
    told = text(robustness)
    for part in ("Event study", "5.1% (95% interval 4.4% to 5.8%)", "Parallel paths before the award"):
        assert part in told
    assert "Balance" not in told


def grouped(labels):
    """Return effects of the small study for groups of firms, all cohorts and years alike."""
    whole = reports.effects(reports.study())
    table = whole.table.assign(group=[labels[i % len(labels)] for i in range(len(whole.table))])
    return dataclasses.replace(whole, table=table, shares=None, method="dose")


@pytest.mark.parametrize(("planned", "plan", "marked"), [
    ((), None, 2), (("small",), None, 1), (("small", "large"), LOCKED, 0), (("dose",), LOCKED, 0),
    (("dose",), dataclasses.replace(LOCKED, after_data="late"), 2),
    (("dose",), dataclasses.replace(LOCKED, deviations=(Deviation("study.plan.subgroups", "[]", '["dose"]'),)), 2),
    (("dose",), dataclasses.replace(LOCKED, deviations=(Deviation("study.seed", "1", "2"),)), 0),
])  # fmt: skip
def test_groups_that_were_not_planned_are_marked(planned, plan, marked):
    asked = complete_reports.study(plan={"subgroups": list(planned)})
    told = subgroups.render(page(study=asked, effects=(grouped(["small", "large"]),), plan=plan))
    n_outcomes = len(asked.outcome)
    assert told.count("NOT PLANNED") == marked * n_outcomes
    assert told.count("<tr>") - 1 == 2 * n_outcomes


def test_planned_groups_without_an_effect_are_named():
    asked = complete_reports.study(plan={"subgroups": ["young firms"]})
    assert "no effect was estimated: young firms." in text(subgroups, study=asked)


def test_prices_extremes_and_logarithms_are_told():
    outcome = {"name": "sales", "transform": "log", "primary": True, "unit": "yen", "nonpositive": "missing",
               "winsor": [0.01, 0.99]}  # fmt: skip
    asked = complete_reports.study(outcome=[outcome])
    real = asked.model_validate({
        **asked.model_dump(mode="json", by_alias=True), "deflate": {"columns": ["sales"], "base": 2020},
        "sources": {**asked.model_dump(mode="json")["sources"], "deflators": {"layout": "deflators", "path": "p.csv"}},
    })  # fmt: skip
    given = (reports.effects(real),)
    told = text(units, study=real, effects=given)
    for part in ("In prices of 2020: Sales.", "1.0% and 99.0% of each year", "taken as missing and counted", "04-01"):
        assert part in told
    assert "Current prices" in text(units)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_number_of_these_sections_is_without_a_reference(language):
    """Digits outside referenced numbers are the study's own words, dates, and names of levels and hashes."""
    shown = reports.Page(html(page(language)))
    labels = {str(y) for y in range(reports.FIRST, reports.LAST + 1)} | {"0.1", "256", "04", "01", "12", "10", "2"}
    for section in ("status", "programme", "data", "units", "robustness", "subgroups", "cost"):
        found = set(re.findall(r"\d+(?:[.,]\d+)*", " ".join(shown.text[section])))
        assert found <= labels, section


def test_below_level_three_cost_is_one_of_a_difference():
    failing = CheckResult("balance", "?", "fail", "Unlike.", {"case": "fail"}, 0.9)
    given = {
        "sample": complete_reports.with_amounts(reports.sample()),
        "effects": (reports.effects(complete_reports.study()),),
    }
    weak = text(cost, checks=(failing,), **given)
    assert words("en")["cost.weak"] in weak
    assert words("en")["cost.weak"] not in text(cost, **given)


@pytest.mark.parametrize(("share", "is_said"), [(0.19, False), (0.21, True)])
def test_a_gap_of_missing_outcomes_is_said_where_no_check_looks_at_it(share, is_said):
    """Of the supported firms, these have no value in one of four years: below and above five points."""
    rows = [
        (f"F{i:03d}", 2018 if i < 100 else 0, year, np.nan if i < 100 * share and year == 2016 else 1.0)
        for i in range(200)
        for year in range(2016, 2020)
    ]
    frame = pd.DataFrame(rows, columns=["firm", "cohort", "year", "y"])
    panel = ek.Panel.from_frame(frame, firm="firm", year="year", cohort="cohort", outcomes=["y"])
    plain = {"sample": ek.match(panel, "none"), "checks": reports.checks(), "study": complete_reports.study()}
    followed = {**plain, "checks": (CheckResult("attrition", "?", "info", "Not known.", {"case": ""}),)}
    for language in ("en", "ja"):
        said = words(language)["summary.missing"].partition("{")[0]
        assert (said in text(summary, language, **plain)) == is_said
        assert said not in text(summary, language, **followed)


def test_no_cost_is_told_where_the_comparison_does_not_hold():
    given = {
        "sample": complete_reports.with_amounts(reports.sample()),
        "effects": (reports.effects(complete_reports.study()),),
    }
    rejected = text(cost, checks=reports.checks("fail", 0.01), **given)
    row = next(line for line in rejected.split("Sales")[1:])
    assert "comparison does not hold" in row


def test_heads_of_checks_name_the_unit_and_no_label_is_blank():
    effect = {"estimate": 5.9, "conf_low": 4.9}
    writer, rows = of_check([{"method": "difference", **effect}], "en")
    titles = [column.title for column in checks.details(writer, None, "", rows, "specification_curve").columns]
    assert titles == ["Estimate", "Interval from (%)", "Effect (%)"]
    titles = [column.title for column in checks.details(writer, None, "", rows, "placebo_dates").columns]
    assert titles[1:] == ["Interval from (scale of the estimate)", "Difference (scale of the estimate)"]
    writer, rows = of_check([{"clustered_by": "", "level": "", "n_treated": 70}], "en")
    assert checks.details(writer, None, "", rows).rows[0][:2] == ["firm", writer.unknown]


@pytest.mark.parametrize("is_matched", [False, True])
def test_before_and_after_matching_are_named_only_where_firms_are_matched(is_matched):
    assert ("after matching" in balance.covariates(page(), [], is_matched=is_matched).caption) == is_matched
