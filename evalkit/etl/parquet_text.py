"""Read Parquet as text, whether its columns are text or typed, without losing a digit."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evalkit.errors import DataError
from evalkit.etl.text_table import TextTable, header_names, no_rows

if TYPE_CHECKING:
    import pyarrow as pa

EXACT = 2.0**53
TOKYO_MICROSECONDS = 9 * 3600 * 1_000_000


def read_parquet(path: Path, file: str) -> TextTable:
    """Read a Parquet file as text; null becomes the empty text, a number without fraction has none.

    Columns that have no text (lists, structures) are left out.

    Raises
    ------
    DataError
        `E_PARQUET` (damaged), `E_HEADER_DUP`, `E_NO_ROWS`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, page_checksum_verification=True, partitioning=None)
    except (pa.ArrowException, OSError) as error:
        raise DataError("the Parquet file cannot be read: it is damaged", where=file, code="E_PARQUET") from error
    kept = [i for i, f in enumerate(table.schema) if not pa.types.is_nested(f.type)]
    names = header_names([table.schema[i].name for i in kept], file)
    if not table.num_rows or not names:
        raise no_rows(file)
    columns = {name: column_text(table.column(i)) for i, name in zip(kept, names, strict=True)}
    return TextTable(file, columns, lambda rows: rows + 1)


def column_text(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Return a column as text: integers exactly, floats shortest without exponent, dates ISO, booleans 1 and 0."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
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
