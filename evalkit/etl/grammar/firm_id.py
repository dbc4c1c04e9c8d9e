"""Firm ids: the Japanese corporate number with its check digit, or any other text."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.grammar.as_text import column_text
from evalkit.etl.grammar.column import RULES, Column, Parse, clean, distinct, parse_distinct
from evalkit.etl.grammar.text_bytes import NINE, digits, text_bytes

if TYPE_CHECKING:
    import pyarrow as pa

HYPHENS = re.compile("[-‐‑‒–—―−ー\\s]")
NO_FIRM_ID = RULES.index("E_NO_FIRM_ID")
PLACEHOLDERS = frozenset({"9000000000000", "1234567890123", *(str(d) * 13 for d in range(10))})
LENGTH = 13


def check_digit(last_twelve: str) -> int:
    """Return the check digit of a corporate number from its last twelve digits.

    Reference
    ---------
    Ordinance on the designation of corporate numbers (2014), article 2: 9 - (sum of P_n Q_n mod 9), Q_n = 1 for odd
    n and 2 for even n, n counted from the right.
    """
    total = sum(int(d) * (1 if n % 2 else 2) for n, d in enumerate(reversed(last_twelve), start=1))
    return 9 - total % 9


TRUE_PLACEHOLDERS = [int(text) for text in sorted(PLACEHOLDERS) if int(text[0]) == check_digit(text[1:])]
"""Placeholders whose check digit is right."""


def parse_corporate_number(text: str) -> tuple[str | None, str]:
    """Read one cleaned text as a corporate number; twelve digits are completed with their check digit."""
    digits = HYPHENS.sub("", text)
    if not re.fullmatch(r"\d{12,13}", digits, re.ASCII):
        return None, "E_FIRM_ID"
    if digits in PLACEHOLDERS or len(set(digits)) == 1:
        return None, "E_PLACEHOLDER"
    number = digits if len(digits) == 13 else f"{check_digit(digits)}{digits}"
    return (number, "") if int(number[0]) == check_digit(number[1:]) else (None, "E_CHECK_DIGIT")


def parse_other(text: str) -> tuple[str | None, str]:
    """Read one cleaned text as a firm id of another scheme."""
    return text, ""


def firm_ids(column: "pa.ChunkedArray", missing: Sequence[str], scheme: str, parse: Parse = parse_other) -> Column:
    """Read a column of firm ids; a missing id breaks the rule "E_NO_FIRM_ID".

    `parse` reads an id of another scheme than the corporate number.

    Returns
    -------
    Column
        Values are int64 for corporate numbers, which have thirteen digits and no leading zero, and otherwise
        dictionary-encoded text. `n_mended` counts completed numbers.
    """
    texts = column_text(column)
    return _corporate_numbers(texts, missing) if scheme == "corporate_number" else _other_ids(texts, missing, parse)


def _other_ids(texts: "pa.ChunkedArray", missing: Sequence[str], parse: Parse) -> Column:
    import pyarrow as pa

    ids, rules, codes, _ = _by_distinct(texts, missing, parse)
    return Column(pa.array(ids, pa.string()).dictionary_encode().take(pa.array(codes)), rules[codes])


def _corporate_numbers(texts: "pa.ChunkedArray", missing: Sequence[str]) -> Column:
    """Read plain numbers at once; only the distinct remaining texts are cleaned and parsed in Python."""
    import pyarrow as pa

    numbers, is_read = plain_numbers(texts.combine_chunks())
    rule, is_absent, n_mended = np.zeros(len(texts), np.uint8), np.zeros(len(texts), bool), 0
    rest = np.flatnonzero(~is_read)
    if len(rest):
        ids, rules, codes, read = _by_distinct(texts.take(pa.array(rest)), missing, parse_corporate_number)
        is_short = np.array([i is not None and _digits(text) == 12 for i, text in zip(ids, read, strict=True)])
        numbers[rest] = np.array([int(i or 0) for i in ids], np.int64)[codes]
        rule[rest], n_mended = rules[codes], int(is_short[codes].sum())
        is_absent = rule > 0
    return Column(pa.array(numbers, mask=is_absent if len(rest) else None), rule, n_mended)


def _by_distinct(
    texts: "pa.ChunkedArray", missing: Sequence[str], parse: Parse
) -> tuple[list[str | None], NDArray[np.uint8], NDArray[np.int64], list[str]]:
    """Return the id and the rule of each distinct text, which text each row has, and the texts."""
    raw, codes = distinct(texts)
    read: list[str] = raw.to_pylist()
    ids, found = parse_distinct(read, [*missing, ""], parse)
    rules = [rule if rule or firm else NO_FIRM_ID for firm, rule in zip(ids, found, strict=True)]
    return ids, np.array(rules, np.uint8), codes, read


def _digits(text: str) -> int:
    return len(HYPHENS.sub("", clean(text)))


def plain_numbers(texts: "pa.Array") -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Read the texts (n,) that are thirteen ASCII digits with the right check digit and no placeholder.

    Returns
    -------
    numbers : (n,) int64
        0 where the text is anything else.
    is_read : (n,) bool
    """
    import pyarrow as pa

    data, starts = text_bytes(texts)
    is_long = np.diff(starts) == LENGTH
    if not is_long.all():
        numbers, is_read = np.zeros(len(texts), np.int64), is_long.copy()
        numbers[is_long], is_read[is_long] = plain_numbers(texts.filter(pa.array(is_long)))
        return numbers, is_read
    place = np.ascontiguousarray(digits(data).reshape(-1, LENGTH).T)
    weighted = np.where(place > NINE, np.uint8(0), place)
    is_digit = (place <= NINE).all(axis=0)
    numbers = np.zeros(len(texts), np.int64)
    for row in weighted:
        numbers *= 10
        numbers += row
    weighted[1::2] *= 2
    is_read = is_digit & (place[0] == 9 - weighted[1:].sum(axis=0, dtype=np.uint8) % 9)
    for number in TRUE_PLACEHOLDERS:
        is_read &= numbers != number
    return np.where(is_read, numbers, 0), is_read
