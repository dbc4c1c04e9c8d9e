"""Archives: what is inside, and what is too much."""

import gzip
import zipfile

import pytest

from evalkit.errors import DataError
from evalkit.etl.reading.archives import Limits, unpack


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_tables_in_order_of_names_and_nothing_outside_the_folder(tmp_path, out):
    members = {"b.csv": b"b", "../../a.csv": b"a", "note.asc": b"x", "__MACOSX/b.csv": b"x", "d/": b""}
    found = unpack(write_zip(tmp_path / "s.zip", members), "s.zip", out)
    assert [(p.read_bytes(), name) for p, name in found] == [(b"a", "s.zip/../../a.csv"), (b"b", "s.zip/b.csv")]
    assert sorted(p.parent for p, _ in found) == [out, out]


def test_two_archives_do_not_overwrite_each_other(tmp_path, out):
    for name in ("1", "2"):
        (tmp_path / f"{name}.csv.gz").write_bytes(gzip.compress(name.encode()))
        write_zip(tmp_path / f"{name}.zip", {"x.csv": name})
    found = [f for n in ("1.csv.gz", "2.csv.gz", "1.zip", "2.zip") for f in unpack(tmp_path / n, n, out)]
    assert [p.read_text() for p, _ in found] == ["1", "2", "1", "2"]
    assert found[0][1] == "1.csv.gz/1.csv"


@pytest.mark.parametrize("limits", [Limits(ratio=5), Limits(unpacked=999), Limits(members=1)])
def test_too_much_by_the_directory(tmp_path, out, limits):
    path = write_zip(tmp_path / "s.zip", {"a.csv": b" " * 5_000, "b.csv": b""})
    with pytest.raises(DataError) as error:
        unpack(path, "s.zip", out, limits)
    assert error.value.code == "E_ARCHIVE_LIMIT"


def test_too_much_by_count_where_the_directory_lies(tmp_path, out, monkeypatch):
    path = write_zip(tmp_path / "s.zip", {"a.csv": b" " * 5_000_000})
    monkeypatch.setattr(
        "evalkit.etl.reading.archives.check_zip", lambda path, file, limits: zipfile.ZipFile(path).infolist()
    )
    with pytest.raises(DataError) as error:
        unpack(path, "s.zip", out)
    assert error.value.code == "E_ARCHIVE_LIMIT"


def test_a_gzip_bomb_is_stopped_while_it_is_unpacked(tmp_path, out):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(bytes(20_000_000)))
    with pytest.raises(DataError) as error:
        unpack(tmp_path / "a.csv.gz", "a.csv.gz", out)
    assert error.value.code == "E_ARCHIVE_LIMIT"
    assert sum(p.stat().st_size for p in out.iterdir()) < 20_000_000


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.zip", b"PK\x03\x04 broken", "E_ARCHIVE"),
        ("a.csv.gz", b"\x1f\x8b broken", "E_ARCHIVE"),
        ("a.csv.gz", gzip.compress(b"x" * 1000, mtime=0)[:-9], "E_ARCHIVE"),
    ],
)
def test_damaged(tmp_path, out, name, data, code):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError) as error:
        unpack(tmp_path / name, name, out)
    assert error.value.code == code


def test_no_table_inside(tmp_path, out):
    with pytest.raises(DataError) as error:
        unpack(write_zip(tmp_path / "s.zip", {"a.exe": b"x"}), "s.zip", out)
    assert error.value.code == "E_NO_FILE"


def test_a_password(tmp_path, out):
    path = write_zip(tmp_path / "s.zip", {"a.csv": b"x"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(DataError) as error:
        unpack(path, "s.zip", out)
    assert error.value.code == "E_ENCRYPTED"
