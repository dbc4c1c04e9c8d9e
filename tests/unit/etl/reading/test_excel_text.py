"""Excel sheets as text: typed cells, several sheets, damaged files, the package missing."""

import datetime as dt
import sys

import numpy as np
import pytest
import xlsxwriter

from evalkit.errors import DataError, MissingExtraError
from evalkit.etl.reading.excel_text import read_excel


@pytest.fixture
def book(tmp_path):
    """Write rows to sheets and return the path."""

    def write(**sheets):
        path = tmp_path / "f.xlsx"
        with xlsxwriter.Workbook(str(path)) as out:
            day = out.add_format({"num_format": "yyyy-mm-dd"})
            for name, rows in sheets.items():
                sheet = out.add_worksheet(name)
                for line, row in enumerate(rows):
                    for column, value in enumerate(row):
                        if isinstance(value, dt.date):
                            sheet.write_datetime(line, column, value, day)
                        elif value is not None:
                            sheet.write(line, column, value)
        return path

    return write


def test_typed_cells_become_the_text_they_mean(book):
    row = [1010001072706, 0.1, dt.date(2021, 4, 1), True, "  文 ", None]
    table = read_excel(book(a=[["id", "rate", "day", "flag", "text", "none"], row]), "f.xlsx")
    assert [c.to_pylist() for c in table.columns.values()] == [
        ["1010001072706"],
        ["0.1"],
        ["2021-04-01"],
        ["1"],
        ["  文 "],
        [""],
    ]


def test_empty_rows_are_skipped_and_lines_stay_those_of_the_sheet(book):
    table = read_excel(book(a=[[], ["x"], ["1"], [], ["2"]]), "f.xlsx")
    assert table.columns["x"].to_pylist() == ["1", "2"]
    assert table.line_of(np.array([0, 1])).tolist() == [3, 5]


def test_a_sheet_is_named_when_there_are_several(book):
    path = book(one=[["x"], ["1"]], two=[["x"], ["2"]])
    assert read_excel(path, "f.xlsx", "two").columns["x"].to_pylist() == ["2"]
    for sheet in ("", "tow"):
        with pytest.raises(DataError) as error:
            read_excel(path, "f.xlsx", sheet)
        assert error.value.code == "E_SHEET"


@pytest.mark.parametrize(
    ("rows", "code"),
    [([["x"]], "E_NO_ROWS"), ([["x"], ["1", "2"]], "E_HEADER_WIDTH"), ([["x", "ｘ"], ["1", "2"]], "E_HEADER_DUP")],
)
def test_refused(book, rows, code):
    with pytest.raises(DataError) as error:
        read_excel(book(a=rows), "f.xlsx")
    assert error.value.code == code


def test_a_damaged_workbook_is_refused(book):
    path = book(a=[["x"], ["1"]])
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError) as error:
        read_excel(path, "f.xlsx")
    assert error.value.code == "E_EXCEL"


def test_without_the_package_the_error_names_the_extra(book, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(MissingExtraError, match="office"):
        read_excel(book(a=[["x"], ["1"]]), "f.xlsx")
