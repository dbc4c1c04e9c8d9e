"""Methods are found by module name, built from checked options and described by their own docstring."""

import sys
from pathlib import Path

import pytest

from evalkit import methods
from evalkit.errors import ManyErrors, StudyError, UnknownNameError

SOURCE = '''
import dataclasses
from typing import Literal

@dataclasses.dataclass(frozen=True)
class Method:
    """Do something.

    More about it.

    Parameters
    ----------
    kind : {"a", "b"}
        Which
        one.
    size : float
        How much.
    on : list of str
        Columns.
    limit : int, optional
        At most.

    Reference
    ---------
    Author (2000), section 1.
    """

    kind: Literal["a", "b"]
    size: float = 1.5
    on: tuple[str, ...] = ()
    limit: int | None = None
    quick: bool = False

    def __post_init__(self):
        if self.size < 0:
            raise ValueError("size must not be negative")
'''


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put a method called `trial` among the checks."""
    (tmp_path / "trial_method.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    known = methods._modules("checks")
    monkeypatch.setattr(methods, "_modules", lambda kind: {**known, "trial": "trial_method"})
    monkeypatch.delitem(sys.modules, "trial_method", raising=False)
    return "trial"


def test_names_are_sorted_and_nothing_is_imported() -> None:
    found = {kind: methods.names(kind) for kind in methods.KINDS}
    assert all(names == sorted(names) and names for names in found.values())
    assert {"exact", "nearest", "none"} <= set(found["matching"])
    assert {"event_study", "group_time"} <= set(found["estimation"])
    assert {"balance", "overlap", "pretrends"} <= set(found["checks"])


def test_build_gives_the_method_with_its_options(trial: str) -> None:
    built = methods.build("checks", trial, {"kind": "a", "size": 2, "on": ["x", "y"], "limit": 3})
    assert (built.kind, built.size, built.on, built.limit) == ("a", 2.0, ("x", "y"), 3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "c"}, 'option \'kind\' must be "a" or "b"'),
        ({"kind": "a", "size": "2"}, "option 'size' must be a number"),
        ({"kind": "a", "on": [1]}, "option 'on' must be a list of text"),
        ({"kind": "a", "limit": 1.5}, "option 'limit' must be a whole number"),
        ({"kind": "a", "size": -1.0}, "size must not be negative"),
        ({"kind": "a", "quick": "yes"}, "option 'quick' must be true or false"),
    ],
)
def test_wrong_options_are_refused(trial: str, options: dict[str, object], words: str) -> None:
    with pytest.raises(StudyError) as caught:
        methods.build("checks", trial, options, where="check[1]")
    assert caught.value.code == "E_OPTION"
    assert words in str(caught.value)
    assert "check[1]" in caught.value.where


def test_a_required_option_must_be_given(trial: str) -> None:
    with pytest.raises(StudyError, match="kind"):
        methods.build("checks", trial, {})


def test_an_unknown_option_names_the_nearest(trial: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        methods.build("checks", trial, {"knd": "a"})
    assert "did you mean 'kind'?" in caught.value.hint


def test_all_problems_come_together(trial: str) -> None:
    found = methods.problems("checks", trial, {"knd": "a", "size": "x"}, "check[1]")
    assert [e.where for e in found] == ["check[1].knd", "check[1].size"]
    with pytest.raises(ManyErrors):
        methods.build("checks", trial, {"knd": "a", "size": "x"})


def test_an_unknown_method_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as caught:
        methods.build("estimation", "group_tim")
    assert "did you mean 'group_time'?" in caught.value.hint
    assert methods.problems("estimation", "group_tim", {})[0].code == "E_UNKNOWN_NAME"


def test_a_description_is_read_from_the_method(trial: str) -> None:
    found = methods.describe("checks", trial)
    assert (found.kind, found.name, found.summary) == ("checks", "trial", "Do something.")
    assert found.text == "Do something.\n\nMore about it."
    assert found.reference == "Author (2000), section 1."
    assert found.options[0] == methods.Option("kind", '"a" or "b"', "required", "Which one.")
    assert [(o.name, o.type, o.default) for o in found.options[1:4]] == [
        ("size", "a number", "1.5"), ("on", "a list of text", "()"), ("limit", "a whole number", ""),
    ]  # fmt: skip
