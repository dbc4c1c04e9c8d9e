"""Firm ids: the Japanese corporate number with its check digit, or any other text."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.column import RULES, Column, clean, distinct, parse_distinct

if TYPE_CHECKING:
    import pyarrow as pa

HYPHENS = re.compile("[-‐‑‒–—―−ー\\s]")
NO_FIRM_ID = RULES.index("E_NO_FIRM_ID")
PLACEHOLDERS = frozenset({"9000000000000", "1234567890123", *(str(d) * 13 for d in range(10))})


def check_digit(last_twelve: str) -> int:
    """Return the check digit of a corporate number from its last twelve digits.

    Reference
    ---------
    Ordinance on the designation of corporate numbers (2014), article 2: 9 - (sum of P_n Q_n mod 9), Q_n = 1 for odd
    n and 2 for even n, n counted from the right.
    """
    total = sum(int(d) * (1 if n % 2 else 2) for n, d in enumerate(reversed(last_twelve), start=1))
    return 9 - total % 9


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


def firm_ids(texts: "pa.ChunkedArray", missing: Sequence[str], scheme: str) -> Column:
    """Read a column of firm ids as text; a missing id breaks the rule "E_NO_FIRM_ID".

    Returns
    -------
    Column
        Values are dictionary-encoded, each id once in the dictionary; `n_mended` counts completed numbers.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    raw, codes = distinct(texts)
    is_corporate = scheme == "corporate_number"
    is_good = _is_plain(raw) if is_corporate else np.zeros(len(raw), bool)
    others = np.flatnonzero(~is_good)
    unread: list[str] = raw.take(pa.array(others)).to_pylist()
    values, found = parse_distinct(unread, [*missing, ""], parse_corporate_number if is_corporate else parse_other)
    rules = np.zeros(len(raw), np.uint8)
    rules[others] = [rule if rule or value else NO_FIRM_ID for value, rule in zip(values, found, strict=True)]
    mended = pc.replace_with_mask(raw, pa.array(~is_good), pa.array(values, pa.string()))
    is_short = np.zeros(len(raw), bool)
    is_short[others] = [is_corporate and value is not None and _digits(text) == 12
                        for text, value in zip(unread, values, strict=True)]  # fmt: skip
    return Column(mended.dictionary_encode().take(pa.array(codes)), rules[codes], int(is_short[codes].sum()))


def _digits(text: str) -> int:
    return len(HYPHENS.sub("", clean(text)))


def _is_plain(raw: "pa.Array") -> NDArray[np.bool_]:
    """Find the texts that are thirteen ASCII digits with the right check digit and no placeholder."""
    import pyarrow as pa
    import pyarrow.compute as pc

    shape = pc.match_substring_regex(raw, "^[1-9][0-9]{12}$")
    shape = pc.and_(shape, pc.invert(pc.is_in(raw, pa.array(sorted(PLACEHOLDERS)))))
    is_good: NDArray[np.bool_] = shape.to_numpy(zero_copy_only=False).copy()
    number = pc.if_else(shape, raw, "0").cast(pa.int64()).to_numpy()
    total = np.zeros(len(raw), np.int64)
    for n in range(12):
        total += number // 10**n % 10 * (1 if n % 2 == 0 else 2)
    is_good &= number // 10**12 == 9 - total % 9
    return is_good
