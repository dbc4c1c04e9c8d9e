"""A report as a small tree of what it says, from which every format but HTML is written."""

import dataclasses
from collections.abc import Iterator

from evalkit.model.evaluation import Number
from evalkit.model.study import Language


@dataclasses.dataclass(frozen=True)
class Run:
    """Text of one look.

    Parameters
    ----------
    text : str
        As a reader sees it; a line feed stands where a new line begins.
    number : Number, optional
        The published number that the text prints, or None.
    is_strong, is_code : bool
        How it looks.
    badge : str
        The verdict it tells ("pass", "warn", "fail", "info"), else empty.
    target : str
        The section that it leads to, else empty.
    """

    text: str
    number: Number | None = None
    is_strong: bool = False
    is_code: bool = False
    badge: str = ""
    target: str = ""


Inline = tuple[Run, ...]


@dataclasses.dataclass(frozen=True)
class Heading:
    """A heading inside a section; `level` is 3 or 4."""

    text: Inline
    level: int


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A paragraph; `kind` is "", "quiet", "note", "kicker", "finding" or "about"; in Word also "question"."""

    text: Inline
    kind: str = ""


@dataclasses.dataclass(frozen=True)
class Bullets:
    """A list without order."""

    items: tuple[Inline, ...]


@dataclasses.dataclass(frozen=True)
class Terms:
    """Terms, each with what is said of it."""

    entries: tuple[tuple[Inline, tuple[Inline, ...]], ...]


@dataclasses.dataclass(frozen=True)
class Column:
    """The head of a column."""

    title: Inline
    is_number: bool


@dataclasses.dataclass(frozen=True)
class Table:
    """A table with one row of heads; the first cell of a row names it. One that `is_long` is not for paper."""

    caption: Inline
    columns: tuple[Column, ...]
    rows: tuple[tuple[Inline, ...], ...]
    is_long: bool = False


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure: its file without language and ending, caption, text for those who do not see it, and pictures."""

    stem: str
    caption: Inline
    alternative: str
    svg: str
    png: bytes


@dataclasses.dataclass(frozen=True)
class Callout:
    """Paragraphs set apart; `kind` says how the finding reads."""

    blocks: tuple[Paragraph, ...]
    kind: str


Block = Heading | Paragraph | Bullets | Terms | Table | Figure | Callout


@dataclasses.dataclass(frozen=True)
class Section:
    """One section of the report; `name` is its module's."""

    name: str
    title: Inline
    blocks: tuple[Block, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Document:
    """A whole report in one language.

    Parameters
    ----------
    language : {"en", "ja"}
        The language.
    title : str
        Of the report.
    status : tuple of Inline
        What stands on every page: that this is a draft, that it is out of date, what the plan says.
    kicker : Inline
        The design, above the title.
    facts : Terms
        The title block.
    sections : tuple of Section
        In order.
    footer : Inline
        The last line.
    date : str
        Day of the edition (YYYY-MM-DD), or empty.
    """

    language: Language
    title: str
    status: tuple[Inline, ...]
    kicker: Inline
    facts: Terms
    sections: tuple[Section, ...]
    footer: Inline
    date: str


def on_paper(document: Document) -> Document:
    """Return a document without the tables that are too long for pages; their summaries stand beside them."""
    sections = (
        dataclasses.replace(s, blocks=tuple(b for b in s.blocks if not (isinstance(b, Table) and b.is_long)))
        for s in document.sections
    )
    return dataclasses.replace(document, sections=tuple(sections))


def plain(text: Inline, *, between: str = " ") -> str:
    """Return what is said, without looks; `between` stands for a new line."""
    return "".join(run.text for run in text).replace("\n", between)


def runs(part: object) -> Iterator[Run]:
    """Yield all runs of a part of a document, in the order they are read."""
    if isinstance(part, Run):
        yield part
    elif isinstance(part, tuple):
        for inner in part:
            yield from runs(inner)
    elif dataclasses.is_dataclass(part):
        for field in dataclasses.fields(part):
            yield from runs(getattr(part, field.name))
