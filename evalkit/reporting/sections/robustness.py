"""How far the main finding survives other choices: specifications, estimators, placebos, bounds."""

from markupsafe import Markup

from evalkit.model.evaluation import Row
from evalkit.reporting.effect_rows import main_scale
from evalkit.reporting.page import Cell, Column, Page, Table
from evalkit.reporting.points import estimates
from evalkit.reporting.reading import reading_of
from evalkit.reporting.robustness import Kind, answers
from evalkit.reporting.sections.checks import sentence


def render(page: Page) -> Markup:
    """Render the section."""
    words = page.words
    keys = ("kind", "what", "verdict", "answer")
    columns = [Column(words[f"robustness.{key}"], is_number=False) for key in keys]
    rows = [_line(page, kind, name) for kind, name in answers(page.release)]
    return page.fill(
        "robustness.html.j2", table=Table(words["robustness.caption"], columns, rows) if rows else None,
        drawing=page.drawings.get("specification_curve"),
    )  # fmt: skip


def _line(page: Page, kind: Kind, name: str) -> list[Cell]:
    words, check = page.words, page.release.checks.get(name)
    title = words[f"robustness.{kind}"]
    if check is not None and name not in estimates(page.release)[1:]:
        return [title, words.method_title("checks", name), words[f"checks.{check.verdict}"], sentence(page, name)]
    return [title, words.method_title("estimation", name), words["page.unknown"], _effect(page, name)]


def _effect(page: Page, estimate: str) -> Cell:
    """Word the effect of a further estimate on the primary outcome."""
    outcome = page.release.study.primary
    rows: list[Row] = page.release.tables[f"effects/{estimate}/overall"]
    row = next((row for row in rows if row.labels["outcome"] == outcome.name), None)
    if row is None:
        return page.words["reading.unknown"]
    scale, reading = main_scale(outcome), reading_of(page.release, row)
    if reading == "not_held":
        return page.words["reading.not_held"]
    return page.say(
        "robustness.effect", outcome=page.words.outcome(outcome), effect=page.cell(row, scale),
        interval=page.interval(row, f"{scale}_low", f"{scale}_high"), confidence=page.cell(row, "confidence"),
    )  # fmt: skip
