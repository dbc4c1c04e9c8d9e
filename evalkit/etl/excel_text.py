"""Read one Excel sheet as text."""

import datetime as dt
import zipfile
from pathlib import Path

import numpy as np

from evalkit.errors import DataError, MissingExtraError, did_you_mean
from evalkit.etl.text_table import TextTable, header_names, no_rows

MAX_MEMBERS, MAX_RATIO, MAX_BYTES = 1_000, 200, 20 << 30


def read_excel(path: Path, file: str, sheet: str = "") -> TextTable:
    """Read a sheet; the first row is the header, wholly empty rows are skipped.

    Parameters
    ----------
    path : Path
        A workbook.
    file : str
        Its name, for messages.
    sheet : str
        Which sheet; may be empty when the workbook has only one.

    Raises
    ------
    MissingExtraError
        The package that reads Excel is not installed.
    DataError
        `E_ARCHIVE_LIMIT`, `E_EXCEL` (damaged), `E_SHEET`, `E_HEADER_DUP`, `E_HEADER_WIDTH`, `E_NO_ROWS`.
    """
    import pyarrow as pa

    rows = _sheet_rows(path, file, sheet)
    filled = [(line, row) for line, row in enumerate(rows, start=1) if any(row)]
    if len(filled) < 2:
        raise no_rows(file)
    width = max(i + 1 for _, row in filled for i, text in enumerate(row) if text)
    header = filled[0][1][:width]
    if not header[-1]:
        raise DataError("there are values right of the last header", where=file, code="E_HEADER_WIDTH")
    names = header_names(header, file)
    body = [row for _, row in filled[1:]]
    lines = np.array([line for line, _ in filled[1:]], dtype=np.int64)
    columns = {n: pa.chunked_array([pa.array([r[i] for r in body], pa.string())]) for i, n in enumerate(names)}
    return TextTable(file, columns, lambda rows: lines[rows])


def _sheet_rows(path: Path, file: str, sheet: str) -> list[list[str]]:
    try:
        import python_calamine
    except ImportError as error:
        raise MissingExtraError(
            "reading Excel needs the extra 'office'", where=file, hint="pip install 'evalkit[office]'"
        ) from error
    if zipfile.is_zipfile(path):
        _check_archive(path, file)
    try:
        with python_calamine.CalamineWorkbook.from_path(path) as book:
            name = _choose(book.sheet_names, sheet, file)
            cells = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except python_calamine.CalamineError as error:
        raise DataError("the workbook cannot be read: it is damaged", where=file, code="E_EXCEL") from error
    return [[cell_text(value) for value in row] for row in cells]


def _choose(sheets: list[str], wanted: str, file: str) -> str:
    if wanted in sheets:
        return wanted
    if wanted or len(sheets) != 1:
        problem = f"no sheet '{wanted}'" if wanted else f"the workbook has {len(sheets)} sheets; name one"
        raise DataError(problem, where=file, code="E_SHEET", hint=did_you_mean(wanted, sheets))
    return sheets[0]


def _check_archive(path: Path, file: str) -> None:
    """Refuse a workbook that unpacks to more than any real one does."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    unpacked = sum(m.file_size for m in members)
    if len(members) > MAX_MEMBERS or unpacked > min(MAX_BYTES, MAX_RATIO * path.stat().st_size):
        raise DataError("the workbook unpacks to far more than its size", where=file, code="E_ARCHIVE_LIMIT")


def cell_text(value: object) -> str:
    """Return a cell as text: whole numbers without fraction, dates ISO, booleans 1 and 0."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else np.format_float_positional(value, trim="-")
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return "" if value is None else str(value)
