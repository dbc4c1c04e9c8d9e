"""A table's columns as a sheet has them: an effect and the ends of its interval stand in cells of their own."""

import dataclasses
import math
from functools import cached_property

from evalkit.reporting.document import Column, Inline, Run, Table, plain
from evalkit.reporting.formats.columns import cells
from evalkit.reporting.words import Words

MOST_WIDTH, FEWEST_WIDTH, MOST_HEAD = 60, 10, 16
"""In characters."""
LETTER = 1.1
"""How wide a letter may be, in characters of a column's width, so that a label stays on one line."""


@dataclasses.dataclass(frozen=True)
class SheetColumn:
    """One column of a sheet, without its head."""

    title: Inline
    is_number: bool
    cells: tuple[Inline, ...]

    @cached_property
    def width(self) -> int:
        """How wide it is, in characters."""
        lines = [line for cell in self.cells for line in plain(cell, between="\n").split("\n")]
        head = min(MOST_HEAD, cells(plain(self.title)))
        return max(FEWEST_WIDTH, min(MOST_WIDTH, math.ceil(LETTER * max(map(cells, lines), default=0)) + 1), head + 3)


def sheet_columns(table: Table, words: Words) -> list[SheetColumn]:
    """Return the columns of a sheet from those of a printed table."""
    made = []
    for place, column in enumerate(table.columns):
        own = tuple(row[place] for row in table.rows)
        most = max((len(_numbers(cell)) for cell in own), default=0)
        if column.is_number and most in (2, 3):
            made += _ends(column, own, most, words)
        else:
            made.append(SheetColumn(column.title, column.is_number, own))
    return made


def _ends(column: Column, own: tuple[Inline, ...], most: int, words: Words) -> list[SheetColumn]:
    """Split an interval, with an effect before it or not, into its numbers; a mark stands in the first."""
    above, _, below = _parted(column.title)
    interval = below or column.title
    ends = [_around(words[f"formats.{end}"], interval) for end in ("low", "high")]
    titles = [above, *ends][3 - most :]
    blank: Inline = ()
    split = []
    for cell in own:
        found: list[Inline] = [(run,) for run in _numbers(cell)]
        split.append((found or [cell]) + [blank] * (most - max(1, len(found))))
    return [
        SheetColumn(title, is_number=True, cells=tuple(row[place] for row in split))
        for place, title in enumerate(titles)
    ]


def _numbers(cell: Inline) -> list[Run]:
    return [run for run in cell if run.number]


def _parted(title: Inline) -> tuple[Inline, Inline, Inline]:
    """Return what stands in a head before and after its new line."""
    place = next((i for i, run in enumerate(title) if run.text == "\n"), len(title))
    return title[:place], title[place : place + 1], title[place + 1 :]


def _around(form: str, title: Inline) -> Inline:
    before, _, after = form.partition("{title}")
    return tuple(run for run in (Run(before), *title, Run(after)) if run.text)
