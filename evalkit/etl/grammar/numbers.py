"""The grammar of numbers: digits, thousands commas, decimals where the unit allows them, Japanese negatives.

Exponents, underscores, hexadecimal, infinities and NaN are refused: readers that accept them change figures silently.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.grammar.as_text import column_text
from evalkit.etl.grammar.column import Column, by_distinct, clean
from evalkit.etl.grammar.text_bytes import has_only_digits, text_bytes

if TYPE_CHECKING:
    import pyarrow as pa

YEN = {"yen": 1, "thousand_yen": 1_000, "million_yen": 1_000_000}
NUMBER = re.compile(r"([+-]?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?", re.ASCII)
NEGATIVE = re.compile(r"[△▲−]\s*(.*)|\((.*)\)")
PLAIN = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
EXACT = 2**53
"""Whole numbers up to here are exact in float64."""
LONGEST = 16
"""A number of fewer digits than this, unit included, is below `EXACT`."""


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


def numbers(column: "pa.ChunkedArray", missing: Sequence[str], unit: str = "") -> Column:
    """Read a column of numbers as float64; money becomes whole yen.

    Plain ASCII digits, and numbers that are stored as such, are read at once; only the distinct remaining texts
    meet the grammar in Python.
    """
    import pyarrow as pa

    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        values, is_read = _of_stored(column, missing, unit)
    else:
        column = column_text(column)
        values, is_read = _of_digits(column.combine_chunks(), missing, unit)
    rule = np.zeros(len(column), np.uint8)
    rest = np.flatnonzero(~is_read)
    if len(rest):
        read = _others(column_text(column.take(pa.array(rest))), missing, unit)
        values[rest], rule[rest] = read.values.to_numpy(zero_copy_only=False), read.rule
    values += 0.0  # no negative zero
    return Column(real(values), rule)


def real(values: NDArray[np.float64]) -> "pa.Array":
    """Return numbers (n,) as an Arrow array, over the same memory where it is in one piece, NaN as null."""
    import pyarrow as pa

    values = np.ascontiguousarray(values)
    is_valid = ~np.isnan(values)
    n_null = len(values) - int(np.count_nonzero(is_valid))
    if not n_null:
        return pa.array(values)
    bits = pa.py_buffer(np.packbits(is_valid, bitorder="little"))
    return pa.Array.from_buffers(pa.float64(), len(values), [bits, pa.py_buffer(values)], n_null)


def _of_stored(
    column: "pa.ChunkedArray", missing: Sequence[str], unit: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return values that are stored as numbers, NaN for null, and where they are what their texts would be."""
    factor, stored = YEN.get(unit, 1), column.combine_chunks()
    is_null: NDArray[np.bool_] = stored.is_null().to_numpy(zero_copy_only=False)
    found = stored.fill_null(0).to_numpy()
    is_read = (found >= -(EXACT // factor)) & (found <= EXACT // factor)
    if unit in YEN and found.dtype.kind == "f":
        is_read &= found == np.floor(found)
    for token in (clean(text) for text in missing):
        if PLAIN.fullmatch(token):
            is_read &= found != float(token)
    values = found.astype(np.float64) * factor
    values[is_null] = np.nan
    return values, is_read | is_null


def _of_digits(texts: "pa.Array", missing: Sequence[str], unit: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the values of texts of plain digits, NaN for the empty text, and where they were read."""
    import pyarrow as pa
    import pyarrow.compute as pc

    factor = YEN.get(unit, 1)
    data, starts = text_bytes(texts)
    length = np.diff(starts)
    is_plain = has_only_digits(data, starts) & (length <= LONGEST - len(str(factor)))
    tokens = [t for t in map(clean, missing) if t.isdecimal()]
    if tokens:
        is_plain &= ~pc.is_in(texts, pa.array(tokens)).to_numpy(zero_copy_only=False)
    is_value = is_plain & (length > 0)
    whole = (texts if is_value.all() else pc.if_else(pa.array(is_value), texts, None)).cast(pa.int64())
    return whole.cast(pa.float64()).to_numpy(zero_copy_only=False) * factor, is_plain


def _others(texts: "pa.ChunkedArray", missing: Sequence[str], unit: str) -> Column:
    """Read texts with signs, decimals, commas or Japanese marks."""
    import pyarrow as pa
    import pyarrow.compute as pc

    tokens = [*missing, *map(clean, missing)]
    n_digits = LONGEST - len(str(YEN.get(unit, 1)))
    plain = rf"^-?[0-9]{{1,{n_digits}}}$" if unit in YEN else r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$"
    is_plain = pc.and_(pc.match_substring_regex(texts, plain), pc.invert(pc.is_in(texts, pa.array(tokens))))
    values = pc.multiply(pc.if_else(is_plain, texts, None).cast(pa.float64()), float(YEN.get(unit, 1)))
    rest = by_distinct(
        pc.if_else(is_plain, "", texts), [*missing, ""], lambda text: parse_number(text, unit), pa.float64()
    )
    return Column(pc.coalesce(values.combine_chunks(), rest.values), rest.rule)


def has_codes(texts: "pa.ChunkedArray") -> bool:
    """Whether some texts are digits with a leading zero, such as a prefecture's "01": a code and not a number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_string(texts.type):
        return False
    return bool(pc.any(pc.match_substring_regex(texts, "^0[0-9]+$")).as_py())
