"""Lists of what is held, for files of several kinds."""

import gzip
from pathlib import Path

import pytest

import etl_inputs as given
from evalkit.errors import DataError
from evalkit.etl.holdings import listed
from evalkit.etl.source import read_source
from evalkit.etl.vintages import imported
from evalkit.model.study import Study


def study(**firms: object) -> Study:
    data = given.study_dict()
    data["sources"]["firms"] |= firms
    return given.study(data)


def held(study: Study, root: Path) -> list[dict]:
    return next(s for s in listed(study, root) if s["source"] == "firms")["held"]


def test_a_packed_file_is_kept_packed_and_counted(tmp_path: Path) -> None:
    root = given.write(tmp_path, given.tables())
    (root / "firms_2021.csv.gz").write_bytes(gzip.compress((root / "firms.csv").read_bytes(), mtime=0))
    packed = study(path="firms_2021.csv.gz", archive="register")
    imported(packed, root)
    (one,) = held(packed, root)
    assert one["path"] == f"vintages/register/{one['sha256']}.csv.gz"
    assert (one["vintage"], one["rows"], one["is_archived"]) == ("2021", len(given.FIRMS), True)
    again = packed.sources.firms.model_copy(update={"path": one["path"]})
    assert read_source("firms", again, root).n_rows == len(given.FIRMS)


def test_a_file_that_changed_since_is_listed_beside_its_vintage(tmp_path: Path) -> None:
    root = given.write(tmp_path, given.tables())
    asked = study(path="firms.csv", archive="register", vintage="2021")
    imported(asked, root)
    text = (root / "firms.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (root / "firms.csv").write_text("".join(text[:-1]), encoding="utf-8")
    assert [(one["is_archived"], one["rows"]) for one in held(asked, root)] == [(True, 12), (False, 11)]


def test_a_database_is_not_asked(tmp_path: Path) -> None:
    root = given.write(tmp_path, given.tables())
    assert held(study(path="postgresql:NOWHERE", table="a.b", archive="register"), root) == []


def test_a_path_that_leaves_the_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        held(study(path="../firms.csv"), given.write(tmp_path, given.tables()))
    assert caught.value.code == "E_PATH"
