"""How wide the columns of a table are, and how small its letters, on paper and on a sheet."""

import unicodedata
from collections.abc import Iterator

from evalkit.reporting.document import Inline, Table, plain

MOST_CELLS, FEWEST_CELLS = 34, 5
"""Widest and narrowest a column is at first; longer text is wrapped, or takes the room that is left."""
LONGEST_WORD = 12
GAP = 2
"""Between columns."""
LARGEST, SMALLEST = 8.5, 6.5
"""Letters of a table, in points."""
EM = 0.56
"""Width of one cell in ems."""


def widths(table: Table, room: int = 0) -> list[int]:
    """Return how wide each column is, in cells of a fixed-width screen (a kanji takes two).

    Parameters
    ----------
    table : Table
        With at least one column.
    room : int
        What all columns may take together; columns of long text share what others leave of it.
    """
    places = range(len(table.columns))
    heads = [_word(plain(column.title)) for column in table.columns]
    longest = [max(heads[place], _longest(row[place] for row in table.rows), FEWEST_CELLS) for place in places]
    given = [max(heads[place], min(longest[place], MOST_CELLS)) for place in places]
    short = [place for place in places if given[place] < longest[place]]
    for place in short:
        spare = max(0, room - sum(given)) // len(short)
        given[place] += min(spare, longest[place] - given[place])
    return given


def cells(text: str) -> int:
    """Return how many cells of a fixed-width screen a text takes."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def letters(table: Table, line: float) -> float:
    """Return the size of letters, in points, with which a table fits a line of that many points if any does."""
    return max(SMALLEST, min(LARGEST, line / (_wanted(widths(table)) * EM)))


def shares(table: Table, line: float, size: float) -> list[float]:
    """Return how wide each column is in points, with letters of a size, on a line of that many points."""
    room = int(line / (size * EM)) - GAP * len(table.columns)
    given = widths(table, room)
    scale = min(size * EM, line / _wanted(given))
    return [round((width + GAP) * scale, 2) for width in given]


def _wanted(given: list[int]) -> int:
    return sum(given) + GAP * len(given)


def _longest(texts: Iterator[Inline]) -> int:
    return max((cells(line) for text in texts for line in plain(text, between="\n").split("\n")), default=0)


def _word(title: str) -> int:
    """Return the cells of the longest part of a title that is not broken: a word, or a few kanji."""
    return max((min(cells(word), LONGEST_WORD) for word in title.split()), default=0)
