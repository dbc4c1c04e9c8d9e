"""How wide the columns of a table are, and how small its letters, on paper and on a sheet."""

import unicodedata
from collections.abc import Iterator

from evalkit.reporting.document import Inline, Table, plain

MOST_CELLS, FEWEST_CELLS = 36, 5
"""Widest and narrowest a column is taken to be; longer text is wrapped."""
LONGEST_WORD = 12
GAP = 2
"""Between columns."""
LARGEST, SMALLEST = 8.5, 6.5
"""Letters of a table, in points."""
EM = 0.5
"""Width of one cell in ems."""


def widths(table: Table) -> list[int]:
    """Return how wide each column wants to be, in cells of a fixed-width screen (a kanji takes two)."""
    return [
        max(_word(plain(column.title)), min(MOST_CELLS, _longest(row[place] for row in table.rows)), 4)
        for place, column in enumerate(table.columns)
    ]


def cells(text: str) -> int:
    """Return how many cells of a fixed-width screen a text takes."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WFA" else 1 for sign in text)


def _longest(texts: Iterator[Inline]) -> int:
    return max((cells(line) for text in texts for line in plain(text, between="\n").split("\n")), default=0)


def _word(title: str) -> int:
    """Return the cells of the longest part that is not broken: a word, or about four kanji."""
    return max((min(cells(word), LONGEST_WORD) for word in title.split()), default=0)


def letters(table: Table, line: float) -> float:
    """Return the size of letters, in points, with which a table fits a line of that many points if any does."""
    wanted = sum(widths(table)) + GAP * len(table.columns)
    return max(SMALLEST, min(LARGEST, line / (wanted * EM)))


def natural(table: Table, size: float) -> float:
    """Return how wide a table would be with letters of a size, in points."""
    return (sum(widths(table)) + GAP * len(table.columns)) * EM * size
