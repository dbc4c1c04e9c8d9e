"""First awards from award rows, against a loop in plain Python."""

import random

import pyarrow as pa
import pytest

import etl_inputs as given
from evalkit.errors import DataError
from evalkit.etl.awards.first_awards import first_awards
from evalkit.etl.conform import conform
from evalkit.etl.needs import fields
from evalkit.etl.source import read_source

KNOWN = pa.array(sorted(given.number(i) for i in given.FIRMS))


def run(folder, rows, **treatment):
    """Return what `first_awards` makes of award rows."""
    data = given.study_dict()
    data["treatment"] = treatment
    study = given.study(data)
    given.write(folder, {"awards": rows})
    source = read_source("awards", study.sources.awards, folder)
    found = first_awards(conform(source, fields(source, [], study)), study, KNOWN)
    return found.awards, found.cohorts, found.flow


def row(i, year, programme="P1", **more):
    return {
        "法人番号": given.number(i),
        "programme": programme,
        "交付決定日": f"{year}-04-01",
        "交付決定額": "1",
        **more,
    }


def test_the_earliest_in_scope_as_a_loop_finds_it(tmp_path):
    order = random.Random(3)
    events = [(order.randrange(12), order.randrange(2015, 2024), order.choice(["P1", "P2", "P3"])) for _ in range(80)]
    earliest = {}
    for i, year, programme in events:
        if programme != "P3":
            earliest[given.number(i)] = min(year, earliest.get(given.number(i), 9999))
    _, cohorts, flow = run(tmp_path, [row(*e) for e in events], programme=["P1", "Ｐ2"])
    assert dict(zip(*cohorts.to_pydict().values(), strict=True)) == earliest
    assert {s.step: s.kept for s in flow.steps}["distinct awards"] == len(set(events))


def test_a_fiscal_year_column_fills_in_for_dates(tmp_path):
    rows = [row(0, 2020, fiscal_year="2011"), {**row(1, 2020, fiscal_year="令和3年度"), "交付決定日": ""}]
    _, cohorts, _ = run(tmp_path, rows)
    assert sorted(cohorts["cohort"].to_pylist()) == [2020, 2021]


@pytest.mark.parametrize(
    ("n_unknown", "note"), [(0, "100.0% linked"), (1, "90.0% linked"), (2, "80.0% linked, which is low")]
)
def test_the_link_rate_is_noted(tmp_path, n_unknown, note):
    rows = [row(i if i >= n_unknown else 50 + i, 2020) for i in range(10)]
    awards, _, flow = run(tmp_path, rows)
    assert flow.steps[-2].reason == f"no such firm in the firm data; {note}"
    assert awards.rejected["rule"].to_pylist() == ["E_UNLINKED"] * n_unknown


def test_too_few_links_are_refused(tmp_path):
    with pytest.raises(DataError, match="only 60%") as error:
        run(tmp_path, [row(i if i > 3 else 50 + i, 2020) for i in range(10)])
    assert error.value.code == "E_LINK_RATE"


def test_awards_without_id_never_conflict(tmp_path):
    rows = [
        row(0, 2020, award_id=""),
        row(1, 2021, award_id=""),
        row(2, 2021, award_id="7"),
        row(3, 2021, award_id="7"),
    ]
    awards, cohorts, _ = run(tmp_path, rows)
    assert awards.rejected["rule"].to_pylist() == ["E_KEY_CONFLICT"] * 2
    assert len(cohorts) == 2
