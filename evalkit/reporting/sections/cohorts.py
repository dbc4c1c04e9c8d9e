"""Effects by the fiscal year of the first award."""

from typing import Any

from markupsafe import Markup

from evalkit.model.study import Outcome
from evalkit.reporting.effect_rows import main_scale
from evalkit.reporting.page import Column, Page, Table
from evalkit.reporting.points import averages


def render(page: Page) -> Markup:
    """Render the section."""
    tables = [
        _table(page, name, outcome)
        for name in averages(page.release)
        if f"effects/{name}/cohort" in page.release.tables
        for outcome in page.release.study.outcome
    ]
    lead = page.say("cohorts.lead", threshold=page.number("study.threshold"))
    cells = [found for name in averages(page.release) if (found := _cells(page, name)) is not None]
    return page.fill("cohorts.html.j2", lead=lead, tables=tables, cells=cells)


def _cells(page: Page, estimate: str) -> dict[str, Any] | None:
    """Return the figure of the primary outcome's effects by cohort and year, and the table behind it."""
    words, outcome = page.words, page.release.study.primary
    drawing = page.drawings.get(f"cohort_year/{estimate}")
    if drawing is None:
        return None
    scale = main_scale(outcome)
    titles = ["cohorts.cohort", "cohorts.year", f"results.{scale}"]
    rows = [
        [str(row.labels["cohort"]), str(row.labels["year"]), page.effect(row, scale)]
        for row in page.release.tables[f"effects/{estimate}/cell"]
        if row.labels["outcome"] == outcome.name
    ]
    return {"drawing": drawing, "table": Table(drawing.title, [Column(words[key]) for key in titles], rows)}


def _table(page: Page, estimate: str, outcome: Outcome) -> Table:
    words = page.words
    scales = ("percent", "level") if main_scale(outcome) == "percent" else ("level", "percent")
    titles = ["cohorts.cohort", *(f"results.{s}" for s in scales), "results.n_treated", "results.n_control"]
    rows = [
        [
            str(row.labels["cohort"]),
            *(page.effect(row, scale) for scale in scales),
            page.cell(row, "n_treated"),
            page.cell(row, "n_control"),
        ]
        for row in page.release.tables[f"effects/{estimate}/cohort"]
        if row.labels["outcome"] == outcome.name
    ]
    title = f"{words.outcome(outcome)}{words['page.colon']}{words.method_title('estimation', estimate)}"
    return Table(title, [Column(words[key]) for key in titles], rows)
