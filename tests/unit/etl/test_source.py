"""The files of one source together: columns over files, and where a row came from."""

import numpy as np
import pytest

import etl_inputs as given
from evalkit.errors import each
from evalkit.etl.layouts import Field
from evalkit.etl.source import header_problems, read_source

SOURCE = given.study().sources.firms


def test_rows_run_over_the_files_in_order_of_names(tmp_path):
    (tmp_path / "firms_2.csv").write_text("法人番号,x\n3,c\n")
    (tmp_path / "firms_1.csv").write_text('x,法人番号\n"a\n",1\nb,2\n')
    source = read_source("firms", SOURCE, tmp_path)
    assert source.texts("firm_id").to_pylist() == ["1", "2", "3"]
    assert source.texts("x").to_pylist() == ["a\n", "b", "c"]
    files, lines = source.places(np.array([2, 0, 1]))
    assert list(zip(files, lines.tolist(), strict=True)) == [("firms_2.csv", 2), ("firms_1.csv", 2), ("firms_1.csv", 4)]
    assert source.first_lines(np.array([2, 1])) == "firms_1.csv line 4, firms_2.csv line 2"


def test_a_column_that_one_file_lacks_is_empty_there_or_refused(tmp_path):
    (tmp_path / "firms_1.csv").write_text("法人番号,x\n1,a\n")
    (tmp_path / "firms_2.csv").write_text("法人番号,y\n2,b\n")
    source = read_source("firms", SOURCE, tmp_path)
    assert source.texts("x").to_pylist() == ["a", ""]
    assert header_problems(source, [Field("x", "category")]) == []
    (error,) = header_problems(source, [Field("x", "category", required=True)])
    assert (error.code, error.where) == ("E_COLUMN", "firms_2.csv, line 1")


def test_a_first_line_of_data_is_not_repeated(tmp_path):
    (tmp_path / "firms.csv").write_text("4011001098993,CANARY_7f3a\n1,2\n")
    source = read_source("firms", SOURCE, tmp_path)
    (error,) = header_problems(source, [Field("firm_id", "firm_id", required=True)])
    assert "CANARY" not in str(error)
    assert "4011001098993" not in str(error)


def test_the_problems_of_all_files_are_raised_together(tmp_path):
    (tmp_path / "firms_1.csv").write_text("a,a\n1,2\n")
    (tmp_path / "firms_2.csv").write_text("a,b\n")
    with pytest.raises(ExceptionGroup) as caught:
        read_source("firms", SOURCE, tmp_path)
    assert [e.code for e in each(caught.value)] == ["E_HEADER_DUP", "E_NO_ROWS"]
