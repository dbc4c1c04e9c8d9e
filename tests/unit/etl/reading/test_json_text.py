"""JSON responses as rows of text."""

import json

import numpy as np
import pytest

from evalkit.errors import DataError
from evalkit.etl.layouts import JsonRows
from evalkit.etl.reading.json_text import read_json

WHERE = JsonRows(("data[].rows[]", "rows[]"))


def read(tmp_path, document, where=WHERE):
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    (tmp_path / "a.json").write_bytes(text)
    return read_json(tmp_path / "a.json", "a.json", where)


def texts(table):
    return {name: values.to_pylist() for name, values in table.columns.items()}


def test_single_values_beside_the_rows_are_carried(tmp_path):
    document = {
        "id": 7,
        "data": [{"firm": "A", "name": "n", "rows": [{"name": "x"}, {"v": None}]}, {"firm": "B", "rows": [{}]}],
    }
    table = read(tmp_path, document)
    assert texts(table) == {
        "id": ["7", "7", "7"],
        "firm": ["A", "A", "B"],
        "parent.name": ["n", "", ""],
        "name": ["x", "n", ""],
        "v": ["", "", ""],
    }
    assert table.line_of(np.array([2])).tolist() == [3]


def test_numbers_stay_as_they_were_written(tmp_path):
    document = (
        b'{"rows": [{"a": 12345678901234567890, "b": 0.10, "c": 1e3, "d": true, "e": [1, "x"], "f": {"g": 1.50}}]}'
    )
    assert texts(read(tmp_path, document)) == {
        "a": ["12345678901234567890"],
        "b": ["0.10"],
        "c": ["1000"],
        "d": ["1"],
        "e": ["1 / x"],
        "f.g": ["1.50"],
    }


def test_one_row_may_stand_for_a_list_and_no_rows_are_an_answer(tmp_path):
    assert texts(read(tmp_path, {"rows": {"a": 1}})) == {"a": ["1"]}
    assert read(tmp_path, {"rows": []}) is None
    assert texts(read(tmp_path, [{"a": 1}], JsonRows(("[]",)))) == {"a": ["1"]}


@pytest.mark.parametrize(
    ("document", "code", "where"),
    [
        (b'{"rows": [\n{"a": 1},\n{"a" 2}]}', "E_JSON", "a.json, line 3"),
        (b'{"message": "401 Unauthorized"}', "E_JSON", "a.json"),
        (b"[" * 100_000, "E_JSON", "a.json"),
        (b'{"rows": [{"a": "\xff"}]}', "E_ENCODING", "a.json"),
        (b"", "E_JSON", "a.json, line 1"),
    ],
)
def test_refused(tmp_path, document, code, where):
    with pytest.raises(DataError) as error:
        read(tmp_path, document)
    assert (error.value.code, error.value.where) == (code, where)
    assert "401" not in str(error.value)
