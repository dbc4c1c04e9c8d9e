"""Files are written whole or not at all, with the same bytes each time."""

import errno
import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from evalkit.errors import IntegrityError, ResourceError
from evalkit.model import store


def fail(path: Path, error: Exception) -> None:
    with store.replacing(path) as draft:
        draft.write_text("half")
        raise error


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a"
    store.write_text(path, "old")
    with pytest.raises(ValueError, match="stop"):
        fail(path, ValueError("stop"))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with pytest.raises(ResourceError) as caught:
        fail(path, OSError(errno.ENOSPC, "No space left on device"))
    assert (caught.value.code, caught.value.exit_code, caught.value.where) == ("E_NOSPACE", 7, "a")
    assert list(tmp_path.iterdir()) == []


def test_json_has_sorted_keys_plain_numbers_and_no_nan(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    store.write_json(path, {"b": np.float64(0.1), "a": (np.int64(2), float("nan"), float("inf")), "c": "字"})
    assert path.read_text("utf-8") == '{\n "a": [\n  2,\n  null,\n  null\n ],\n "b": 0.1,\n "c": "字"\n}\n'
    assert store.read_json(path) == {"a": [2, None, None], "b": 0.1, "c": "字"}


def test_parquet_has_the_same_bytes_twice(tmp_path: Path) -> None:
    table = pa.table({"x": [1.5, None], "y": ["a", "b"]})
    for name in ("a", "b"):
        store.write_parquet(tmp_path / name, table)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_sha256(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert store.sha256(path) == hashlib.sha256(b"abc").hexdigest()


def test_verify(tmp_path: Path) -> None:
    store.write_text(tmp_path / "a", "x")
    right = {"a": store.sha256(tmp_path / "a")}
    store.verify(tmp_path, right)
    for hashes, code in (({"a": "0"}, "E_STALE"), ({**right, "b": "0"}, "E_MISSING_OUTPUT")):
        with pytest.raises(IntegrityError) as caught:
            store.verify(tmp_path, hashes)
        assert caught.value.code == code
