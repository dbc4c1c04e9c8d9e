"""Read CSV as text: quotes checked, no shifted columns, no per-row Python unless something is wrong."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError
from evalkit.etl.reading.encoding import to_utf8
from evalkit.etl.reading.file_columns import FileColumns
from evalkit.etl.reading.header_finder import FIRST, HeaderRule, csv_header
from evalkit.etl.reading.text_table import TextTable, header_names, no_rows

if TYPE_CHECKING:
    import pyarrow as pa

COMMA, NEWLINE, QUOTE = b","[0], b"\n"[0], b'"'[0]
IS_EDGE = np.isin(np.arange(256), (COMMA, NEWLINE, QUOTE))
BLOCK_BYTES = 16 << 20
QUOTED = re.compile(r'"(?:[^"]|"")*+"(?=[,\n]|\Z)')
SHOWN = 5


def read_csv(raw: bytes, file: str, encoding: str = "auto", rule: HeaderRule = FIRST) -> TextTable:
    """Read a comma-separated file; every value stays the text it was. `rule` says where its headers are.

    The whole file is checked; its columns are parsed when they are looked up.

    Raises
    ------
    DataError
        Encoding (see `to_utf8`), `E_CSV_QUOTE`, `E_DELIMITER`, `E_HEADER_DUP`, `E_HEADER_WIDTH`, `E_NO_ROWS`.
    """
    data = to_utf8(raw, file, encoding)
    _check_quotes(data, file)
    header, end = csv_header(data, rule, file)
    if len(header) == 1 and re.search(r"[;\t|]", header[0]):
        raise DataError("only one column was found; fields must be separated by commas", where=file, code="E_DELIMITER")
    names = header_names(header, file)
    if not data[end : end + BLOCK_BYTES].strip(b"\n") and not data[end:].strip(b"\n"):
        raise no_rows(file)

    def read(
        keys: Sequence[str],
        wanted: NDArray[np.int64] | None = None,  # noqa: ARG001 - a CSV has no parts to leave out
    ) -> "Iterator[tuple[int, pa.RecordBatch]]":
        return _batches(data, end, len(names), keys)

    columns = FileColumns({name: str(i) for i, name in enumerate(names)}, _n_rows(data, end, len(names), file), read)
    return TextTable(file, columns, lambda rows: _lines(data, end)[rows])


def _n_rows(data: bytes, start: int, width: int, file: str) -> int:
    """Count the records, all of which must have as many fields as there are headers."""
    import pyarrow as pa

    try:
        return sum(len(batch) for _, batch in _batches(data, start, width, ["0"]))
    except pa.ArrowInvalid:
        raise _width_error(data, start, width, file) from None  # Arrow's own message repeats the row


def _batches(data: bytes, start: int, width: int, keys: Sequence[str]) -> "Iterator[tuple[int, pa.RecordBatch]]":
    """Parse some columns, which are called by their place, block by block."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    reader = arrow_csv.open_csv(
        pa.BufferReader(pa.py_buffer(memoryview(data)[start:])),
        read_options=arrow_csv.ReadOptions(column_names=[str(i) for i in range(width)], block_size=BLOCK_BYTES),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=b'"' in data),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(keys, pa.string()), include_columns=list(keys)
        ),
    )
    place = 0
    for batch in reader:
        yield place, batch
        place += len(batch)


def _check_quotes(data: bytes, file: str) -> None:
    """Refuse quotes that open inside a field, close before its end, or never close."""
    if b'"' in data and _has_bad_quote(np.frombuffer(data, np.uint8)):
        raise DataError(
            "a quotation mark opens here that is not closed at the end of its field",
            where=f"{file}, line {_bad_quote_line(data.decode())}",
            code="E_CSV_QUOTE",
            hint='write a quotation mark inside a quoted field twice ("")',
        )


def _has_bad_quote(text: NDArray[np.uint8]) -> bool:
    """Whether a quotation mark that opens or closes has something else than a field's edge or another one beside it."""
    n_quotes, last = 0, len(text) - 1
    for start in range(0, len(text), BLOCK_BYTES):
        quotes = np.flatnonzero(text[start : start + BLOCK_BYTES] == QUOTE) + start
        opening, closing = quotes[n_quotes % 2 :: 2], quotes[1 - n_quotes % 2 :: 2]
        is_edge = IS_EDGE[text[opening - 1]] | (opening == 0)
        if not is_edge.all() or not (IS_EDGE[text[np.minimum(closing + 1, last)]] | (closing == last)).all():
            return True
        n_quotes += len(quotes)
    return n_quotes % 2 == 1


def _bad_quote_line(text: str) -> int:
    """Return the line of the first quotation mark that is out of place."""
    at = 0
    while '"' in text[at:]:
        at = text.index('"', at)
        field = QUOTED.match(text, at)
        if field is None or (at and text[at - 1] not in ",\n"):
            break
        at = field.end()
    return text.count("\n", 0, at) + 1


def _width_error(data: bytes, begin: int, width: int, file: str) -> DataError:
    """Return the error that names the lines with another number of fields than the header."""
    reader = csv.reader(io.StringIO(data[begin:].decode(), newline=""))
    above = data.count(b"\n", 0, begin)
    bad, start = [], above + 1
    for fields in reader:
        if fields and len(fields) != width:
            bad.append(start)
        start = above + reader.line_num + 1
    shown = ", ".join(str(line) for line in bad[:SHOWN])
    return DataError(
        f"{len(bad)} rows have another number of fields than the header ({width})",
        where=f"{file}, line {shown}",
        code="E_HEADER_WIDTH",
    )


def _lines(data: bytes, start: int) -> NDArray[np.int64]:
    """Return the physical line of each record from the byte `start` on: (n_rows,)."""
    text = np.frombuffer(data.rstrip(b"\n") + b"\n", np.uint8)
    ends = np.flatnonzero(text == NEWLINE)
    quotes = np.flatnonzero(text == QUOTE)
    starts = np.concatenate(([0], ends[:-1] + 1))
    is_quoted = np.searchsorted(quotes, starts) % 2 == 1
    is_blank = starts == ends
    return np.flatnonzero(~is_quoted & ~is_blank & (starts >= start)).astype(np.int64) + 1
