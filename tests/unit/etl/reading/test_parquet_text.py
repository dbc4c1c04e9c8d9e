"""Parquet: what is refused, and that only what is asked for is read."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalkit.errors import DataError
from evalkit.etl.reading.parquet_text import read_parquet


def test_a_cut_file_is_refused(tmp_path):
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"a": list(range(1000))}), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError) as error:
        read_parquet(path, "f.parquet")
    assert error.value.code == "E_PARQUET"


def test_a_flipped_byte_is_refused_when_its_column_is_read(tmp_path):
    path = tmp_path / "f.parquet"
    table = pa.table({"a": list(range(1000)), "b": list(range(1000, 2000))})
    pq.write_table(table, path, write_page_checksum=True, compression="none", use_dictionary=False)
    raw = bytearray(path.read_bytes())
    raw[raw.index((1500).to_bytes(8, "little"))] ^= 1
    path.write_bytes(raw)
    columns = read_parquet(path, "f.parquet").columns
    assert columns["a"].to_pylist() == [str(i) for i in range(1000)]
    with pytest.raises(DataError) as error:
        columns["b"]
    assert (error.value.code, error.value.where) == ("E_PARQUET", "f.parquet")


def test_row_groups_without_a_wanted_row_are_not_read(tmp_path):
    pq.write_table(pa.table({"a": list(range(10))}), tmp_path / "f.parquet", row_group_size=4)
    parts = read_parquet(tmp_path / "f.parquet", "f.parquet").parts(["a"], np.array([1, 2, 9]))
    assert [(start, part.columns["a"].to_pylist()) for start, part in parts] == [
        (0, ["0", "1", "2", "3"]), (8, ["8", "9"]),
    ]  # fmt: skip


def test_lists_are_left_out_and_rows_are_numbered(tmp_path):
    pq.write_table(pa.table({" ａ": ["x", "y"], "b": [[1], [2]]}), tmp_path / "f.parquet")
    table = read_parquet(tmp_path / "f.parquet", "f.parquet")
    assert (list(table.columns), table.n_rows) == (["a"], 2)
    assert table.line_of(np.array([1])).tolist() == [2]


def test_no_rows(tmp_path):
    pq.write_table(pa.table({"a": pa.array([], pa.string())}), tmp_path / "f.parquet")
    with pytest.raises(DataError) as error:
        read_parquet(tmp_path / "f.parquet", "f.parquet")
    assert error.value.code == "E_NO_ROWS"
