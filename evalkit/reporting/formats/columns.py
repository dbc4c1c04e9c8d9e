"""How wide the columns of a table are, and how small its letters."""

import unicodedata
from collections.abc import Iterator

from evalkit.reporting.document import Inline, Table, plain

WORDS, FEWEST = 18, 7
"""Cells that a column of words needs at least when it has long texts, and any column."""
LONGEST_WORD = 15
GAP = 2
"""Between columns."""
LARGEST, SMALLEST = 8.5, 6.5
"""Letters of a table, in points."""
EM = 0.56
"""Width of one cell in ems."""
LOOSE = 1.2
"""A table that does not fill its line is so much wider than it need be."""


def longest(table: Table) -> list[int]:
    """Return how wide each column would be on one line, in cells of a fixed-width screen (a kanji takes two)."""
    return [
        max(_word(plain(column.title)), _longest(row[place] for row in table.rows), FEWEST)
        for place, column in enumerate(table.columns)
    ]


def letters(table: Table, line: float) -> float:
    """Return the size of letters, in points, with which a table fits a line of that many points if any does."""
    wanted = sum(_needs(table)) + GAP * len(table.columns)
    return max(SMALLEST, min(LARGEST, line / (wanted * EM)))


def shares(table: Table, line: float, size: float) -> list[float]:
    """Return how wide each column is in points: numbers on one line, and words share the rest.

    Parameters
    ----------
    table : Table
        With at least one column.
    line : float
        Width between the margins, in points.
    size : float
        Of its letters, in points.
    """
    given, wanted = _needs(table), longest(table)
    room = int(line / (size * EM)) - GAP * len(given)
    missing = [full - width for full, width in zip(wanted, given, strict=True)]
    part = min(1.0, max(0, room - sum(given)) / max(1, sum(missing)))
    given = [width + int(part * more) for width, more in zip(given, missing, strict=True)]
    total = sum(given) + GAP * len(given)
    scale = min(LOOSE * size * EM, line / total)
    return [round((width + GAP) * scale, 2) for width in given]


def cells(text: str) -> int:
    """Return how many cells of a fixed-width screen a text takes."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _needs(table: Table) -> list[int]:
    """Return how wide each column must be: numbers are not broken, words are."""
    heads = (_word(plain(column.title)) for column in table.columns)
    return [
        full if column.is_number else max(head, min(full, WORDS))
        for full, head, column in zip(longest(table), heads, table.columns, strict=True)
    ]


def _longest(texts: Iterator[Inline]) -> int:
    return max((cells(line) for text in texts for line in plain(text, between="\n").split("\n")), default=0)


def _word(title: str) -> int:
    """Return the cells of the longest part of a title that is not broken: a word, or a few kanji."""
    return max((min(cells(word), LONGEST_WORD) for word in title.split()), default=0)
