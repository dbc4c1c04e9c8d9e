"""Every method says what it does, what its options mean and where it comes from, and has words in both languages."""

import dataclasses

import pytest

from evalkit import methods
from evalkit.reporting.words import words

MOST_OPTIONS = 8
"""That one class declares; options that several methods have stand in a class of their own."""
EVERY = [(kind, name) for kind in methods.KINDS for name in methods.names(kind)]


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_a_method_is_documented(kind: methods.Kind, name: str) -> None:
    found = methods.describe(kind, name)
    assert found.summary.endswith(".")
    assert found.reference
    assert [o.name for o in found.options if not o.text] == []
    assert [o.name for o in found.options if not o.type] == []
    cls = methods.method_class(kind, name)
    assert dataclasses.is_dataclass(cls)
    assert cls.__dataclass_params__.frozen
    assert {part.__name__ for part in cls.__mro__ if len(vars(part).get("__annotations__", ())) > MOST_OPTIONS} == set()


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_a_shipped_method_has_words(kind: str, name: str, language: str) -> None:
    """A method from elsewhere is described by its own docstring instead."""
    assert words(language).get(f"method.{kind}.{name}.title", "")
