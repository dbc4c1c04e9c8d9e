"""The grammar of numbers: digits, thousands commas, decimals where the unit allows them, Japanese negatives.

Exponents, underscores, hexadecimal, infinities and NaN are refused: readers that accept them change figures silently.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evalkit.etl.column import Column, by_distinct

if TYPE_CHECKING:
    import pyarrow as pa

YEN = {"yen": 1, "thousand_yen": 1_000, "million_yen": 1_000_000}
NUMBER = re.compile(r"([+-]?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?", re.ASCII)
NEGATIVE = re.compile(r"[△▲−]\s*(.*)|\((.*)\)")
EXACT = 2**53
"""Whole numbers up to here are exact in float64."""


def parse_number(text: str, unit: str = "") -> tuple[float | None, str]:
    """Read one cleaned text.

    Parameters
    ----------
    text : str
        For example "1,234", "△5", "(1,234)" or "0.25".
    unit : str
        A money unit (the text must be whole, the result is yen), or "" or "one" for any number.

    Returns
    -------
    tuple of float or None, str
        The value and "", or None and the rule: "E_NUMBER", "E_NOT_INTEGER".
    """
    negative = NEGATIVE.fullmatch(text)
    match = NUMBER.fullmatch("-" + (negative[1] or negative[2] or "") if negative else text)
    if match is None:
        return None, "E_NUMBER"
    sign, digits, decimals = match.groups()
    if decimals and unit in YEN:
        return None, "E_NOT_INTEGER"
    if decimals:
        return float(sign + digits.replace(",", "") + decimals) + 0.0, ""
    whole = int(digits.replace(",", "")) * YEN.get(unit, 1)
    if whole > EXACT:
        return None, "E_NUMBER"
    return float(-whole if sign == "-" else whole), ""


def numbers(texts: "pa.ChunkedArray", missing: Sequence[str], unit: str = "") -> Column:
    """Read a column of numbers as float64; money becomes whole yen.

    Plain ASCII digits are read by Arrow; only the distinct remaining texts meet the grammar in Python.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    n_digits = 16 - len(str(YEN.get(unit, 1)))
    plain = rf"^-?[0-9]{{1,{n_digits}}}$" if unit in YEN else r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$"
    is_plain = pc.and_(pc.match_substring_regex(texts, plain), pc.invert(pc.is_in(texts, pa.array(missing))))
    values = pc.multiply(pc.if_else(is_plain, texts, None).cast(pa.float64()), float(YEN.get(unit, 1)))
    values = pc.add(values, 0.0)  # no negative zero
    rest = by_distinct(
        pc.if_else(is_plain, "", texts), [*missing, ""], lambda text: parse_number(text, unit), pa.float64()
    )
    return Column(pc.coalesce(values.combine_chunks(), rest.values), rest.rule)


def has_codes(texts: "pa.ChunkedArray") -> bool:
    """Whether some texts are digits with a leading zero, such as a prefecture's "01": a code and not a number."""
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring_regex(texts, "^0[0-9]+$")).as_py())
