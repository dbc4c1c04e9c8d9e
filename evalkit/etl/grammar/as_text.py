"""Columns of any type as text, without losing a digit."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

EXACT = 2.0**53
TOKYO_MICROSECONDS = 9 * 3600 * 1_000_000


def column_text(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Return a column as text: integers exactly, floats shortest without exponent, dates ISO, booleans 1 and 0.

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
    whole = pc.and_(exact, pc.equal(pc.floor(values), values))
    integers = pc.if_else(whole, values, None).cast(pa.int64()).cast(pa.string())
    rest = pc.if_else(whole, None, values)
    distinct = rest.dictionary_encode()
    texts = [None if v is None else _decimal_text(v) for v in distinct.dictionary.to_pylist()]
    return pa.chunked_array([pc.coalesce(integers, pa.array(texts, pa.string()).take(distinct.indices))])


def _decimal_text(value: float) -> str:
    return np.format_float_positional(value, trim="-") if np.isfinite(value) else str(value)


def _time_text(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Return the date in Tokyo of a timestamp with a zone, and the date as it stands of one without."""
    import pyarrow as pa
    import pyarrow.compute as pc

    micro = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64())
    if column.type.tz:
        micro = pc.add(micro, TOKYO_MICROSECONDS)
    return micro.cast(pa.timestamp("us")).cast(pa.date32(), safe=False).cast(pa.string())
