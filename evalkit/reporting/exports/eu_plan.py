"""An evaluation plan under the eight headings that EU State aid rules ask for, in Markdown.

Reference
---------
Commission Regulation (EU) 651/2014, article 2(16): the minimum that an evaluation plan contains.
"""

import re
from collections.abc import Iterator, Sequence

from evalkit.model.evaluation import Release, distinct_names
from evalkit.model.study_programme import Texts
from evalkit.reporting.page import Page
from evalkit.reporting.points import estimate_title
from evalkit.reporting.sections.programme import told
from evalkit.reporting.words import words_of

NAME = "eu_evaluation_plan.en.md"
HEADINGS = (
    "Objectives of the aid scheme to be evaluated",
    "Evaluation questions",
    "Result indicators",
    "Envisaged methodology to conduct the evaluation",
    "Data collection requirements",
    "Proposed timing of the evaluation, including the date of submission of the final report",
    "Independent body conducting the evaluation, or the criteria for its selection",
    "Modalities for ensuring the publicity of the evaluation",
)
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")
"""Signs that Markdown, or HTML in it, would read as more than text."""


def text(release: Release) -> str:
    """Return the plan as Markdown; blanks of the study are said as blanks."""
    page = Page(release, words_of(release.study, "en"), {})
    title = page.words.pick(release.study.title, release.study.id)
    lines = [f"# Evaluation plan: {_safe(title)}", ""]
    parts = (_objectives, _questions, _indicators, _methodology, _data, _timing, _body, _publicity)
    for number, (heading, part) in enumerate(zip(HEADINGS, parts, strict=True), start=1):
        lines += [f"## {number}. {heading}", "", *(f"- {_safe(line)}" for line in part(page)), ""]
    return "\n".join(lines)


def _objectives(page: Page) -> Iterator[str]:
    study = page.release.study
    yield f"Scheme: {told(page, study.programme.name)}"
    yield f"Granting authority: {told(page, study.programme.authority)}"
    yield from _all(page, study.programme.objectives)
    yield f"In short: {study.plan.objective.strip() or page.words['page.not_said']}"
    yield f"How aid is thought to lead there: {study.plan.logic.strip() or page.words['page.not_said']}"


def _questions(page: Page) -> Iterator[str]:
    study = page.release.study
    yield from _all(page, study.programme.questions or (study.about,))


def _indicators(page: Page) -> Iterator[str]:
    study = page.release.study
    for outcome in study.outcome:
        kind = "primary outcome" if outcome.primary else "secondary outcome"
        kind = "negative control" if outcome.negative_control else kind
        yield f"{page.words.outcome(outcome)} ({kind}, {page.words[f'scales.{outcome.transform}']})"
    for indicator in study.programme.indicators:
        name, target = page.words.pick(indicator.name), told(page, indicator.target)
        yield f"Indicator: {name}; target: {target}; source: {told(page, indicator.source)}"


def _methodology(page: Page) -> Iterator[str]:
    study, words_ = page.release.study, page.words
    yield f"Comparison firms: {words_.method_title('matching', study.match.method)}"
    names = distinct_names([spec.method.replace("/", "-") for spec in study.estimate])
    yield from (f"Estimate: {estimate_title(page.release, words_, name)}" for name in names)
    yield from (f"Check: {words_.method_title('checks', spec.method)}" for spec in study.check)
    yield f"Estimand: {words_.get('question.' + str(study.match.options.get('estimand')), words_['question.att'])}"
    yield words_[f"limits.by_{study.programme.selection or 'unknown'}"]


def _data(page: Page) -> Iterator[str]:
    study = page.release.study
    for role, source in dict(study.sources).items():
        if source is not None:
            yield f"{page.words[f'data.{role}']}: layout {source.layout}, vintage {source.vintage or 'not stated'}"
    yield f"Period: {study.period.first} to {study.period.last}"


def _timing(page: Page) -> Iterator[str]:
    study = page.release.study
    blank = page.words["page.not_said"]
    yield f"Final report: {study.plan.final_report or blank}"
    yield f"Plan locked: {page.release.plan.time if page.release.plan else 'no'}"
    yield f"Findings may be relied on until: {study.edition.sunset or blank}"


def _body(page: Page) -> Iterator[str]:
    study = page.release.study
    yield study.plan.evaluator.strip() or page.words["page.not_said"]
    yield f"Analyst: {study.roles.analyst or page.words['page.not_said']}"
    yield f"Assurer: {study.roles.assurer or page.words['page.not_said']}"


def _publicity(page: Page) -> Iterator[str]:
    yield page.release.study.plan.publication.strip() or page.words["page.not_said"]


def _all(page: Page, texts: Sequence[Texts]) -> Iterator[str]:
    yield from (told(page, one) for one in texts or ({},))


def _safe(text: str) -> str:
    """Return text on one line that Markdown shows as it is."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))
