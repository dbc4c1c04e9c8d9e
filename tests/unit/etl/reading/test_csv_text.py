"""CSV as text: what stays, what is refused, and that a refusal repeats no row."""

import numpy as np
import pytest

from evalkit.errors import DataError
from evalkit.etl.reading.csv_text import read_csv


def test_nothing_is_guessed():
    table = read_csv(b'id,v,w\n0123,NA, 12 \nnan,1e3,""\n,\0,NULL\n', "f.csv")
    assert {name: column.to_pylist() for name, column in table.columns.items()} == {
        "id": ["0123", "nan", ""],
        "v": ["NA", "1e3", "\0"],
        "w": [" 12 ", "", "NULL"],
    }


def test_a_header_may_hold_newlines():
    table = read_csv('"法人\n番号",額\n1,"2\n3"\n4,5\n'.encode(), "f.csv")
    assert list(table.columns) == ["法人 番号", "額"]
    assert table.line_of(np.array([0, 1])).tolist() == [3, 5]


def test_lines_are_physical_over_blank_and_quoted_ones():
    table = read_csv(b'a,b\n\n1,"x\n\ny"\n\n2,z\n', "f.csv")
    assert table.columns["a"].to_pylist() == ["1", "2"]
    assert table.line_of(np.array([0, 1])).tolist() == [3, 7]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('a,b\n1,"x\n2,y\n', "f.csv, line 2"),
        ('a,b\n1,"x"y\n', "f.csv, line 2"),
        ('a,b\n1,x"y"\n', "f.csv, line 2"),
        ('a,b\n1,"x\n2"\n3,"y\n4,z\n', "f.csv, line 4"),
        ('a,b\n1,"""\n2,y\n', "f.csv, line 2"),
        ('"a,b\n1,2\n', "f.csv, line 1"),
    ],
)
def test_a_quote_out_of_place(text, where):
    with pytest.raises(DataError) as error:
        read_csv(text.encode(), "f.csv")
    assert (error.value.code, error.value.where) == ("E_CSV_QUOTE", where)


def test_rows_of_another_width_are_named_by_line_and_not_repeated():
    with pytest.raises(DataError, match="3 rows have another number of fields") as error:
        read_csv(b"a,b\n1,2\nSECRET\n\n3,4,5\n6,7\n8,9,\n", "f.csv")
    assert (error.value.code, error.value.where) == ("E_HEADER_WIDTH", "f.csv, line 3, 5, 7")
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__
