"""A file is what its name says, or it is refused."""

import pytest

import etl_inputs as given
from evalkit.errors import DataError
from evalkit.etl.reading.read import read_file

SOURCE = given.study().sources.firms


@pytest.mark.parametrize(
    ("name", "content", "code", "found"),
    [
        ("f.csv", b"PAR1xxxx", "E_MAGIC", "parquet"),
        ("f.csv", b"\x1f\x8b\x08", "E_MAGIC", "gzip"),
        ("f.csv", b"%PDF-1.7", "E_MAGIC", "pdf"),
        ("f.csv", b"\xef\xbb\xbf\n <!DOCTYPE html>", "E_MAGIC", "html"),
        ("f.parquet", b"a,b\n1,2\n", "E_MAGIC", "text"),
        ("f.xlsx", b"a,b\n1,2\n", "E_MAGIC", "text"),
        ("f.sav", b"x", "E_FORMAT", ".sav"),
    ],
)
def test_refused(tmp_path, name, content, code, found):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=found) as error:
        read_file(tmp_path / name, name, SOURCE)
    assert error.value.code == code


def test_the_case_of_the_extension_does_not_matter(tmp_path):
    (tmp_path / "F.CSV").write_bytes(b"a,b\n1,2\n")
    assert read_file(tmp_path / "F.CSV", "F.CSV", SOURCE).n_rows == 1
