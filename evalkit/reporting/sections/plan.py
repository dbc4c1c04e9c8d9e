"""What was planned: whether the plan was locked, where the run differs from it, and what the comparison can carry."""

from typing import Any

from markupsafe import Markup

from evalkit.model.plan import PlanRecord, status_of
from evalkit.reporting.page import Cell, Column, Page, Table

CHECKS = ("check", "noted")
"""Reasons that name a check."""


def render(page: Page) -> Markup:
    """Render the section."""
    plan = page.release.plan
    return page.fill(
        "plan.html.j2", lead=page.words[f"plan.{status_of(plan)}"], facts=_facts(page, plan) if plan else [],
        warnings=warnings(page)[1 if plan is None else 0 :], deviations=_deviations(page, plan) if plan else None,
        graded=graded(page), reasons=_reasons(page), rehearsal=_rehearsal(page, plan) if plan else None,
    )  # fmt: skip


def warnings(page: Page) -> list[Cell]:
    """Return what every page of the report says about the plan; nothing where all went as it should."""
    plan = page.release.plan
    if plan is None:
        return [page.words["status.exploratory"]]
    lines: list[Cell] = [page.say("status.after_data", reason=plan.after_data)] if plan.after_data else []
    for number, one in enumerate(plan.unsealings):
        names = page.words["page.list"].join(one.names)
        time = page.number(f"plan.unsealing.{number}.time")
        lines.append(page.say("status.unsealed", names=names, time=time, reason=one.reason))
    return lines


def graded(page: Page) -> Markup:
    """Say the grade in one sentence."""
    return page.say("grade.sentence", sms=page.number("grade.sms"), oecd=page.number("grade.oecd"))


def _facts(page: Page, plan: PlanRecord) -> list[tuple[str, Cell]]:
    words = page.words
    return [
        (words["plan.time"], page.number("plan.time")),
        (words["plan.signers"], words["page.list"].join(plan.signers)),
        (words["plan.lock_sha256"], page.number("plan.lock_sha256")),
        (words["plan.n_deviations"], page.number("plan.n_deviations")),
    ]


def _rehearsal(page: Page, plan: PlanRecord) -> dict[str, Any]:
    """Say what a rehearsal told before the plan was locked, or that there was none."""
    words, told = page.words, plan.rehearsal
    if told is None:
        return {"title": words["plan.rehearsal.title"], "none": words["plan.rehearsal.none"], "facts": []}
    verdict = "recovered" if told.is_recovered else "failed"
    facts: list[tuple[str, Cell]] = [
        (words["plan.rehearsal.detectable"], page.number("plan.rehearsal.detectable")),
        (words["plan.rehearsal.power"], page.number("plan.rehearsal.power")),
        (words["plan.rehearsal.verdict"], words[f"plan.rehearsal.{verdict}"]),
        (words["plan.rehearsal.sha256"], page.number("plan.rehearsal.sha256")),
    ]
    return {"title": words[f"plan.rehearsal.{'after_data_title' if told.after_data else 'title'}"], "facts": facts}


def _deviations(page: Page, plan: PlanRecord) -> Table | None:
    words = page.words
    columns = [Column(words[f"plan.{key}"], is_number=False) for key in ("field", "planned", "found", "reason")]
    rows: list[list[Cell]] = [
        [*map(_code, (d.field, d.planned, d.found)), d.reason or words["plan.no_reason"]] for d in plan.deviations
    ]
    return Table(words["plan.deviations"], columns, rows) if rows else None


def _code(text: str) -> Markup:
    return Markup("<code>{}</code>").format(text)


def _reasons(page: Page) -> list[Cell]:
    """Say why the grade is no higher, and who lowered it."""
    words, grade = page.words, page.release.grade
    lines: list[Cell] = []
    for key in grade.reasons:
        kind, _, name = key.partition(":")
        titles = {"title": words.method_title("checks", name)} if kind in CHECKS else {}
        lines.append(page.say(f"grade.{kind}", **titles))
    if grade.lowered:
        lines.append(page.say("grade.lowered", proposed=page.number("grade.proposed"), reason=grade.lowered))
    return lines
