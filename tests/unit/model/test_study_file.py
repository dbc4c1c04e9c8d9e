"""A study file is checked whole: every problem at once, with its place and the nearest known name."""

import tomllib
from pathlib import Path

import pytest

import small_study
from evalkit import load_study, methods
from evalkit.errors import EvalkitError, ManyErrors, StudyError, each
from evalkit.model.study import Study
from evalkit.model.study_file import study_from, study_hash


def problems(text: str) -> list[EvalkitError]:
    with pytest.raises((StudyError, ManyErrors)) as caught:
        study_from(tomllib.loads(text), methods.problems)
    return each(caught.value)


def changed(old: str, new: str) -> str:
    assert old in small_study.STUDY
    return small_study.STUDY.replace(old, new)


def test_a_valid_study() -> None:
    study = study_from(tomllib.loads(small_study.STUDY), methods.problems)
    assert isinstance(study, Study)
    assert study.primary.name == "sales"
    assert study.period.labels == tuple(range(2013, 2020))
    assert study.estimate[0].method == "group_time"
    assert [(c.name, c.column, c.transform) for c in study.baseline] == [("industry", "industry", "level")]


@pytest.mark.parametrize(
    ("old", "new", "where", "code", "words"),
    [
        ("[report]", "[reprt]", "reprt", "E_SPEC_UNKNOWN", "did you mean 'report'?"),
        ("primary = true", "primry = true", "outcome[1].primry", "E_SPEC_UNKNOWN", "did you mean 'primary'?"),
        ('layout = "generic-firms"\n', "", "sources.firms.layout", "E_SPEC_MISSING", ""),
        ("seed = 7", 'seed = "7"', "seed", "E_SPEC_VALUE", ""),
        ("last = 2019", "last = 2013", "period", "E_SPEC_VALUE", "last must come after first"),
        ('id = "small"', 'id = "../small"', "id", "E_SPEC_VALUE", ""),
        ('"group_time"', '"group_tme"', "estimate[1]", "E_UNKNOWN_NAME", "did you mean 'group_time'?"),
        ('"pretrends"', '"pretrends"\nalpa = 0.1', "check[1].alpa", "E_UNKNOWN_NAME", "did you mean 'alpha'?"),
    ],
)
def test_one_problem(old: str, new: str, where: str, code: str, words: str) -> None:
    (found,) = problems(changed(old, new))
    assert (found.where, found.code) == (where, code)
    assert words in str(found)


def test_several_problems_come_together_without_the_values() -> None:
    text = changed("seed = 7", 'seed = "secret"').replace("[report]", "[reprt]").replace('"group_time"', '"group_tme"')
    found = problems(text)
    assert {e.where for e in found} == {"seed", "reprt", "estimate[1]"}
    assert "secret" not in str(found)


def test_two_outcomes_of_one_name() -> None:
    twice = small_study.STUDY + '\n[[outcome]]\nname = "sales"\n'
    assert "same name" in problems(twice)[0].problem


def test_no_outcome() -> None:
    data = {**tomllib.loads(small_study.STUDY), "outcome": []}
    with pytest.raises(StudyError, match="at least one outcome"):
        study_from(data, methods.problems)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"format = 1\nformat = 1", "E_SPEC_DUP"),
        (b"x = [" * 5, "E_SPEC_SYNTAX"),
        ("題 = 1".encode("cp932"), "E_ENCODING"),
        (b"#" * (1 << 21), "E_SPEC_SIZE"),
        (b"x = " + b"[" * 100_000, "E_SPEC_SIZE"),
        (b"format = 2", "E_FORMAT_VERSION"),
    ],
)
def test_files_that_are_no_study(content: bytes, code: str, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(content)
    with pytest.raises(StudyError) as caught:
        load_study(path)
    assert caught.value.code == code


def test_a_missing_file_says_how_to_start(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no such study file") as caught:
        load_study(tmp_path / "study.toml")
    assert "evalkit init" in caught.value.hint


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(b"\xef\xbb\xbf" + small_study.STUDY.encode())
    assert load_study(path).id == "small"


def test_the_hash_depends_on_what_is_asked_only() -> None:
    one, same, other = (
        study_from(tomllib.loads(text), methods.problems)
        for text in (small_study.STUDY, "# remark\n" + small_study.STUDY, changed("seed = 7", "seed = 8"))
    )
    assert study_hash(one) == study_hash(same) != study_hash(other)
