"""All outcomes and all estimates, in per cent and in level."""

from markupsafe import Markup

from evalkit.model.evaluation import Row
from evalkit.reporting.effect_rows import outcome_of
from evalkit.reporting.page import Cell, Column, Page, Table
from evalkit.reporting.points import estimates
from evalkit.reporting.reading import reading_of


def render(page: Page) -> Markup:
    """Render the section."""
    rows = [
        _line(page, name, row)
        for outcome in page.release.study.outcome
        for name in estimates(page.release)
        for by in ("overall", "group")
        for row in page.release.tables.get(f"effects/{name}/{by}", [])
        if row.labels["outcome"] == outcome.name
    ]
    return page.fill("results.html.j2", table=Table(page.words["results.caption"], _columns(page), rows))


def _columns(page: Page) -> list[Column]:
    words = page.words
    interval = page.say("results.interval", confidence=page.confidence)

    def with_interval(scale: str) -> Markup:
        return Markup('{}<span class="interval">{}</span>').format(words[f"results.{scale}"], interval)

    return [
        Column(words["results.outcome"], is_number=False),
        Column(words["results.estimate"], is_number=False),
        Column(with_interval("percent")),
        Column(with_interval("level")),
        Column(words["results.baseline"]),
        Column(words["results.p_value"]),
        Column(words["results.n_treated"]),
        Column(words["results.n_control"]),
        Column(words["results.reading"], is_number=False),
    ]


def _line(page: Page, estimate: str, row: Row) -> list[Cell]:
    words = page.words
    outcome = outcome_of(page.release.study.outcome, row.labels["outcome"])
    return [
        words.outcome(outcome),
        _title(page, estimate, row),
        page.effect(row, "percent"),
        page.effect(row, "level"),
        page.cell(row, "baseline"),
        page.cell(row, "p_value"),
        page.cell(row, "n_treated"),
        page.cell(row, "n_control"),
        words[f"reading.{reading_of(page.release, row)}"],
    ]


def _title(page: Page, estimate: str, row: Row) -> str:
    """Return the method's title, with the group where the row is one's."""
    title = page.words.method_title("estimation", estimate)
    return f"{title}{page.words['page.colon']}{row.labels['group']}" if "group" in row.labels else title
