"""How wide the columns of a table are, and how small its letters."""

import math
import unicodedata
from collections.abc import Iterator

from evalkit.reporting.document import Inline, Table, plain, runs

WORDS, FEWEST = 18, 7
"""Cells that a column of words needs at least when it has long texts, and any column."""
LONGEST_WORD = 15
WHOLE_WORD = 24
"""Cells of a head that is written on one line where there is room."""
LEAST_WORDS = 10
"""Cells of a column of words beside too many numbers."""
LONGEST_NUMBER = 30
"""Cells; an interval in longer units is broken between its ends."""
GAP = 2
"""Between columns."""
SHORT = 8
"""A table of at most so many rows is not broken across pages."""
LARGEST, SMALLEST = 8.5, 6.5
"""Letters of a table, in points."""
EM, SERIF_EM = 0.56, 0.5
"""Width of one cell in ems, in any font and in the serif letters of the English PDF."""
LOOSE = 1.2
"""A table that does not fill its line is so much wider than it need be."""


def longest(table: Table) -> list[int]:
    """Return how wide each column would be on one line, in cells of a fixed-width screen (a kanji takes two)."""
    return [
        max(_word(plain(column.title), most=WHOLE_WORD), _content(table, place), FEWEST)
        for place, column in enumerate(table.columns)
    ]


def letters(table: Table, line: float, em: float = EM) -> float:
    """Return the size of letters, in points, with which a table fits a line of that many points if any does."""
    wanted = sum(_needs(table)) + GAP * len(table.columns)
    return max(SMALLEST, min(LARGEST, line / (wanted * em)))


def shares(table: Table, line: float, size: float, em: float = EM) -> list[float]:
    """Return how wide each column is in points: numbers on one line, and words share the rest.

    Parameters
    ----------
    table : Table
        With at least one column.
    line : float
        Width between the margins, in points.
    size : float
        Of its letters, in points.
    em : float
        Width of one cell in ems.
    """
    given, wanted = _needs(table), longest(table)
    room = int(line / (size * em)) - GAP * len(given)
    given = _squeezed(given, _least(table), room)
    missing = [full - width for full, width in zip(wanted, given, strict=True)]
    part = min(1.0, max(0, room - sum(given)) / max(1, sum(missing)))
    given = [width + int(part * more) for width, more in zip(given, missing, strict=True)]
    total = sum(given) + GAP * len(given)
    scale = min(LOOSE * size * em, line / total)
    return [round((width + GAP) * scale, 2) for width in given]


def cells(text: str) -> int:
    """Return how many cells of a fixed-width screen a text takes."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def em_of(table: Table) -> float:
    """Return the width of one cell in ems in the PDF, whose Latin letters have serifs where there are no others."""
    said = "".join(run.text for run in runs(table))
    return SERIF_EM if cells(said) == len(said) else EM


def _needs(table: Table) -> list[int]:
    """Return how wide each column should be: numbers are not broken, intervals in long units and words are."""
    return [
        max(
            _word(plain(column.title)),
            min(_content(table, place), LONGEST_NUMBER if column.is_number else WORDS),
            FEWEST,
        )
        for place, column in enumerate(table.columns)
    ]


def _least(table: Table) -> list[int]:
    """Return how wide each column must be: those of words are broken wherever that is no worse than small letters."""
    return [
        need if column.is_number else min(need, max(LEAST_WORDS, *map(_word, _texts(table, place))))
        for place, (need, column) in enumerate(zip(_needs(table), table.columns, strict=True))
    ]


def _squeezed(given: list[int], least: list[int], room: int) -> list[int]:
    """Return widths that fit the room, as far as columns can give some of theirs."""
    spare = [width - few for width, few in zip(given, least, strict=True)]
    part = min(1.0, max(0, sum(given) - room) / max(1, sum(spare)))
    return [width - math.ceil(part * more) for width, more in zip(given, spare, strict=True)]


def _texts(table: Table, place: int) -> list[str]:
    """Return the head and the cells of a column; what has no spaces is broken anywhere."""
    said = (plain(row[place]) for row in table.rows)
    return [plain(table.columns[place].title), *(text for text in said if " " in text)]


def _content(table: Table, place: int) -> int:
    """Return the cells of the longest line in a column, without its head."""
    return _longest(row[place] for row in table.rows)


def _longest(texts: Iterator[Inline]) -> int:
    return max((cells(line) for text in texts for line in plain(text, between="\n").split("\n")), default=0)


def _word(title: str, most: int = LONGEST_WORD) -> int:
    """Return the cells of the longest part of a title that is not broken: a word, or a few kanji."""
    return max((min(cells(word), most) for word in title.split()), default=0)
