"""What sections write with: numbers with their ids, words, tables and figures."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from evalkit.model.evaluation import Number, Release, Row
from evalkit.reporting.drawings import Drawing
from evalkit.reporting.numbers import shown
from evalkit.reporting.points import estimates
from evalkit.reporting.words import HIDDEN, Words

Cell = Markup | str


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a printed table."""

    title: Cell
    is_number: bool = True


@dataclasses.dataclass(frozen=True)
class Table:
    """A printed table."""

    caption: Cell
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def signed(by: str, date: str) -> Markup:
    """Write who said something and, on a line of its own, when, so that no date is broken."""
    return Markup('{}<span class="line">{}</span>').format(by, date)


class Writer(ABC):
    """What writes numbers, and rows of them, in one language."""

    words: Words

    @abstractmethod
    def find(self, number_id: str) -> Number | None:
        """Return a number by its id; None where it is not known."""

    def number(self, number_id: str) -> Markup:
        """Write a number with its id; one that is not there is not known."""
        found = self.find(number_id)
        if found is None:
            return self.unknown
        text = shown(found, self.words)
        if found.value is None:
            title = self.words["page.hidden_title"]
            return Markup('<span class="hidden" data-ref="{}" title="{}">{}</span>').format(number_id, title, HIDDEN)
        kind = "text" if isinstance(found.value, str) else "n"
        return Markup('<span class="{}" data-ref="{}">{}</span>').format(kind, number_id, text)

    @property
    def unknown(self) -> Markup:
        """What stands where a number is not known."""
        return Markup("{}").format(self.words["page.unknown"])

    def cell(self, row: Row, quantity: str) -> Markup:
        """Write one number of a row."""
        return self.number(row.numbers[quantity]) if quantity in row.numbers else self.unknown

    def tells(self, row: Row, quantity: str) -> bool:
        """Say whether a row has a quantity that is neither hidden nor unknown."""
        found = self.find(row.numbers[quantity]) if quantity in row.numbers else None
        return found is not None and found.value is not None

    def interval(self, row: Row, low: str, high: str) -> Markup:
        """Write two numbers of a row as an interval; hidden or unknown ones as one mark."""
        if low not in row.numbers or high not in row.numbers:
            return self.unknown
        if not self.tells(row, low):
            return self.cell(row, low)
        return self.say("page.interval", low=self.cell(row, low), high=self.cell(row, high))

    def effect(self, row: Row, scale: str) -> Markup:
        """Write an effect with its interval below it; hidden or unknown ones as one mark."""
        effect = self.cell(row, scale)
        if not self.tells(row, scale):
            return effect
        interval = self.interval(row, f"{scale}_low", f"{scale}_high")
        return Markup('{}<span class="interval {}">{}</span>').format(effect, scale, interval)

    def say(self, key: str, **values: Cell) -> Markup:
        """Fill a sentence of the language's words."""
        return escape(self.words[key]).format(**values)


@dataclasses.dataclass(frozen=True, eq=False)
class Page(Writer):
    """A release in one language, with its figures.

    Parameters
    ----------
    release : Release
        All that may be shown.
    words : Words
        The language.
    drawings : dict of name to Drawing
        Figures drawn from the release.
    """

    release: Release
    words: Words
    drawings: Mapping[str, Drawing]

    def find(self, number_id: str) -> Number | None:
        """Return a number of the release."""
        return self.release.numbers.get(number_id)

    @property
    def confidence(self) -> Markup:
        """The confidence level of the first estimate, which all share."""
        rows = [row for name in estimates(self.release) for row in self.release.tables[f"effects/{name}/overall"]]
        return self.cell(rows[0], "confidence") if rows else self.unknown

    def fill(self, template: str, **context: Any) -> Markup:  # noqa: ANN401
        """Fill a template."""
        text = environment().get_template(template).render(page=self, words=self.words, release=self.release, **context)
        return Markup(text)  # noqa: S704 - made by a template with autoescape


@cache
def environment() -> Environment:
    """Return the template environment: everything is escaped, and a name that is missing is an error."""
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
