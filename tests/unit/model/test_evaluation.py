"""Names, numbers and rows of an evaluation."""

import tomllib

import small_study
from evalkit.model.evaluation import Number, Release, Row, distinct_names
from evalkit.model.grade import Grade
from evalkit.model.study import Study


def test_equal_methods_are_told_apart() -> None:
    assert distinct_names(["a", "b", "a", "a"]) == ["a", "b", "a-2", "a-3"]
    assert distinct_names([]) == []


def test_a_release_gives_values_and_counts_what_is_hidden() -> None:
    study = Study.model_validate(tomllib.loads(small_study.STUDY))
    numbers = {"x": Number("x", 1.5, "percent"), "y": Number("y", None, "count"), "z": Number("z", "text", "text")}
    release = Release(study, numbers, {}, {}, {}, Grade(3, 3, 5, ()))
    row = Row({}, {"known": "x", "hidden": "y", "words": "z"})
    values = {q: release.value(row, q) for q in ("known", "hidden", "words", "absent")}
    assert values == {"known": 1.5, "hidden": None, "words": None, "absent": None}
    assert release.hidden == 1
    assert list(release.to_frame()["id"]) == ["x", "y", "z"]
    assert "3 numbers, 1 hidden" in release._repr_html_()
