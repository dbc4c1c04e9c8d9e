"""Rows of cells as a table."""

import numpy as np
import pytest

from evalkit.errors import DataError
from evalkit.etl.reading.header_finder import HeaderRule
from evalkit.etl.reading.rows import is_notes, table_of

FIND = HeaderRule("find", find=("id",))


def test_titles_empty_rows_and_ragged_rows():
    found = table_of([["title （単位：千円）"], [], ["id", "x"], ["1"], [], ["2", "b", "c"]], "f", FIND)
    assert {n: c.to_pylist() for n, c in found.table.columns.items()} == {
        "id": ["1", "2"],
        "x": ["", "b"],
        "column 3": ["", "c"],
    }
    assert found.table.line_of(np.array([0, 1])).tolist() == [4, 6]
    assert found.unit == "thousand_yen"


@pytest.mark.parametrize(
    ("rows", "rule", "code"),
    [
        ([], HeaderRule(), "E_NO_ROWS"),
        ([["id"]], HeaderRule(), "E_NO_ROWS"),
        ([["id"], ["1", "2"]], HeaderRule(), "E_HEADER_WIDTH"),
        ([["id", "ｉd"], ["1", "2"]], FIND, "E_HEADER_DUP"),
        ([["x"], ["1"]], FIND, "E_HEADER"),
    ],
)
def test_refused(rows, rule, code):
    with pytest.raises(DataError) as error:
        table_of(rows, "f", rule)
    assert error.value.code == code


def test_notes_are_no_table():
    assert is_notes([["", "note"], [], ["", "more"]], FIND)
    assert not is_notes([["id"], ["1"]], FIND)
    assert not is_notes([["a", "b"]], FIND)
    assert is_notes([[""]], HeaderRule())
