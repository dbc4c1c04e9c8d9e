"""Errors say where, what, and what to do; exit codes are fixed."""

import pytest

from evalkit import errors
from evalkit.errors import DataError, EvalkitError, ManyErrors, StudyError, did_you_mean, each, raise_all

EXIT_CODES = {
    "EvalkitError": 1, "StudyError": 2, "UnknownNameError": 2, "MissingExtraError": 2, "DataError": 3,
    "DesignError": 4, "EstimationError": 4, "DisclosureError": 5, "BusyError": 6, "ResourceError": 7,
    "IntegrityError": 8,
}  # fmt: skip


def test_exit_codes_are_fixed() -> None:
    classes = {n: c for n, c in vars(errors).items() if isinstance(c, type) and issubclass(c, EvalkitError)}
    assert {name: cls.exit_code for name, cls in classes.items()} == EXIT_CODES
    assert len({cls.code for cls in classes.values()}) == len(classes)


def test_an_error_prints_where_what_code_and_hint() -> None:
    assert str(DataError("bad", where="a.csv", hint="mend", code="E_X")) == "a.csv: bad [E_X]\n  Hint: mend"
    assert str(DataError("bad")) == "bad [E_DATA]"


def test_an_error_as_a_record() -> None:
    assert DataError("bad", where="a").to_dict() == {
        "code": "E_DATA", "exit_code": 3, "where": "a", "problem": "bad", "hint": "",
    }  # fmt: skip


def test_raise_all() -> None:
    one, two = StudyError("one"), DataError("two")
    assert raise_all([], "none") is None
    with pytest.raises(StudyError) as single:
        raise_all([one], "one")
    assert single.value is one
    with pytest.raises(ManyErrors, match="both: 2 problems") as several:
        raise_all([one, two], "both")
    assert several.value.exit_code == 2
    assert each(several.value) == [one, two]


def test_each_opens_nested_groups_in_order() -> None:
    one, two, three = StudyError("1"), StudyError("2"), StudyError("3")
    assert each(ManyErrors("outer", [one, ManyErrors("inner", [two]), three])) == [one, two, three]
    assert each(one) == [one]


@pytest.mark.parametrize(
    ("name", "known", "words"),
    [
        ("sale", ["sales", "profit"], "did you mean 'sales'?"),
        ("zzz", ["b", "a"], "known names: a, b"),
        ("x", [], "no names are known here"),
    ],
)
def test_did_you_mean(name: str, known: list[str], words: str) -> None:
    assert did_you_mean(name, known) == words
