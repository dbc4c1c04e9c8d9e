"""What a report says about its plan, in both languages and on every page."""

import dataclasses
import re
import shutil
import subprocess

import pytest

import complete_reports
import reports
from browser import CHROMIUM
from evalkit.model.check import CheckResult
from evalkit.model.plan import Deviation, PlannedPower, PlanRecord, Unsealing
from evalkit.reporting.page import Page
from evalkit.reporting.release import release
from evalkit.reporting.render import html, write_report
from evalkit.reporting.words import words

TIME = "2026-01-01T00:00:00Z"
LOCKED = PlanRecord("ab" * 32, TIME, ("山田", "Smith"))
DEVIATIONS = (Deviation("study.seed", "7", "8", "asked for"), Deviation("files.a.csv", '"1"', ""))
UNSEALED = PlanRecord(
    "ab" * 32, TIME, ("Smith",), unsealings=(Unsealing("2026-02-01T00:00:00Z", ("Doe",), "<b>urgent</b>"),),
    deviations=DEVIATIONS,
)  # fmt: skip
AFTER = PlanRecord("ab" * 32, TIME, ("Smith",), after_data="an error in the data")


def text(plan: PlanRecord | None, language: str = "en") -> str:
    made = release(complete_reports.evaluation(plan=plan))
    return html(Page(made, words(language), {}))


def banner(page: str) -> str | None:
    found = re.search(r'<div class="status" role="note">(.*?)</div>', page, re.DOTALL)
    return re.sub(r"<.*?>", "", found[1]).strip() if found else None


@pytest.mark.parametrize(("language", "says"), [("en", "EXPLORATORY: no plan"), ("ja", "探索的：アウトカムを見る前に")])
def test_without_a_lock_it_is_exploratory(language: str, says: str) -> None:
    page = text(None, language)
    assert (banner(page) or "").startswith(says)
    assert words(language)["plan.exploratory"] in page


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_locked_plan_has_no_banner(language: str) -> None:
    page = text(LOCKED, language)
    assert banner(page) is None
    for told in (TIME, "山田", "Smith", "ab" * 32, words(language)["plan.locked"]):
        assert told in page
    assert words(language)["plan.deviations"] + "<" not in page


@pytest.mark.parametrize(("language", "says"), [
    ("en", "UNSEALED by Doe (2026-02-01T00:00:00Z): &lt;b&gt;urgent&lt;/b&gt;"),
    ("ja", "封印解除：Doe（2026-02-01T00:00:00Z）。理由：&lt;b&gt;urgent&lt;/b&gt;"),
])  # fmt: skip
def test_unsealing_and_deviations_are_told(language: str, says: str) -> None:
    page = text(UNSEALED, language)
    assert (banner(page) or "").splitlines() == [words(language)["status.draft_banner"], says]
    for told in ("<code>study.seed</code>", "<code>8</code>", "asked for", words(language)["plan.no_reason"]):
        assert told in page
    numbers = dict(reports.Page(page).numbers)
    assert numbers["plan.n_deviations"] == "2"


@pytest.mark.parametrize(("language", "says"), [("en", "LOCKED AFTER DATA"), ("ja", "事後確定")])
def test_a_plan_after_the_data_is_told(language: str, says: str) -> None:
    assert says in (banner(text(AFTER, language)) or "")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_a_rehearsal_told_is_printed_and_that_there_was_none(language: str) -> None:
    said = words(language)
    assert said["plan.rehearsal.none"] in text(LOCKED, language)
    told = PlannedPower("cd" * 32, "sales", 0.05, 0.8, is_recovered=True)
    page = text(dataclasses.replace(LOCKED, rehearsal=told), language)
    assert said["plan.rehearsal.none"] not in page
    assert said["plan.rehearsal.recovered"] in page
    numbers = dict(reports.Page(page).numbers)
    assert numbers["plan.rehearsal.power"].startswith("80.0")
    assert numbers["plan.rehearsal.detectable"].startswith("5.1")  # 100 * (exp(0.05) - 1) per cent
    failed = dataclasses.replace(told, detectable=None, is_recovered=False, after_data=True)
    page = text(dataclasses.replace(LOCKED, rehearsal=failed), language)
    assert said["plan.rehearsal.after_data_title"] in page
    assert said["plan.rehearsal.failed"] in page
    assert "plan.rehearsal.detectable" not in dict(reports.Page(page).numbers)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_reason_of_a_grade_has_words(language: str) -> None:
    keys = ("difference_in_differences", "no_pre_period", "few_pre_periods", "few_treated", "few_linked",
            "missing_outcomes", "pretrends_untested", "pretrends_rejected", "balance_untested", "unbalanced",
            "unadjusted", "lowered", "check", "noted")  # fmt: skip
    assert {*keys, "title", "sentence"} == set(words(language).keys("grade"))
    lowered = reports.study(grade={"sms": 1, "reason": "volunteers"})
    failed = CheckResult("placebo_outcomes", "?", "fail", "?", {"case": ""}, None)
    page = html(
        Page(release(reports.evaluation(study=lowered, checks=(*reports.checks(), failed))), words(language), {})
    )
    assert "volunteers" in page
    title = words(language).method_title("checks", "placebo_outcomes")
    assert words(language)["grade.noted"].format(title=title) in page


@pytest.mark.skipif(not (CHROMIUM.is_file() and shutil.which("pdftotext")), reason="no browser, or no pdftotext")
def test_every_printed_page_says_it(tmp_path) -> None:
    write_report(release(reports.evaluation()), tmp_path, ["en"])
    page, pdf = (tmp_path / "report.en.html").as_uri(), tmp_path / "report.pdf"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    subprocess.run([str(CHROMIUM), *flags, f"--print-to-pdf={pdf}", page], check=True, capture_output=True, timeout=60)
    printed = subprocess.run(["pdftotext", str(pdf), "-"], check=True, capture_output=True, text=True).stdout
    pages = printed.split("\f")[:-1]
    assert len(pages) > 3
    assert [number for number, one in enumerate(pages, start=1) if "EXPLORATORY" not in one] == []
