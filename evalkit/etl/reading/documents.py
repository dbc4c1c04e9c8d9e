"""The tables of one file of a source, whatever its format: archives unpacked, sheets found, headers found."""

import csv
import io
from pathlib import Path

from evalkit.errors import DataError
from evalkit.etl.layouts import Layout
from evalkit.etl.reading.archives import ARCHIVES, unpack
from evalkit.etl.reading.encoding import to_utf8
from evalkit.etl.reading.excel_text import chosen_sheet, sheet_rows
from evalkit.etl.reading.header_finder import HeaderRule, csv_header, unit_in_note
from evalkit.etl.reading.json_text import read_json
from evalkit.etl.reading.read import checked_format, read_file
from evalkit.etl.reading.rows import FoundTable, is_notes, table_of
from evalkit.model.study import Source

TEXT = (".csv", ".txt")


def read_tables(path: Path, file: str, source: Source, layout: Layout, folder: Path) -> list[FoundTable]:
    """Read all tables of a file.

    Parameters
    ----------
    path : Path
        The file.
    file : str
        Its name, for messages.
    source : Source
        What the study says about it.
    layout : Layout
        Where its headers and rows are.
    folder : Path
        Where archives are unpacked to.

    Returns
    -------
    list of FoundTable
        None for a JSON response without rows.
    """
    if path.suffix.lower() not in ARCHIVES:
        return _tables(path, file, source, layout)
    return [
        table for member, name in unpack(path, file, folder) for table in _tables(member, name, source, layout)
    ]  # fmt: skip


def _tables(path: Path, file: str, source: Source, layout: Layout) -> list[FoundTable]:
    kind, rule = path.suffix.lower(), layout.header
    if kind == ".json":
        return _json(path, file, layout)
    if kind == ".tsv" or (layout.is_tab_separated and kind in TEXT):
        return [_tab_separated(path, file, source, layout)]
    if rule.rule != "find" and not layout.has_many_sheets:
        return [FoundTable(read_file(path, file, source, rule))]
    if checked_format(path, file) in ("xlsx", "xls"):
        return _sheets(path, file, source, layout)
    return [FoundTable(read_file(path, file, source, rule), _note(path, file, source, rule))]


def _json(path: Path, file: str, layout: Layout) -> list[FoundTable]:
    if layout.json is None:
        problem = f"the layout '{layout.name}' does not say where the rows of a JSON file are"
        raise DataError(problem, where=file, code="E_FORMAT")
    table = read_json(path, file, layout.json)
    return [FoundTable(table)] if table else []


def _sheets(path: Path, file: str, source: Source, layout: Layout) -> list[FoundTable]:
    """Read the sheet that is named; without a name the only one, or all where the layout says so."""
    sheets, rule = sheet_rows(path, file), layout.header
    if source.sheet or not layout.has_many_sheets:
        name = chosen_sheet(list(sheets), source.sheet, file)
        return [table_of(sheets[name], file, rule)]
    tables = {name: rows for name, rows in sheets.items() if not is_notes(rows, rule)} or sheets
    return [table_of(rows, f"{file} [{name}]" if len(sheets) > 1 else file, rule) for name, rows in tables.items()]


def _note(path: Path, file: str, source: Source, rule: HeaderRule) -> str:
    """Return the money unit in the rows above the header of a CSV."""
    if path.suffix.lower() not in TEXT:
        return ""
    data = to_utf8(path.read_bytes(), file, source.encoding)
    return unit_in_note(list(csv.reader(data[: csv_header(data, rule, file)[1]].decode().splitlines())))


def _tab_separated(path: Path, file: str, source: Source, layout: Layout) -> FoundTable:
    text = to_utf8(path.read_bytes(), file, source.encoding).decode()
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t"))
    if len({len(row) for row in rows if row}) > 1:
        raise DataError("rows have different numbers of fields", where=file, code="E_HEADER_WIDTH")
    return table_of(rows, file, layout.header)
