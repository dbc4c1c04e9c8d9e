"""CSV files for spreadsheets."""

import csv
import io

import pytest

import reports
from evalkit.model.flow import Flow, FlowStep
from evalkit.reporting.release import release
from evalkit.reporting.tables import csv_tables


def _read(text):
    assert text.startswith("\N{ZERO WIDTH NO-BREAK SPACE}")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"])
def test_text_that_a_spreadsheet_would_run_is_quoted(start):
    flow = Flow((FlowStep(f"{start}1+1", "rows", 100, 100),))
    made = release(reports.evaluation(flow=flow))
    assert _read(csv_tables(made)["flow"])[0]["step"] == f"'{start}1+1"


def test_numbers_keep_their_sign_and_hidden_ones_are_marked():
    asked = reports.study()
    made = release(reports.evaluation(effects=(reports.effects(asked, cohorts={2018: 40, 2019: 30, 2020: 5}),)))
    rows = _read(csv_tables(made)["effects"])
    overall = {r["outcome"]: r for r in rows if r["by"] == "overall"}
    assert float(overall["hours"]["level"]) == -2.0
    cohorts = {r["cohort"]: r for r in rows if r["by"] == "cohort" and r["outcome"] == "hours"}
    assert cohorts["2020"]["level"] == cohorts["2019"]["level"] == "[X]"
    assert float(cohorts["2018"]["level"]) == -2.0


def test_every_table_of_the_release_is_there():
    made = csv_tables(release(reports.evaluation()))
    assert set(made) == {"flow", "effects", "check-balance", "check-overlap", "check-pretrends"}
    assert all(len(_read(text)) > 0 for text in made.values())
