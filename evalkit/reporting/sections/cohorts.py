"""Effects by the fiscal year of the first award, and by group of firms where an estimate has groups."""

from markupsafe import Markup

from evalkit.model.study import Outcome
from evalkit.reporting.effect_rows import main_scale
from evalkit.reporting.page import Column, Page, Table
from evalkit.reporting.points import estimates


def render(page: Page) -> Markup:
    """Render the section."""
    tables = [
        _table(page, name, outcome, by)
        for name in estimates(page.release)
        for by in ("cohort", "group")
        if f"effects/{name}/{by}" in page.release.tables
        for outcome in page.release.study.outcome
    ]
    lead = page.say("cohorts.lead", threshold=page.number("study.threshold"))
    return page.fill("cohorts.html.j2", lead=lead, tables=tables)


def _table(page: Page, estimate: str, outcome: Outcome, by: str) -> Table:
    words = page.words
    scales = ("percent", "level") if main_scale(outcome) == "percent" else ("level", "percent")
    titles = [f"cohorts.{by}", *(f"results.{s}" for s in scales), "results.n_treated", "results.n_control"]
    rows = [
        [
            str(row.labels[by]),
            *(page.effect(row, scale) for scale in scales),
            page.cell(row, "n_treated"),
            page.cell(row, "n_control"),
        ]
        for row in page.release.tables[f"effects/{estimate}/{by}"]
        if row.labels["outcome"] == outcome.name
    ]
    title = f"{words.outcome(outcome)}{words['page.colon']}{words.method_title('estimation', estimate)}"
    return Table(title, [Column(words[key]) for key in titles], rows)
