"""Layouts are data: listed, complete, and bound to one source."""

import pytest

from evalkit.errors import DataError, StudyError, UnknownNameError
from evalkit.etl import layouts
from evalkit.etl.reading.header_finder import plain_header
from evalkit.model.study import Source

SHIPPED = [
    "deflators",
    "edinet-codes",
    "edinet-csv",
    "estat-csv",
    "estat-json",
    "eu-tam",
    "gbizinfo-basic",
    "gbizinfo-basic-imi",
    "gbizinfo-finance",
    "gbizinfo-rest-finance",
    "gbizinfo-rest-v1-subsidy",
    "gbizinfo-rest-v2-subsidy",
    "gbizinfo-subsidy",
    "gbizinfo-subsidy-imi",
    "gbizinfo-workplaces",
    "generic-awards",
    "generic-firm-years",
    "generic-firms",
    "generic-mergers",
    "grant-decisions",
    "jgrants-calls",
    "nta-corporate-number",
    "uk-subsidy",
    "us-sbir",
    "usaspending-assistance",
]


def test_the_layouts_that_are_shipped():
    assert layouts.names() == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_every_layout_loads_and_says_what_it_is(name):
    layout = layouts.load(name)
    known = [f.name for f in layout.known]
    assert layout.about
    assert layout.name == name
    assert any(f.required for f in layout.fields)
    assert len(known) == len(set(known))
    assert set(layout.any_of) | set(layout.unit_columns) <= set(known)
    assert {c for columns in layout.coalesce.values() for c in columns} <= set(known)
    assert set(layout.defaults) <= set(Source.model_fields)
    if layout.role in ("awards", "firms", "firm_years", "mergers"):
        assert next(f.name for f in layout.fields if f.required) == "firm_id"


@pytest.mark.parametrize("name", SHIPPED)
def test_no_header_stands_for_two_columns(name):
    aliases = [plain_header(text) for f in layouts.load(name).known for text in {f.name, *f.aliases}]
    assert len(aliases) == len(set(aliases))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('role = "awards"\nabout = ""\n[columns.x]\ntype = "number"\ncolour = 1\n', "E_LAYOUT"),
        ('role = "awards"\nabout = ""\n[columns.x]\ntype = "money"\n', "E_LAYOUT"),
        ('role = "award"\nabout = ""\n[columns.x]\ntype = "number"\n', "E_LAYOUT"),
        ('role = "awards"\nabout = ""\n', "E_LAYOUT"),
        ("role = awards", "E_LAYOUT"),
        ('role = "firms"\nabout = ""\n[columns.x]\ntype = "number"\n', "E_LAYOUT_ROLE"),
    ],
)
def test_a_study_s_own_layout_is_checked(tmp_path, text, code):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(StudyError) as error:
        layouts.load("mine.toml", "awards", tmp_path)
    assert error.value.code == code


def test_a_study_s_own_layout_lies_below_its_root(tmp_path):
    with pytest.raises(DataError) as error:
        layouts.load("../mine.toml", "awards", tmp_path)
    assert error.value.code == "E_PATH"


def test_unknown_names_have_a_hint():
    with pytest.raises(UnknownNameError) as error:
        layouts.load("generic-award")
    assert "generic-awards" in error.value.hint


def test_a_layout_stands_for_one_source():
    with pytest.raises(StudyError) as error:
        layouts.load("generic-awards", "firms")
    assert error.value.code == "E_LAYOUT_ROLE"
