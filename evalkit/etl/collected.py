"""Rows of many parts in one table, each column of numbers in one piece of memory.

Memory in one piece is given back to the system when the column is done with; that of many small pieces is not.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.grammar.numbers import real

if TYPE_CHECKING:
    import pyarrow as pa


class Collected:
    """Takes the rows of parts one after another."""

    def __init__(self, n_at_most: int) -> None:
        self._n_at_most, self._n_rows = n_at_most, 0
        self._floats: dict[str, NDArray[np.float64]] = {}
        self._integers: dict[str, NDArray[np.int64]] = {}
        self._is_null: dict[str, NDArray[np.bool_]] = {}
        self._chunks: dict[str, list[pa.Array]] = {}
        self._types: dict[str, pa.DataType] = {}

    def add(self, rows: "pa.Table") -> None:
        """Append the rows of a part; all parts have the same columns."""
        import pyarrow as pa

        end = self._n_rows + len(rows)
        for name, column in zip(rows.column_names, rows.columns, strict=True):
            self._chunks.setdefault(name, [])
            self._types[name] = column.type
            if column.type == pa.float64():
                if name not in self._floats:
                    self._floats[name] = np.empty(self._n_at_most)
                self._floats[name][self._n_rows : end] = column.to_numpy()
            elif column.type == pa.int64():
                if name not in self._integers:
                    self._integers[name] = np.empty(self._n_at_most, np.int64)
                    self._is_null[name] = np.zeros(self._n_at_most, bool)
                self._integers[name][self._n_rows : end] = column.fill_null(0).to_numpy()
                if column.null_count:
                    self._is_null[name][self._n_rows : end] = column.is_null().to_numpy()
            else:
                self._chunks[name] += column.chunks
        self._n_rows = end

    def table(self) -> "pa.Table":
        """Return all rows; NaN is null."""
        import pyarrow as pa

        return pa.table({name: self._column(name) for name in self._chunks})

    def _column(self, name: str) -> "pa.Array | pa.ChunkedArray":
        import pyarrow as pa

        if name in self._floats:
            return real(self._floats[name][: self._n_rows])
        if name in self._integers:
            is_null = self._is_null[name][: self._n_rows]
            return pa.array(self._integers[name][: self._n_rows], mask=is_null if is_null.any() else None)
        return pa.chunked_array(self._chunks[name], self._types[name])
