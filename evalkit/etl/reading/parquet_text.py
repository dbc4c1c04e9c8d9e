"""Read Parquet, whether its columns are text or typed; only the columns asked for are read."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError
from evalkit.etl.reading.file_columns import PART_ROWS, FileColumns
from evalkit.etl.reading.text_table import TextTable, header_names, no_rows

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


def read_parquet(path: Path, file: str) -> TextTable:
    """Open a Parquet file; as text null is the empty text, and a number without fraction has none.

    Columns that have no text (lists, structures) are left out. Pages are checked when they are read.

    Raises
    ------
    DataError
        `E_PARQUET` (damaged), `E_HEADER_DUP`, `E_NO_ROWS`.
    """
    import pyarrow as pa

    try:
        with _open(path) as opened:
            schema, n_rows = opened.schema_arrow, opened.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file) from error
    kept = [field.name for field in schema if not pa.types.is_nested(field.type)]
    names = header_names(kept, file)
    if not n_rows or not names:
        raise no_rows(file)

    def read(keys: Sequence[str], wanted: NDArray[np.int64] | None = None) -> "Iterator[tuple[int, pa.RecordBatch]]":
        try:
            with _open(path) as opened:
                yield from _batches(opened, keys, wanted)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(file) from error

    columns = FileColumns(dict(zip(names, kept, strict=True)), n_rows, read)
    return TextTable(file, columns, lambda rows: rows + 1)


def _open(path: Path) -> "pq.ParquetFile":
    import pyarrow.parquet as pq

    return pq.ParquetFile(path, page_checksum_verification=True)


def _batches(
    opened: "pq.ParquetFile", keys: Sequence[str], wanted: NDArray[np.int64] | None
) -> "Iterator[tuple[int, pa.RecordBatch]]":
    """Read the row groups, or those that hold a wanted row."""
    starts = np.cumsum([0, *(opened.metadata.row_group(i).num_rows for i in range(opened.num_row_groups))])
    groups = list(range(opened.num_row_groups))
    if wanted is not None:
        groups = np.unique(np.searchsorted(starts, wanted, side="right") - 1).tolist()
    for group in groups:
        start = int(starts[group])
        for batch in opened.iter_batches(PART_ROWS, row_groups=[group], columns=list(keys)):
            yield start, batch.select(list(keys))
            start += len(batch)


def _damaged(file: str) -> DataError:
    return DataError("the Parquet file cannot be read: it is damaged", where=file, code="E_PARQUET")
