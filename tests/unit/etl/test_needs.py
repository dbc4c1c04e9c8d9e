"""Which source a column comes from, and as what."""

import types

import etl_inputs as given
from evalkit.etl.needs import Need, needs

FIRMS = types.SimpleNamespace(has=lambda column: column in ("industry", "employees"))


def asked(**changes):
    return given.study({**given.study_dict(), **changes})


def test_firm_records_come_first_and_growth_needs_firm_years():
    found, errors = needs(
        asked(covariates={"baseline": ["log_employees", "employees_growth", "industry", "margin"]}), FIRMS
    )
    assert not errors
    assert found == [
        Need("firm_years", "sales", "number"),
        Need("firms", "employees", "number"),
        Need("firm_years", "employees", "number"),
        Need("firms", "industry", "infer"),
        Need("firm_years", "margin", "infer"),
    ]


def test_declared_types_are_taken():
    data = given.study_dict()
    data["sources"]["firms"]["types"] = {"industry": "number"}
    data["covariates"]["baseline"] = ["industry"]
    assert Need("firms", "industry", "number") in needs(given.study(data), FIRMS)[0]


def test_conditions_need_numbers_for_bounds_and_categories_for_lists():
    where = [{"column": "size", "in": ["1", "2"]}, {"column": "margin", "at": "baseline", "in": ["a"], "max": 3}]
    found, _ = needs(asked(population={"where": where}, covariates={}), FIRMS)
    assert found[1:] == [
        Need("firms", "size", "category"), Need("firm_years", "margin", "category"),
        Need("firm_years", "margin", "number"),
    ]  # fmt: skip


def test_impossible_conditions_are_all_named():
    where = [{"column": "size", "in": ["1"]}, {"column": "margin", "at": "baseline"}]
    _, errors = needs(asked(population={"where": where}, covariates={}), None)
    assert [(e.code, e.where) for e in errors] == [
        ("E_COLUMN", "population.where[1]"),
        ("E_SPEC_VALUE", "population.where[2]"),
    ]
