"""The tables of a file, whatever its format."""

import pytest

from evalkit.errors import DataError
from evalkit.etl import layouts
from evalkit.etl.reading.documents import read_tables
from evalkit.model.study import Source
from layout_inputs import IDS, workbook


def read(path, layout, **said):
    source = Source(layout=layout, path=path.name, **said)
    return [t.table for t in read_tables(path, path.name, source, layouts.load(layout), path.parent)]


def test_sheets_are_named_in_messages_and_one_may_be_chosen(tmp_path):
    rows = [["法人番号", "交付決定日"], [IDS[0], "2021-04-01"]]
    workbook(tmp_path / "a.xlsx", {"one": rows, "two": rows})
    assert [t.file for t in read(tmp_path / "a.xlsx", "grant-decisions")] == ["a.xlsx [one]", "a.xlsx [two]"]
    assert [t.file for t in read(tmp_path / "a.xlsx", "grant-decisions", sheet="two")] == ["a.xlsx"]


def test_json_needs_a_layout_that_says_where_its_rows_are(tmp_path):
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(DataError) as error:
        read(tmp_path / "a.json", "generic-firms")
    assert error.value.code == "E_FORMAT"


def test_rows_of_tabs_have_one_width(tmp_path):
    (tmp_path / "a.tsv").write_text("a\tb\n1\n")
    with pytest.raises(DataError) as error:
        read(tmp_path / "a.tsv", "generic-firms")
    assert error.value.code == "E_HEADER_WIDTH"
