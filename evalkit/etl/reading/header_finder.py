"""Find the header of a table: the first row, none at all, or the first row that holds a known header."""

import csv
import dataclasses
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Literal

from evalkit.errors import DataError

BRACKETED = re.compile(r"\(([^()]*)\)$")
UNIT_WORDS = {"円": "yen", "千円": "thousand_yen", "百万円": "million_yen"}
NOTE = re.compile(r"単位[:：\s]*\(?\s*(百万円|千円|円)")


@dataclasses.dataclass(frozen=True)
class HeaderRule:
    """Where a file's headers are.

    Parameters
    ----------
    rule : {"first", "none", "find"}
        In the first row; nowhere, then `names` are the columns in order; or in the first of the first `within` rows
        that holds one of the headers `find`.
    names : tuple of str
        Columns of a file without header, in order.
    find : tuple of str
        Headers of which the header row holds at least one.
    within : int
        How many rows are searched.
    """

    rule: Literal["first", "none", "find"] = "first"
    names: tuple[str, ...] = ()
    find: tuple[str, ...] = ()
    within: int = 30


FIRST = HeaderRule()


def plain_header(text: str) -> str:
    r"""Return a header as layouts compare it: NFKC, without any white space or line break.

    Examples
    --------
    >>> plain_header("交付決定額\r\n（円）")
    '交付決定額(円)'
    """
    return "".join(unicodedata.normalize("NFKC", text).split())


def without_unit(header: str) -> tuple[str, str]:
    """Split a plain header into its name and the money unit in brackets at its end ("" where there is none).

    Examples
    --------
    >>> without_unit("交付決定額(千円)")
    ('交付決定額', 'thousand_yen')
    """
    match = BRACKETED.search(header)
    word = match[1].removeprefix("単位").lstrip(":") if match else ""
    return (header[: match.start()], UNIT_WORDS[word]) if match and word in UNIT_WORDS else (header, "")


def unit_in_note(rows: Sequence[Sequence[str]]) -> str:
    """Return the money unit that a note above the header names, as in "（単位：千円）"; "" where there is none."""
    for row in rows:
        for text in row:
            if match := NOTE.search(unicodedata.normalize("NFKC", text)):
                return UNIT_WORDS[match[1]]
    return ""


def is_header(row: Sequence[str], rule: HeaderRule) -> bool:
    """Whether a row holds one of the headers looked for, with or without a unit in brackets."""
    wanted = {plain_header(text) for text in rule.find}
    cells = {plain_header(text) for text in row}
    return bool(wanted & (cells | {without_unit(cell)[0] for cell in cells}))


def header_row(rows: Sequence[Sequence[str]], rule: HeaderRule, file: str) -> int:
    """Return the place of the header among the first rows, 0 for the rule "first".

    Raises
    ------
    DataError
        None of the rows searched holds a known header (`E_HEADER`).
    """
    if rule.rule == "first":
        return 0
    for place, row in enumerate(rows[: rule.within]):
        if is_header(row, rule):
            return place
    raise DataError(
        f"none of the first {rule.within} rows holds a header that the layout knows",
        where=file,
        code="E_HEADER",
        hint=f"one of {', '.join(rule.find)} is looked for",
    )


def csv_header(data: bytes, rule: HeaderRule, file: str) -> tuple[list[str], int]:
    """Return the headers of comma-separated UTF-8 text and where its first data record starts.

    A header may hold quoted line breaks; wholly blank lines above it are passed over.
    """
    if rule.rule == "none":
        return list(rule.names), 0
    found = list(_records(data, rule.within if rule.rule == "find" else 1))
    if not found:
        return [], len(data)
    place = header_row([row for row, _ in found], rule, file)
    return found[place]


def _records(data: bytes, n_records: int) -> Iterator[tuple[list[str], int]]:
    """Yield the first records and where each of them ends."""
    start = end = 0
    while start < len(data) and n_records:
        end = data.find(b"\n", max(end, start))
        while end >= 0 and data.count(b'"', start, end) % 2:
            end = data.find(b"\n", end + 1)
        end = len(data) if end < 0 else end + 1
        fields = next(csv.reader(io.StringIO(data[start:end].decode(), newline="")), [])
        if fields:
            yield fields, end
            n_records -= 1
        start = end


def joined_headers(rows: Sequence[Sequence[str]]) -> list[str]:
    """Join a header of several rows, cells merged to the right filled: "金額" over "国費" becomes "金額 国費".

    Only a cell that has something below it and nothing of its own beside it is taken as merged.
    """
    above = [""] * len(rows[-1])
    for row in rows:
        above = _under(above, row, row is rows[-1])
    return above


def _under(above: Sequence[str], row: Sequence[str], is_last: bool) -> list[str]:
    """Put one more row of a header under the rows above it."""
    filled, last = [], ""
    for over, text in zip(above, row, strict=True):
        last = text or ("" if is_last or over else last)
        filled.append(" ".join(part for part in (over, last if not is_last else text) if part))
    return filled
