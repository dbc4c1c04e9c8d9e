"""Layouts are data: listed, complete, and bound to one source."""

import pytest

from evalkit.errors import StudyError, UnknownNameError
from evalkit.etl import layouts


def test_every_layout_loads_and_says_what_it_is():
    assert layouts.names() == ["generic-awards", "generic-firm-years", "generic-firms"]
    for name in layouts.names():
        layout = layouts.load(name)
        assert layout.about
        assert layout.name == name
        assert next(f.name for f in layout.fields if f.required) == "firm_id"
        assert set(layout.any_of) <= {f.name for f in layout.fields}


def test_unknown_names_have_a_hint():
    with pytest.raises(UnknownNameError) as error:
        layouts.load("generic-award")
    assert "generic-awards" in error.value.hint


def test_a_layout_stands_for_one_source():
    with pytest.raises(StudyError) as error:
        layouts.load("generic-awards", "firms")
    assert error.value.code == "E_LAYOUT_ROLE"
