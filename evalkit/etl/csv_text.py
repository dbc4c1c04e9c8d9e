"""Read CSV as text: quotes checked, no shifted columns, no per-row Python unless something is wrong."""

import csv
import io
import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError
from evalkit.etl.encoding import to_utf8
from evalkit.etl.text_table import TextTable, header_names, no_rows

if TYPE_CHECKING:
    import pyarrow as pa

COMMA, NEWLINE, QUOTE = b","[0], b"\n"[0], b'"'[0]
BLOCK_BYTES = 16 << 20
QUOTED = re.compile(r'"(?:[^"]|"")*+"(?=[,\n]|\Z)')
SHOWN = 5


def read_csv(raw: bytes, file: str, encoding: str = "auto") -> TextTable:
    """Read a comma-separated file; every value stays the text it was.

    Raises
    ------
    DataError
        Encoding (see `to_utf8`), `E_CSV_QUOTE`, `E_DELIMITER`, `E_HEADER_DUP`, `E_HEADER_WIDTH`, `E_NO_ROWS`.
    """
    data = to_utf8(raw, file, encoding)
    _check_quotes(data, file)
    end = _header_end(data)
    header = next(csv.reader(io.StringIO(data[:end].decode(), newline="")), [])
    if len(header) == 1 and re.search(r"[;\t|]", header[0]):
        raise DataError("only one column was found; fields must be separated by commas", where=file, code="E_DELIMITER")
    names = header_names(header, file)
    if not data[end:].strip(b"\n"):
        raise no_rows(file)
    table = _parse(data, end, names, file)
    return TextTable(file, dict(zip(names, table.columns, strict=True)), lambda rows: _lines(data)[rows + 1])


def _parse(data: bytes, start: int, names: list[str], file: str) -> "pa.Table":
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    keys = [str(i) for i in range(len(names))]
    try:
        return arrow_csv.read_csv(
            pa.py_buffer(memoryview(data)[start:]),
            read_options=arrow_csv.ReadOptions(column_names=keys, block_size=BLOCK_BYTES),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=b'"' in data),
            convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(keys, pa.string())),
        )
    except pa.ArrowInvalid:
        raise _width_error(data, len(names), file) from None  # Arrow's own message repeats the row


def _header_end(data: bytes) -> int:
    """Return where the first record ends; a header may hold quoted newlines."""
    end = data.find(b"\n")
    while end >= 0 and data.count(b'"', 0, end) % 2:
        end = data.find(b"\n", end + 1)
    return len(data) if end < 0 else end + 1


def _check_quotes(data: bytes, file: str) -> None:
    """Refuse quotes that open inside a field, close before its end, or never close."""
    if b'"' not in data:
        return
    text = np.frombuffer(data + b"\n", np.uint8)
    quotes = np.flatnonzero(text == QUOTE)
    before = text[quotes[0::2] - 1]
    after = text[quotes[1::2] + 1]
    edges = (COMMA, NEWLINE, QUOTE)
    if len(quotes) % 2 or not np.isin(before, edges).all() or not np.isin(after, edges).all():
        raise DataError(
            "a quotation mark opens here that is not closed at the end of its field",
            where=f"{file}, line {_bad_quote_line(data.decode())}",
            code="E_CSV_QUOTE",
            hint='write a quotation mark inside a quoted field twice ("")',
        )


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


def _width_error(data: bytes, width: int, file: str) -> DataError:
    """Return the error that names the lines with another number of fields than the header."""
    reader = csv.reader(io.StringIO(data.decode(), newline=""))
    bad, start = [], 1
    for fields in reader:
        if fields and len(fields) != width:
            bad.append(start)
        start = reader.line_num + 1
    shown = ", ".join(str(line) for line in bad[:SHOWN])
    return DataError(
        f"{len(bad)} rows have another number of fields than the header ({width})",
        where=f"{file}, line {shown}",
        code="E_HEADER_WIDTH",
    )


def _lines(data: bytes) -> NDArray[np.int64]:
    """Return the physical line of each record, header first: (n_rows + 1,)."""
    text = np.frombuffer(data.rstrip(b"\n") + b"\n", np.uint8)
    ends = np.flatnonzero(text == NEWLINE)
    quotes = np.flatnonzero(text == QUOTE)
    starts = np.concatenate(([0], ends[:-1] + 1))
    is_quoted = np.searchsorted(quotes, starts) % 2 == 1
    is_blank = starts == ends
    return np.flatnonzero(~is_quoted & ~is_blank).astype(np.int64) + 1
