"""Columns of files that are not held in memory: read when asked for, whole or in parts of some rows."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.grammar.as_text import column_text

if TYPE_CHECKING:
    import pyarrow as pa

PART_ROWS = 1 << 18
"""Rows of a part where the reader may choose: columns of that many values stay in the processor's cache."""


class Read(Protocol):
    """Reads some columns of a file in its order of rows."""

    def __call__(
        self, keys: Sequence[str], wanted: NDArray[np.int64] | None = None
    ) -> "Iterator[tuple[int, pa.RecordBatch]]":
        """Yield the place of the first row, and the rows; parts without any of the sorted `wanted` may be left out."""


@dataclasses.dataclass(frozen=True, eq=False)
class StoredColumns(Mapping[str, "pa.ChunkedArray"]):
    """Columns in memory, text when looked up; `stored` has them as the file has them."""

    stored: "Mapping[str, pa.ChunkedArray]"

    def __getitem__(self, header: str) -> "pa.ChunkedArray":
        return column_text(self.stored[header])

    def __contains__(self, header: object) -> bool:
        return header in self.stored

    def __iter__(self) -> Iterator[str]:
        return iter(self.stored)

    def __len__(self) -> int:
        return len(self.stored)


@dataclasses.dataclass(frozen=True, eq=False)
class FileColumns(Mapping[str, "pa.ChunkedArray"]):
    """Columns of a file, read as text each time they are looked up.

    Parameters
    ----------
    key_of : dict of str
        Header to what the reader calls the column.
    n_rows : int
        Rows of the file.
    read : Read
        The reader.
    """

    key_of: Mapping[str, str]
    n_rows: int
    read: Read

    def __getitem__(self, header: str) -> "pa.ChunkedArray":
        import pyarrow as pa

        key = self.key_of[header]
        chunks = [column_text(pa.chunked_array([part.column(0)])) for _, part in self.read([key])]
        return pa.chunked_array([c for column in chunks for c in column.chunks], pa.string())

    def __contains__(self, header: object) -> bool:
        return header in self.key_of

    def __iter__(self) -> Iterator[str]:
        return iter(self.key_of)

    def __len__(self) -> int:
        return len(self.key_of)

    def renamed(self, new: Mapping[str, str]) -> "FileColumns":
        """Return the columns under other headers; nothing is read."""
        return dataclasses.replace(self, key_of={new.get(header, header): key for header, key in self.key_of.items()})

    def parts(
        self, headers: Sequence[str], wanted: NDArray[np.int64] | None = None
    ) -> Iterator[tuple[int, StoredColumns]]:
        """Yield some columns in parts: the place of the first row, and the rows.

        Headers that the file does not have are left out; when none is left its first column is read.
        """
        import pyarrow as pa

        found = [h for h in dict.fromkeys(headers) if h in self.key_of] or [next(iter(self.key_of))]
        for start, part in self.read([self.key_of[h] for h in found], wanted):
            columns = {h: pa.chunked_array([part.column(i)]) for i, h in enumerate(found)}
            yield start, StoredColumns(columns)
