"""The specification curve in short: its numbers, and that paper has no more than them."""

import dataclasses

import pandas as pd
import pytest

import evalkit as ek
import reports
import written_reports
from evalkit.reporting.points import released_rows
from evalkit.reporting.release import release
from evalkit.reporting.render import write_report

CURVE = "checks/specification_curve"
FORMATS = ["html", "pdf", "docx", "xlsx", "md"]


def told(curve=None, **changes):
    checks = (*reports.checks(), curve or reports.specification_curve())
    return release(reports.evaluation(study=reports.study(**changes), checks=checks))


@pytest.fixture(scope="module")
def released():
    return told(report={"formats": FORMATS, "languages": ["en"]})


@pytest.fixture(scope="module")
def folder(released, tmp_path_factory):
    path = tmp_path_factory.mktemp("release")
    write_report(released, path)
    return path


def test_each_choice_has_the_numbers_that_pandas_finds(released):
    rows = pd.DataFrame(released_rows(released, CURVE))
    rows["clear"] = (rows["conf_low"] > 0) | (rows["conf_high"] < 0)
    found = released_rows(released, f"{CURVE}/choices")
    varied = {"method": 2, "against": 2, "without": 3}
    assert [row["choice"] for row in found] == ["all", *(c for c, n in varied.items() for _ in range(n))]
    for row in found:
        own = rows if row["choice"] == "all" else rows[rows[row["choice"]] == row["value"]]
        assert row["n_specifications"] == len(own)
        assert row["percent_median"] == pytest.approx(own["estimate"].median())
        assert (row["percent_lowest"], row["percent_highest"]) == (own["estimate"].min(), own["estimate"].max())
        assert row["share_significant"] == pytest.approx(own["clear"].mean())


def test_hidden_specifications_do_not_enter():
    """The first row is the largest effect of all: without it the largest is the second."""
    curve = reports.specification_curve()
    small = dataclasses.replace(curve, rows=({**curve.rows[0], "n_treated": 3}, *curve.rows[1:]))
    found = told(small)
    assert released_rows(found, CURVE)[0]["estimate"] is None
    whole = released_rows(found, f"{CURVE}/choices")[0]
    assert (whole["n_specifications"], whole["percent_highest"]) == (11, 4.0)


def test_paper_has_the_summary_and_screens_have_every_specification(released, folder):
    def hashes(table):
        return {written_reports.hash_of(i) for row in released.tables[table] for i in row.numbers.values()}

    word = {number for number, _ in written_reports.word_text(folder / "report.en.docx").numbers}
    assert hashes(f"{CURVE}/choices") <= word
    assert not hashes(CURVE) & word
    every = {i for row in released.tables[CURVE] for i in row.numbers.values()}
    assert every <= {number for number, *_ in written_reports.Sheets(folder / "report.en.xlsx").numbers()}
    assert every <= {number for number, _ in reports.Page((folder / "report.en.html").read_text("utf-8")).numbers}
    assert len((folder / "tables" / "check-specification_curve.csv").read_text("utf-8").splitlines()) == 1 + 12


def test_notebooks_show_the_summary_too(released):
    html = ek.tables.released(released, f"{CURVE}/choices").as_raw_html()
    assert all(i in html for row in released.tables[f"{CURVE}/choices"] for i in row.numbers.values())
