"""Columns are read when they are looked up, and only those."""

import numpy as np
import pyarrow as pa
import pytest

from evalkit.etl.reading.file_columns import FileColumns

TABLE = pa.table({"a": [1, 2, 3], "b": ["x", None, "z"], "c": [0.5, None, 2.0]})


@pytest.fixture
def asked():
    """Columns over a reader of one row at a time, and what it was asked for."""
    calls = []

    def read(keys, wanted=None):
        calls.append(list(keys))
        for start in range(3):
            if wanted is None or start in wanted:
                yield start, TABLE.select(keys).slice(start, 1).combine_chunks().to_batches()[0]

    return FileColumns({"Ａ": "a", "B": "b", "C": "c"}, 3, read), calls


def test_a_look_up_reads_one_column_as_text(asked):
    columns, calls = asked
    assert columns["C"].to_pylist() == ["0.5", "", "2"]
    assert ("B" in columns, "b" in columns, list(columns)) == (True, False, ["Ａ", "B", "C"])
    assert calls == [["c"]]


def test_parts_have_the_columns_there_are(asked):
    columns, calls = asked
    found = list(columns.parts(["B", "none", "B"]))
    assert [(start, list(part), part["B"].to_pylist()) for start, part in found] == [
        (0, ["B"], ["x"]), (1, ["B"], [""]), (2, ["B"], ["z"]),
    ]  # fmt: skip
    assert [len(part["Ａ"]) for _, part in columns.parts(["none"])] == [1, 1, 1]
    assert calls == [["b"], ["a"]]


def test_stored_values_keep_their_type_and_wanted_parts_are_passed_on(asked):
    columns, _ = asked
    ((start, part),) = columns.parts(["Ａ"], np.array([1]))
    assert (start, part.stored["Ａ"].to_pylist(), part["Ａ"].to_pylist()) == (1, [2], ["2"])


def test_renaming_reads_nothing(asked):
    columns, calls = asked
    renamed = columns.renamed({"B": "新"})
    assert list(renamed) == ["Ａ", "新", "C"]
    assert not calls
    assert renamed["新"].to_pylist() == ["x", "", "z"]
