"""Input files are found below the root and nowhere else."""

import pytest

from evalkit.errors import DataError
from evalkit.etl.paths import input_files


@pytest.fixture
def root(tmp_path):
    """Folder with two files and a folder."""
    (tmp_path / "data").mkdir()
    for name in ("sales_2020.csv", "sales_2019.csv", "a[1].csv"):
        (tmp_path / "data" / name).write_text("x")
    return tmp_path


def names(pattern, root):
    return [p.name for p in input_files(pattern, root, "here")]


def test_files_and_globs(root):
    assert names("data/sales_2020.csv", root) == ["sales_2020.csv"]
    assert names("data/sales_*.csv", root) == ["sales_2019.csv", "sales_2020.csv"]
    assert names("**/sales_20?9.csv", root) == ["sales_2019.csv"]


def test_a_file_with_brackets_in_its_name_is_that_file(root):
    assert names("data/a[1].csv", root) == ["a[1].csv"]


def test_a_link_inside_the_root_is_followed(root):
    (root / "link.csv").symlink_to(root / "data" / "sales_2019.csv")
    assert names("link.csv", root) == ["link.csv"]


@pytest.mark.parametrize(
    ("pattern", "code", "hint"),
    [
        ("data/sales_202.csv", "E_NO_FILE", "did you mean 'sales_2020.csv'?"),
        ("date/sales_2020.csv", "E_NO_FILE", "the folder does not exist"),
        ("data/none_*.csv", "E_NO_FILE", "check the path"),
        ("data", "E_PATH", ""),
        ("d*", "E_PATH", ""),
        ("file:data/sales_2020.csv", "E_PATH", ""),
        ("data/../data/sales_2020.csv", "E_PATH", ""),
    ],
)
def test_refused(root, pattern, code, hint):
    with pytest.raises(DataError) as error:
        names(pattern, root)
    assert (error.value.code, error.value.hint, error.value.where) == (code, hint, "here")
    assert str(root) not in str(error.value)
