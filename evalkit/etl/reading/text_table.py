"""One input file as text: every column a string, and the physical line of every row."""

import dataclasses
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError
from evalkit.etl.reading.file_columns import FileColumns

if TYPE_CHECKING:
    import pyarrow as pa

Lines = Callable[[NDArray[np.int64]], NDArray[np.int64]]


@dataclasses.dataclass(frozen=True, eq=False)
class TextTable:
    """One file as text.

    Parameters
    ----------
    file : str
        Path below the study's root.
    columns : dict of header to ChunkedArray of string
        Headers after NFKC, without white space at the ends. Columns of large files are read when they are looked up.
    line_of : callable
        Rows (k,) from 0 to their physical lines (k,) from 1; for Parquet the row's number.
    """

    file: str
    columns: "Mapping[str, pa.ChunkedArray]"
    line_of: Lines

    @property
    def n_rows(self) -> int:
        """Number of rows without the header."""
        columns = self.columns
        return columns.n_rows if isinstance(columns, FileColumns) else len(next(iter(columns.values())))

    def renamed(self, new: Mapping[str, str]) -> "TextTable":
        """Return the table with other headers for some columns."""
        columns = self.columns
        if isinstance(columns, FileColumns):
            return dataclasses.replace(self, columns=columns.renamed(new))
        return dataclasses.replace(self, columns={new.get(header, header): columns[header] for header in columns})

    def parts(
        self, headers: Sequence[str], wanted: NDArray[np.int64] | None = None
    ) -> "Iterator[tuple[int, TextTable]]":
        """Yield the table in parts of some rows with at least the columns asked for, each with its first row's place.

        Parts without any of the sorted rows `wanted` may be left out.
        """
        if not isinstance(self.columns, FileColumns):
            yield 0, self
            return
        for start, columns in self.columns.parts(headers, wanted):
            yield start, dataclasses.replace(self, columns=columns)


def header_name(text: str) -> str:
    """Return a header as it is compared: NFKC, runs of white space as one blank, none at the ends."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def header_names(texts: Sequence[str], file: str) -> list[str]:
    """Return the headers as they are compared.

    Raises
    ------
    DataError
        Two headers are the same (`E_HEADER_DUP`).
    """
    names = [header_name(t) for t in texts]
    first: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        if name in first:
            raise DataError(
                f"columns {first[name]} and {position} have the same header", where=file, code="E_HEADER_DUP"
            )
        first[name] = position
    return names


def no_rows(file: str) -> DataError:
    """Return the error for a file without data."""
    return DataError("the file has no data rows", where=file, code="E_NO_ROWS")
