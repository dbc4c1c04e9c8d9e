"""Columns of any type as text, without losing a digit."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

EXACT = 2.0**53
MOST_DIGITS = 76
"""Of a decimal in Arrow."""
TOKYO_MICROSECONDS = 9 * 3600 * 1_000_000


def column_text(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Return a column as text: integers exactly, other numbers shortest without exponent, dates ISO, booleans 1 and 0.

    Null becomes the empty text.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_string(kind):
        return pc.fill_null(column, "") if column.null_count else column
    if pa.types.is_dictionary(kind):
        return column_text(column.cast(kind.value_type))
    if pa.types.is_floating(kind):
        text = _float_text(column.cast(pa.float64()))
    elif pa.types.is_decimal(kind):
        text = _decimal_text(column)
    elif pa.types.is_boolean(kind):
        text = column.cast(pa.int8()).cast(pa.string())
    elif pa.types.is_timestamp(kind):
        text = _time_text(column)
    else:
        text = column.cast(pa.string())
    return pc.fill_null(text, "")


def _float_text(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    import pyarrow as pa
    import pyarrow.compute as pc

    values = pa.array(column.to_numpy(), from_pandas=True)
    exact = pc.less_equal(pc.abs(values), EXACT)
    return _text(values, pc.and_(exact, pc.equal(pc.floor(values), values)), pa.int64(), _of_float)


def _decimal_text(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    import pyarrow as pa
    import pyarrow.compute as pc

    values, whole = column.combine_chunks(), pa.decimal256(MOST_DIGITS, 0)
    if column.type.scale <= 0:
        return pa.chunked_array([values.cast(whole).cast(pa.string())])
    return _text(values, pc.equal(pc.floor(values), values), whole, _of_decimal)


def _text(
    values: "pa.Array", is_whole: "pa.Array", whole: "pa.DataType", text_of: Callable[[Any], str]
) -> "pa.ChunkedArray":
    """Return numbers as text: whole ones at once, and each distinct one of the others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    integers = pc.if_else(is_whole, values, pa.scalar(None, values.type)).cast(whole).cast(pa.string())
    distinct = pc.if_else(is_whole, pa.scalar(None, values.type), values).dictionary_encode()
    texts = [None if v is None else text_of(v) for v in distinct.dictionary.to_pylist()]
    return pa.chunked_array([pc.coalesce(integers, pa.array(texts, pa.string()).take(distinct.indices))])


def _of_float(value: float) -> str:
    return np.format_float_positional(value, trim="-") if np.isfinite(value) else str(value)


def _of_decimal(value: Decimal) -> str:
    return f"{value:f}".rstrip("0")


def _time_text(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Return the date in Tokyo of a timestamp with a zone, and the date as it stands of one without."""
    import pyarrow as pa
    import pyarrow.compute as pc

    micro = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64())
    if column.type.tz:
        micro = pc.add(micro, TOKYO_MICROSECONDS)
    return micro.cast(pa.timestamp("us")).cast(pa.date32(), safe=False).cast(pa.string())
