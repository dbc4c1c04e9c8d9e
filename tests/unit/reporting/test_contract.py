"""What a report must hold: a whole one lacks nothing, and everything taken out is named."""

import dataclasses
import re

import pytest
from markupsafe import Markup

import complete_reports
from evalkit.errors import ManyErrors, StudyError
from evalkit.methods import problems
from evalkit.model.plan import Deviation, PlanRecord
from evalkit.model.study_file import study_from
from evalkit.reporting.contract import CHECKS, Missing, contract
from evalkit.reporting.page import Page
from evalkit.reporting.release import release
from evalkit.reporting.render import html
from evalkit.reporting.sections import ORDER, status
from evalkit.reporting.words import words

LOCKED = PlanRecord("ab" * 32, "2026-01-01T00:00:00Z", ("Smith",))


@pytest.fixture(scope="module")
def whole():
    return release(complete_reports.evaluation())


def with_study(released, section, **changes):
    """Return the release with other values in one section of its study."""
    part = getattr(released.study, section)
    return dataclasses.replace(
        released, study=released.study.model_copy(update={section: part.model_copy(update=changes)})
    )


def without(released, *tables):
    return dataclasses.replace(released, tables={k: [] if k in tables else v for k, v in released.tables.items()})


def unchecked(released, name):
    return dataclasses.replace(released, checks={k: c for k, c in released.checks.items() if k != name})


def first_only(released, table):
    return dataclasses.replace(released, tables={**released.tables, table: released.tables[table][:1]})


def with_number(released, number_id, value):
    number = dataclasses.replace(released.numbers[number_id], value=value)
    return dataclasses.replace(released, numbers={**released.numbers, number_id: number})


SPOILED = {
    ("status", "version"): lambda r: with_study(r, "edition", version=""),
    ("status", "date"): lambda r: with_study(r, "edition", date=""),
    ("summary", "headline"): lambda r: without(r, "effects/group_time/overall"),
    ("programme", "name"): lambda r: with_study(r, "programme", name={"en": "Only English"}),
    ("programme", "inputs"): lambda r: with_study(r, "programme", inputs={}),
    ("programme", "activities"): lambda r: with_study(r, "programme", activities={"en": " ", "ja": "a"}),
    ("programme", "outputs"): lambda r: with_study(r, "programme", outputs={}),
    ("programme", "outcomes"): lambda r: with_study(r, "programme", outcomes={}),
    ("programme", "objectives"): lambda r: with_study(r, "programme", objectives=()),
    ("programme", "indicators"): lambda r: with_study(r, "programme", indicators=()),
    ("plan", "reasons"): lambda r: dataclasses.replace(
        r, plan=dataclasses.replace(LOCKED, deviations=(Deviation("study.seed", "1", "2", " "),))
    ),
    ("data", "files"): lambda r: without(r, "data/files"),
    ("flow", "steps"): lambda r: without(r, "flow"),
    ("flow", "conserved"): lambda r: with_number(r, "flow.00.kept", 171),
    ("units", "unit"): lambda r: dataclasses.replace(
        r, study=r.study.model_copy(update={"outcome": (r.study.outcome[0].model_copy(update={"unit": ""}),)})
    ),
    ("estimand", "estimate"): lambda r: dataclasses.replace(
        r, tables={k: v for k, v in r.tables.items() if not k.startswith("effects/")}
    ),
    ("estimand", "assumptions"): lambda r: dataclasses.replace(r, study=r.study.model_copy(update={"assumption": ()})),
    ("balance", "balance"): lambda r: unchecked(r, "balance"),
    ("balance", "overlap"): lambda r: unchecked(r, "overlap"),
    ("results", "outcomes"): lambda r: first_only(r, "effects/group_time/overall"),
    ("results", "adjusted"): lambda r: without(r, "families/group_time"),
    ("event_study", "before"): lambda r: without(
        r, "effects/group_time/event_time", "effects/event_study/event_time"
    ),
    ("event_study", "band"): lambda r: without(r, "effects/group_time/event_time", "effects/event_study/event_time"),
    ("robustness", "few"): lambda r: unchecked(r, "bacon"),
    ("subgroups", "absent"): lambda r: with_study(r, "plan", subgroups=("small firms",)),
    ("cost", "cost"): lambda r: without(with_study(r, "treatment", dose=True), "cost"),
    ("limits", "external_validity"): lambda r: with_study(r, "limits", external_validity={}),
    ("limits", "displacement"): lambda r: with_study(r, "limits", displacement={}),
    ("limits", "selection_process"): lambda r: with_study(r, "programme", selection=""),
    **{
        ("limits", domain): lambda r, domain=domain: with_study(
            r, "limits", bias=r.study.limits.bias.model_copy(update={domain: None})
        )
        for domain in complete_reports.DOMAINS
    },
    ("disclosure", "record"): lambda r: dataclasses.replace(
        r, numbers={k: n for k, n in r.numbers.items() if k != "disclosure.hidden"}
    ),
    **{
        ("provenance", key): lambda r, key=key: dataclasses.replace(
            r, provenance={k: v for k, v in r.provenance.items() if k != key}
        )
        for key in ("study_sha256", "seed", "versions")
    },
    ("signoff", "no_commissioner"): lambda r: with_study(r, "roles", commissioner=""),
    ("signoff", "no_analyst"): lambda r: with_study(r, "roles", analyst=" "),
    ("signoff", "no_approver"): lambda r: with_study(r, "roles", approver=""),
    ("signoff", "assured"): lambda r: with_study(r, "roles", assurer=f" {complete_reports.BY} "),
    ("signoff", "assurance"): lambda r: with_study(r, "edition", assurance={}),
    ("signoff", "sunset"): lambda r: with_study(r, "edition", sunset=""),
}  # fmt: skip


def test_nineteen_sections_are_asked_for():
    assert len(CHECKS) == 19
    assert set(CHECKS) <= set(ORDER)


def test_a_whole_report_lacks_nothing(whole):
    assert contract(whole) == ()


@pytest.mark.parametrize("missing", SPOILED, ids=".".join)
def test_what_is_taken_out_is_named(whole, missing):
    assert Missing(*missing) in contract(SPOILED[missing](whole))


def test_every_missing_thing_is_tried_and_has_words():
    """A key of the words that no spoiled report brings up would be a check that cannot fail."""
    told = {(s, key) for s in words("en").keys("contract") for key in words("en").keys(f"contract.{s}")}
    assert told - {("glossary", "terms")} == set(SPOILED)


def test_no_glossary_is_missed(whole, monkeypatch):
    monkeypatch.setattr("evalkit.reporting.contract.words", lambda _: type("None", (), {"keys": lambda *_: []})())
    assert contract(whole) == (Missing("glossary", "terms"),)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_draft_says_so_on_every_page_and_lists_what_is_missing(whole, language):
    made = SPOILED["signoff", "sunset"](whole)
    page = html(Page(made, words(language), {}))
    banner = re.search(r'<div class="status" role="note">(.*?)</div>', page, re.DOTALL)
    assert words(language)["status.draft_banner"] in banner[1]
    listed = Markup(status.render(Page(made, words(language), {}))).striptags()
    assert words(language)["contract.signoff.sunset"] in listed


def test_a_whole_report_is_final_only_when_it_says_so(whole):
    page = Page(whole, words("en"), {})
    assert dict(status.facts(page))["Edition"] == "1.0 (final)"
    assert words("en")["status.final_lead"] in status.render(page)
    declared = Page(with_study(whole, "edition", status="draft"), words("en"), {})
    assert dict(status.facts(declared))["Edition"] == "1.0 (draft)"
    assert words("en")["status.draft_declared"] in status.warnings(declared)


def test_the_sunset_is_compared_with_the_date_of_the_edition(whole):
    late = Page(with_study(whole, "edition", date="2028-04-01"), words("en"), {})
    assert "OUT OF DATE: this edition of 2028-04-01 was to be relied on until 2028-03-31 only" in status.warnings(late)
    for day in ("2028-03-31", ""):
        in_time = Page(with_study(whole, "edition", date=day), words("en"), {})
        assert not any("OUT OF DATE" in line for line in status.warnings(in_time))


@pytest.mark.parametrize("assurer", ["", complete_reports.BY, f"  {complete_reports.BY} "])
def test_final_needs_an_assurer_who_is_not_the_analyst(assurer):
    data = complete_reports.study().model_dump(mode="json", by_alias=True)
    data["roles"]["assurer"] = assurer
    with pytest.raises((StudyError, ManyErrors), match=r"roles\.assurer"):
        study_from(data, problems)


def test_all_problems_of_these_sections_are_told_at_once():
    data = complete_reports.study().model_dump(mode="json", by_alias=True)
    data["edition"]["date"] = "1.4.2026"
    data["programme"]["aims"] = []
    data["limits"]["bias"]["selection"]["risk"] = "fine"
    with pytest.raises(ManyErrors) as failed:
        study_from(data, problems)
    told = str(failed.value) + "".join(str(e) for e in failed.value.exceptions)
    for where in ("edition.date", "programme", "limits.bias.selection.risk"):
        assert where in told
