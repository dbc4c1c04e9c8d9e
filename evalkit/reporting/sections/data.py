"""Where the data came from: sources, files with their hashes, link rates, rows set aside by rule."""

from markupsafe import Markup

from evalkit.model.evaluation import Row
from evalkit.model.study import Source
from evalkit.reporting.page import Cell, Column, Page, Table
from evalkit.reporting.points import step_label


def render(page: Page) -> Markup:
    """Render the section."""
    first, last = (page.number(f"study.{end}_period") for end in ("first", "last"))
    return page.fill(
        "data.html.j2", lead=page.say("data.lead", first=first, last=last),
        sources=_sources(page), links=links(page), rules=rules(page), files=files(page),
    )  # fmt: skip


def _sources(page: Page) -> Table:
    words = page.words
    named: dict[str, Source | None] = dict(page.release.study.sources)
    keys = ("role", "layout", "vintage", "licence")
    rows: list[list[Cell]] = [
        [
            words[f"data.{role}"],
            Markup("<code>{}</code>").format(source.layout),
            source.vintage or words["page.not_said"],
            source.licence or words["page.not_said"],
        ]
        for role, source in named.items()
        if source is not None
    ]
    return Table(words["data.sources"], [Column(words[f"data.{key}"], is_number=False) for key in keys], rows)


def links(page: Page) -> Table:
    """Return the awards by programme and year, and the share of them that found a firm."""
    words, table = page.words, page.release.tables["data/links"]
    columns = [Column(words["data.programme"], is_number=False), Column(words["data.year"], is_number=False)]
    columns += [Column(words["data.n_awards"]), Column(words["data.linked"])]
    rows: list[list[Cell]] = [
        [
            words.label(row.labels["programme"]) or words["page.not_said"],
            str(row.labels["year"]),
            page.cell(row, "rows"),
            page.cell(row, "linked"),
        ]
        for row in table
    ]
    return Table(words["data.links"], columns, rows)


def rules(page: Page) -> Table:
    """Return the rows set aside, by step and rule."""
    words = page.words
    columns = [Column(words["flow.step"], is_number=False), Column(words["data.rule"], is_number=False)]
    columns += [Column(words["data.n_rows"])]
    rows = [_rule(page, row) for row in page.release.tables["data/rules"]]
    return Table(words["data.rules"], columns, rows)


def _rule(page: Page, row: Row) -> list[Cell]:
    words, rule = page.words, row.labels["rule"]
    named = Markup("{} <code>{}</code>").format(words.get(f"reasons.{rule}", rule), rule)
    return [step_label(row.labels["step"], row.labels["unit"], words), named, page.cell(row, "rows")]


def files(page: Page) -> Table:
    """Return the files with their SHA-256."""
    words = page.words
    columns = [Column(words["data.file"], is_number=False), Column("SHA-256", is_number=False)]
    rows: list[list[Cell]] = [
        [Markup("<code>{}</code>").format(row.labels["file"]), page.cell(row, "sha256")]
        for row in page.release.tables["data/files"]
    ]
    return Table(words["data.files"], columns, rows)
