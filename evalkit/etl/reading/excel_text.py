"""Read one Excel sheet as text."""

import datetime as dt
import zipfile
from pathlib import Path

import numpy as np

from evalkit.errors import DataError, MissingExtraError, did_you_mean
from evalkit.etl.reading.archives import check_zip
from evalkit.etl.reading.header_finder import FIRST, HeaderRule
from evalkit.etl.reading.rows import table_of
from evalkit.etl.reading.text_table import TextTable


def read_excel(path: Path, file: str, sheet: str = "", rule: HeaderRule = FIRST) -> TextTable:
    """Read a sheet; wholly empty rows are skipped.

    Parameters
    ----------
    path : Path
        A workbook.
    file : str
        Its name, for messages.
    sheet : str
        Which sheet; may be empty when the workbook has only one.
    rule : HeaderRule
        Where the headers are.

    Raises
    ------
    MissingExtraError
        The package that reads Excel is not installed.
    DataError
        `E_ARCHIVE_LIMIT`, `E_EXCEL` (damaged), `E_SHEET`, and what `table_of` refuses.
    """
    sheets = sheet_rows(path, file)
    return table_of(sheets[chosen_sheet(list(sheets), sheet, file)], file, rule).table


def sheet_rows(path: Path, file: str) -> dict[str, list[list[str]]]:
    """Return the cells of every sheet of a workbook as text, in the order of the sheets."""
    try:
        import python_calamine
    except ImportError as error:
        raise MissingExtraError(
            "reading Excel needs the extra 'office'", where=file, hint="pip install 'evalkit[office]'"
        ) from error
    if zipfile.is_zipfile(path):
        check_zip(path, file)
    try:
        with python_calamine.CalamineWorkbook.from_path(path) as book:
            cells = {n: book.get_sheet_by_name(n).to_python(skip_empty_area=False) for n in book.sheet_names}
    except python_calamine.CalamineError as error:
        raise DataError("the workbook cannot be read: it is damaged", where=file, code="E_EXCEL") from error
    return {name: [[cell_text(value) for value in row] for row in rows] for name, rows in cells.items()}


def chosen_sheet(sheets: list[str], wanted: str, file: str) -> str:
    """Return the sheet that is wanted; no name means the only one."""
    if wanted in sheets:
        return wanted
    if wanted or len(sheets) != 1:
        problem = f"no sheet '{wanted}'" if wanted else f"the workbook has {len(sheets)} sheets; name one"
        raise DataError(problem, where=file, code="E_SHEET", hint=did_you_mean(wanted, sheets))
    return sheets[0]


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
