"""Rows of cells as a table: the header found and joined, title rows and empty rows left, lines kept."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from evalkit.errors import DataError
from evalkit.etl.reading.header_finder import (
    HeaderRule,
    header_row,
    is_header,
    joined_headers,
    plain_header,
    unit_in_note,
    without_unit,
)
from evalkit.etl.reading.text_table import TextTable, header_names, no_rows

MAX_HEADER_ROWS = 3
Numbered = tuple[int, list[str]]
"""A row and its line in the file, from 1."""


@dataclasses.dataclass(frozen=True, eq=False)
class FoundTable:
    """A table, the money unit that a note above its header names ("" for none), and its headers as they are there.

    `headers` leads from the names of the layout to the headers of this file, where they were found as aliases.
    """

    table: TextTable
    unit: str = ""
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


def table_of(rows: Sequence[Sequence[str]], file: str, rule: HeaderRule) -> FoundTable:
    """Make a table of rows of cells.

    Raises
    ------
    DataError
        `E_NO_ROWS`, `E_HEADER` (not found), `E_HEADER_DUP`, `E_HEADER_WIDTH` (values right of the last header).
    """
    import pyarrow as pa

    filled = [(line, list(row)) for line, row in enumerate(rows, start=1) if any(row)]
    if not filled:
        raise no_rows(file)
    width = max(len(row) for _, row in filled)
    filled = [(line, row + [""] * (width - len(row))) for line, row in filled]
    above, headers, body = _parts(filled, file, rule)
    if not body:
        raise no_rows(file)
    used = [i for i in range(width) if headers[i : i + 1] not in ([], [""]) or any(row[i] for _, row in body)]
    names = _names(headers, used, file, rule)
    lines = np.array([line for line, _ in body], dtype=np.int64)
    columns = {
        name: pa.chunked_array([pa.array([row[i] for _, row in body], pa.string())])
        for i, name in zip(used, names, strict=True)
    }
    unit = unit_in_note([row for _, row in above])
    return FoundTable(TextTable(file, columns, lambda places: lines[places]), unit)


def is_notes(rows: Sequence[Sequence[str]], rule: HeaderRule) -> bool:
    """Whether a sheet holds no table: nothing at all, or a single column of text without a known header."""
    columns = {i for row in rows for i, text in enumerate(row) if text}
    has_header = rule.rule != "find" or any(is_header(row, rule) for row in rows)
    return not columns or (len(columns) == 1 and not has_header)


def _parts(filled: list[Numbered], file: str, rule: HeaderRule) -> tuple[list[Numbered], list[str], list[Numbered]]:
    """Return the rows above the header, the headers, and the rows below."""
    if rule.rule == "none":
        return [], list(rule.names), filled
    place = header_row([row for _, row in filled], rule, file)
    end = place + (_n_header_rows([row for _, row in filled[place:]], rule) if rule.rule == "find" else 1)
    return filled[:place], joined_headers([row for _, row in filled[place:end]]), filled[end:]


def _n_header_rows(rows: list[list[str]], rule: HeaderRule) -> int:
    """Count the header's rows: below its known headers, which are merged downwards, nothing stands."""
    wanted = {plain_header(text) for text in rule.find}
    known = [i for i, text in enumerate(rows[0]) if without_unit(plain_header(text))[0] in wanted]
    n_rows = 1
    while n_rows < min(MAX_HEADER_ROWS, len(rows) - 1) and not any(rows[n_rows][i] for i in known):
        if any(text.replace(",", "").isdecimal() for text in rows[n_rows]):
            break
        n_rows += 1
    return n_rows


def _names(headers: Sequence[str], used: Sequence[int], file: str, rule: HeaderRule) -> list[str]:
    """Return a name for each column used; one without header has a number where title rows are usual."""
    texts = [headers[i] if i < len(headers) else "" for i in used]
    if rule.rule != "find":
        if texts and not texts[-1]:
            raise DataError("there are values right of the last header", where=file, code="E_HEADER_WIDTH")
        return header_names(texts, file)
    return header_names([text or f"column {i + 1}" for i, text in zip(used, texts, strict=True)], file)
