"""All outcomes and all estimates, in per cent and in level."""

from markupsafe import Markup

from evalkit.model.evaluation import Row
from evalkit.reporting.effect_rows import outcome_of
from evalkit.reporting.page import Cell, Column, Page, Table
from evalkit.reporting.points import averages, estimate_title
from evalkit.reporting.reading import reading_of


def render(page: Page) -> Markup:
    """Render the section."""
    rows = [
        _line(page, name, row)
        for outcome in page.release.study.outcome
        for name in averages(page.release)
        for row in _rows(page, name, outcome.name)
    ]
    return page.fill("results.html.j2", table=Table(page.words["results.caption"], _columns(page), rows))


def _rows(page: Page, estimate: str, outcome: str) -> list[Row]:
    """Return an outcome's effects over all firms; an outcome without any has a row without numbers."""
    rows = page.release.tables[f"effects/{estimate}/overall"]
    return [row for row in rows if row.labels["outcome"] == outcome] or [Row({"outcome": outcome}, {})]


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
        Column(words["results.p_adjusted"]),
        Column(words["results.n_treated"]),
        Column(words["results.n_control"]),
        Column(words["results.reading"], is_number=False),
    ]


def _line(page: Page, estimate: str, row: Row) -> list[Cell]:
    words = page.words
    outcome = outcome_of(page.release.study.outcome, row.labels["outcome"])
    return [
        words.outcome(outcome),
        estimate_title(page.release, words, estimate),
        page.effect(row, "percent"),
        page.effect(row, "level"),
        page.cell(row, "baseline"),
        page.cell(row, "p_value"),
        _adjusted(page, estimate, row),
        page.cell(row, "n_treated"),
        page.cell(row, "n_control"),
        words[f"reading.{reading_of(page.release, row)}"],
    ]


def _adjusted(page: Page, estimate: str, row: Row) -> Markup:
    """Write the p-value adjusted for the family of the outcome."""
    own = (r for r in page.release.tables[f"families/{estimate}"] if r.labels["outcome"] == row.labels["outcome"])
    found = next(own, None)
    return page.cell(found, "p_value") if found else page.unknown
