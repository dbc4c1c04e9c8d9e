"""A sealed build: nothing of a firm-year after the baseline is read but firm and year."""

import copy

import pytest

import etl_inputs as given
from evalkit.errors import DesignError
from evalkit.etl.build import build_panel

BASELINE = 2019
"""The year before the first award (fiscal 2020)."""


def poisoned(tables: given.Tables) -> given.Tables:
    """Put texts that are no values into every cell of firm-years after the baseline but firm and year."""
    spoiled = copy.deepcopy(tables)
    for row in spoiled["firm_years"]:
        if int(row["年度"]) > BASELINE:
            row.update(dict.fromkeys(("売上高", "employees", "margin"), "POISON"))
    return spoiled


@pytest.mark.parametrize("suffix", ["csv", "parquet", "xlsx"])
def test_poison_after_the_baseline_changes_nothing(tmp_path, suffix):
    tables, panels = given.tables(), []
    for name, rows in (("a", tables), ("b", poisoned(tables))):
        folder = tmp_path / name
        folder.mkdir()
        given.write(folder, rows, suffix)
        panels.append(build_panel(given.study(given.study_dict(suffix)), folder, is_sealed=True))
    assert panels[0].to_frame().equals(panels[1].to_frame())
    assert panels[0].flow == panels[1].flow


@pytest.mark.parametrize("column", ["firm_scheme", "row_key"])
def test_what_tells_the_row_is_left(tmp_path, column):
    tables, study = poisoned(given.tables()), given.study_dict()
    values = {"firm_scheme": "corporate_number", "row_key": "1"}
    for row in tables["firm_years"]:
        row[column] = values[column]
    if column == "firm_scheme":
        study["sources"]["firm_years"]["firm_scheme"] = "by_row"
    given.write(tmp_path, tables)
    panel = build_panel(given.study(study), tmp_path, is_sealed=True)
    assert panel.n_firms == len(given.FIRMS)
    (step,) = [s for s in panel.flow.steps if s.step == "read firm-years"]
    assert step.quarantined == 0


def test_what_is_left_is_what_an_open_build_has(tmp_path):
    given.write(tmp_path, given.tables())
    closed, opened = (build_panel(given.study(), tmp_path, is_sealed=s).to_frame() for s in (True, False))
    later = [f"sales@{year}" for year in given.YEARS if year > BASELINE]
    assert closed[later].isna().all(axis=None)
    assert opened[later].notna().all(axis=None)
    assert closed.drop(columns=later).equals(opened.drop(columns=later))


def test_without_an_award_everything_but_the_first_year_is_sealed(tmp_path):
    tables = given.tables()
    for row in tables["awards"]:
        row["交付決定日"] = "someday"
    given.write(tmp_path, poisoned(tables))
    with pytest.raises(DesignError, match="E_NO_TREATED"):
        build_panel(given.study(), tmp_path, is_sealed=True)


def test_a_population_with_a_later_baseline_is_refused_with_the_period_to_declare(tmp_path):
    tables = given.tables()
    for row, i in zip(tables["firms"], given.FIRMS, strict=True):
        row["industry"] = "鉱業" if given.COHORTS.get(i) == 2020 else row["industry"]
    given.write(tmp_path, tables)
    where = {"where": [{"column": "industry", "in": ["製造業", "小売業"]}]}
    with pytest.raises(DesignError, match="E_BASELINE") as refused:
        build_panel(given.study({**given.study_dict(), "population": where}), tmp_path, is_sealed=True)
    assert refused.value.hint == "declare covariates.period = 2020"
