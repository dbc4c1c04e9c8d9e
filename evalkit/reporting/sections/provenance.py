"""What it takes to make the same report again."""

from markupsafe import Markup

from evalkit.reporting.page import Cell, Column, Page, Table

PREFIX = "provenance."


def render(page: Page) -> Markup:
    """Render the section."""
    words, study = page.words, page.release.study
    columns = [Column(words["provenance.key"], is_number=False), Column(words["provenance.value"], is_number=False)]
    rows: list[list[Cell]] = [
        [_title(page, key.removeprefix(PREFIX)), page.number(key)]
        for key in page.release.numbers
        if key.startswith(PREFIX)
    ]
    command = f"evalkit run {study.id}/study.toml"
    return page.fill("provenance.html.j2", table=Table(words["sections.provenance"], columns, rows), command=command)


def _title(page: Page, key: str) -> str:
    """Name an item; "versions.numpy" is the version of numpy."""
    head, _, tail = key.partition(".")
    return page.words.get(f"provenance.{head}", key).format(name=tail)
