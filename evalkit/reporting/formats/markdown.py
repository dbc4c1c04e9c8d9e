"""The report as Markdown (GitHub's tables): text only, figures beside it, and the ids of all numbers at its end."""

import re
from collections.abc import Iterable, Iterator
from functools import singledispatch
from pathlib import Path

from evalkit.model import store
from evalkit.reporting.document import (
    Block,
    Bullets,
    Callout,
    Document,
    Figure,
    Heading,
    Inline,
    Paragraph,
    Run,
    Section,
    Table,
    Terms,
    plain,
    runs,
)  # fmt: skip
from evalkit.reporting.words import Words, words

SIGNS = re.compile(r"([\\`*_\[\]<>|~&$!])")
"""Signs that could begin markup anywhere in a line."""
BAR = r"\|"
"""A bar that ends no cell."""
LINE_START = re.compile(r"^(\d*)([#+\-=:]|(?<=\d)[.)](?=\s|$))")
"""What begins a heading, a list or a rule."""
ADDRESS = re.compile(r"(?i)\b(https?|ftp|www)(?=://|\.)")
"""What bare addresses begin with, which some readers turn into links."""


def write(document: Document, path: Path) -> None:
    """Write the report; figures are linked as `figures/<name>.<language>.png` beside it."""
    store.write_text(path, "\n\n".join(_parts(document)) + "\n")


def _parts(document: Document) -> Iterator[str]:
    titles = {section.name: section.title for section in document.sections}
    page = _Page(document.language, {name: _anchor(plain(title)) for name, title in titles.items()})
    yield from (f"> {page.line(line)}" for line in document.status)
    yield f"# {_escaped(document.title)}"
    yield page.line(document.kicker)
    yield page.block(document.facts)
    for section in document.sections:
        yield from _section(section, page)
    yield "---"
    yield page.line(document.footer)
    yield from _numbers(document, words(document.language))


def _section(section: Section, page: "_Page") -> Iterator[str]:
    yield f"## {page.line(section.title)}"
    yield from map(page.block, section.blocks)


def _numbers(document: Document, text: Words) -> Iterator[str]:
    """Yield the table of ids: each number that is printed, in the order of its first place."""
    printed = {run.number.id: run.text for run in runs((document.facts, document.sections)) if run.number}
    yield f"## {text['formats.numbers']}"
    yield _escaped(text["formats.numbers_lead"])
    rows = [(_code(name, is_cell=True), _escaped(said)) for name, said in printed.items()]
    yield _grid((text["formats.id"], text["formats.printed"]), (False, True), rows)


class _Page:
    """Writes blocks; knows the anchors of the sections."""

    def __init__(self, language: str, anchors: dict[str, str]) -> None:
        self.language, self.anchors = language, anchors

    def line(self, text: Inline, *, is_cell: bool = False) -> str:
        """Return one line; a new line inside it becomes a semicolon."""
        written = "".join(self._run(run, is_cell=is_cell) for run in text)
        return _begun(written.strip())

    def block(self, block: Block) -> str:
        return _block(block, self)

    def _run(self, run: Run, *, is_cell: bool) -> str:
        text = "; " if run.text == "\n" else re.sub(r"\s+", " ", run.text)
        said = text.strip()
        if not said:
            return text
        shown = _code(said, is_cell=is_cell) if run.is_code else _escaped(said)
        if run.is_strong or run.badge:
            shown = f"**{shown}**"
        if run.target:
            shown = f"[{shown}](#{self.anchors[run.target]})"
        return text.replace(said, shown, 1)


@singledispatch
def _block(block: Block, page: _Page) -> str:
    raise TypeError(f"no way to write a {type(block).__name__} on a page in {page.language}")


@_block.register
def _heading(block: Heading, page: _Page) -> str:
    return f"{'#' * block.level} {page.line(block.text)}"


@_block.register
def _paragraph(block: Paragraph, page: _Page) -> str:
    if block.kind == "about":
        lines = plain(block.text, between="\n").split("\n")
        return "\\\n".join(_begun(_escaped(line)) for line in lines)
    return page.line(block.text)


@_block.register
def _bullets(block: Bullets, page: _Page) -> str:
    return "\n".join(f"- {page.line(item)}" for item in block.items)


@_block.register
def _terms(block: Terms, page: _Page) -> str:
    between = "; " if page.language == "en" else "、"
    return "\n".join(
        f"- **{page.line(term)}** — {between.join(page.line(line) for line in said)}" for term, said in block.entries
    )


@_block.register
def _callout(block: Callout, page: _Page) -> str:
    lines = [f"**{page.line(p.text)}**" if p.kind == "finding" else page.line(p.text) for p in block.blocks]
    return "\n>\n".join(f"> {line}" for line in lines)


@_block.register
def _figure(block: Figure, page: _Page) -> str:
    name = f"figures/{block.stem}.{page.language}.png"
    return f"**{page.line(block.caption)}**\n\n![{_escaped(block.alternative)}]({name})"


@_block.register
def _table(block: Table, page: _Page) -> str:
    heads = [page.line(column.title, is_cell=True) for column in block.columns]
    rows = [[page.line(cell, is_cell=True) for cell in row] for row in block.rows]
    grid = _grid(heads, [column.is_number for column in block.columns], rows)
    return f"**{page.line(block.caption)}**\n\n{grid}"


def _grid(heads: Iterable[str], is_number: Iterable[bool], rows: Iterable[Iterable[str]]) -> str:
    rule = ["---:" if right else "---" for right in is_number]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def _escaped(text: str) -> str:
    """Return text that means itself."""
    return ADDRESS.sub(r"\1\\", SIGNS.sub(r"\\\1", " ".join(text.split())))


def _begun(line: str) -> str:
    """Return a line that is no heading, list or rule, whatever it begins with."""
    return LINE_START.sub(r"\1\\\2", line)


def _code(text: str, *, is_cell: bool = False) -> str:
    """Return text in a code span whose fence is longer than any in it, and which ends no cell."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text.replace('|', BAR) if is_cell else text}{pad}{fence}"


def _anchor(title: str) -> str:
    """Return the anchor that GitHub and most other readers give a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
