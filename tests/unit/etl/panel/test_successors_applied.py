"""Awards and firm-years of absorbed firms, against merging the input files by hand."""

import pyarrow as pa
import pytest

import etl_inputs as given
from evalkit.errors import DataError, EvalkitError, each
from evalkit.etl.build import build_panel
from evalkit.etl.panel.successors_applied import Successors

FOLLOW = {"successors": "follow", "firm_years": "sum"}


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    return root


def build(folder, data, how, **sources):
    given.write(folder, data)
    asked = given.study_dict()
    asked["sources"] |= sources
    asked["sources"]["firm_years"]["unit"] |= {"employees": "one"}
    asked["firms"] = how
    return build_panel(given.study(asked), folder)


def with_successors(chain):
    data = given.tables()
    for i, row in enumerate(data["firms"]):
        row["successor_id"] = given.number(chain[i]) if i in chain else ""
    return data


def merged_by_hand(chain):
    """Return the tables after each firm of a chain without forks was replaced by its end."""
    end = {given.number(i): given.number(chain.get(chain[i], chain[i])) for i in chain}
    data = given.tables()
    data["firms"] = [{**r, "successor_id": ""} for r in data["firms"] if r["法人番号"] not in end]
    for row in data["awards"]:
        row["法人番号"] = end.get(row["法人番号"], row["法人番号"])
    cells = {}
    for row in sorted(data["firm_years"], key=lambda r: r["法人番号"] in end):
        key = end.get(row["法人番号"], row["法人番号"]), row["年度"]
        if key not in cells:
            cells[key] = {**row, "法人番号": key[0]}
            continue
        for name in ("売上高", "employees"):
            cells[key][name] = str(int(cells[key][name]) + int(row[name]))
    data["firm_years"] = list(cells.values())
    return data


def test_firm_years_of_absorbed_firms_are_added_to_their_successor(folder):
    chain = {0: 6, 6: 7, 9: 10}
    panel = build(folder, with_successors(chain), FOLLOW)
    expected = build(folder, merged_by_hand(chain), FOLLOW)
    assert panel.source.equals(expected.source)
    steps = {s.step: s for s in panel.flow.steps}
    assert (steps["combined firm-years"].n_in, steps["combined firm-years"].kept) == (60, 45)
    assert steps["successors"].reason == "awards of absorbed firms: 1"
    for s in panel.flow.steps:
        assert s.n_in == s.kept + s.quarantined + s.collapsed


def test_the_order_of_rows_does_not_matter(folder):
    data = with_successors({0: 6, 6: 7})
    panel = build(folder, data, FOLLOW)
    again = build(folder, {name: rows[::-1] for name, rows in data.items()}, FOLLOW)
    assert again.source.equals(panel.source)
    assert again.flow == panel.flow


def test_mergers_may_be_a_source_of_their_own(folder):
    chain = {0: 6, 6: 7}
    expected = build(folder, with_successors(chain), FOLLOW)
    rows = [{"firm_id": given.number(i), "successor_id": given.number(j)} for i, j in chain.items()]
    rows += [rows[0], {"firm_id": given.number(3), "successor_id": ""}]
    mergers = {"layout": "generic-mergers", "path": "mergers.csv"}
    panel = build(folder, {**given.tables(), "mergers": rows}, FOLLOW, mergers=mergers)
    assert panel.source.equals(expected.source)
    (step,) = [s for s in panel.flow.steps if s.step == "mergers"]
    assert (step.n_in, step.kept, step.quarantined, step.collapsed) == (4, 2, 1, 1)


def test_absorbed_firms_may_be_unknown_to_the_firm_data(folder):
    data = {name: [r for r in rows if r["法人番号"] != given.number(0) or name == "awards"]
            for name, rows in given.tables().items()}  # fmt: skip
    data["mergers"] = [{"firm_id": given.number(0), "successor_id": given.number(7)}]
    mergers = {"layout": "generic-mergers", "path": "mergers.csv"}
    panel = build(folder, data, {"successors": "follow"}, mergers=mergers)
    assert panel.to_frame().set_index("firm_id")["cohort"][given.number(7)] == given.COHORTS[0]


def test_mergers_that_cannot_be_read_are_set_aside_and_have_the_limit_of_any_source(folder):
    rows = [{"firm_id": given.number(0), "successor_id": "2835678256246"}]
    given.write(folder, {**given.tables(), "mergers": rows})
    asked = given.study_dict()
    asked["sources"]["mergers"] = {"layout": "generic-mergers", "path": "mergers.csv"}
    asked["firms"] = {"successors": "follow"}
    panel = build_panel(given.study(asked), folder, folder.parent / "quarantine")
    (step,) = [s for s in panel.flow.steps if s.step == "read mergers"]
    assert (step.quarantined, step.reason) == (1, "E_CHECK_DIGIT: 1")
    assert (folder.parent / "quarantine" / "mergers.parquet").exists()
    asked["limits"] = {"quarantined_rows": 0.5}
    with pytest.raises(DataError) as caught:
        build_panel(given.study(asked), folder)
    assert (caught.value.code, caught.value.where) == ("E_QUARANTINE_LIMIT", "sources.mergers")


def test_the_first_of_two_awards_counts(folder):
    cohorts = {}
    for chain in ({0: 2}, {2: 0}):
        (successor,) = chain.values()
        frame = build(folder, with_successors(chain), FOLLOW).to_frame().set_index("firm_id")
        cohorts[successor] = frame["cohort"][given.number(successor)]
    assert cohorts == {2: 2020, 0: 2020}


def test_a_category_is_that_of_the_firm_that_exists_now(folder):
    data = with_successors({0: 6, 7: 6, 8: 9})
    for row in data["firm_years"]:
        row["region"] = f"R{row['法人番号'][-3:]}"
    data["firm_years"] = [r for r in data["firm_years"] if (r["法人番号"], r["年度"]) != (given.number(9), "2019")]
    given.write(folder, data)
    asked = given.study_dict()
    asked["sources"]["firm_years"] |= {"unit": {"sales": "thousand_yen"}, "types": {"region": "category"}}
    asked["covariates"]["baseline"] = ["region"]
    asked["firms"] = FOLLOW
    regions = build_panel(given.study(asked), folder).to_frame().set_index("firm_id")["region"]
    assert regions[given.number(6)] == f"R{given.number(6)[-3:]}"
    assert regions[given.number(9)] == f"R{given.number(8)[-3:]}"
    assert regions[given.number(1)] == f"R{given.number(1)[-3:]}"


def test_mergers_that_nobody_follows_are_refused(folder):
    rows = [{"firm_id": given.number(0), "successor_id": given.number(1)}]
    with pytest.raises(EvalkitError) as caught:
        build(folder, {**given.tables(), "mergers": rows}, {},
              mergers={"layout": "generic-mergers", "path": "mergers.csv"})  # fmt: skip
    assert (caught.value.code, caught.value.where) == ("E_SPEC_VALUE", "sources.mergers")


def test_a_successor_that_the_firm_data_do_not_have_takes_the_award_along(folder):
    panel = build(folder, with_successors({0: 60}), {"successors": "follow"})
    frame = panel.to_frame().set_index("firm_id")
    assert given.number(0) not in frame.index
    assert frame["cohort"].notna().sum() == len(given.COHORTS) - 1
    (step,) = [s for s in panel.flow.steps if s.step == "with firm-years"]
    assert step.reason == "no firm-year in the period; 1 of them have an award"


def test_a_number_without_a_unit_cannot_be_added(folder):
    data = with_successors({0: 6})
    given.write(folder, data)
    asked = given.study_dict()
    asked["firms"] = FOLLOW
    with pytest.raises(DataError) as caught:
        build_panel(given.study(asked), folder)
    assert (caught.value.code, "'employees'" in caught.value.problem) == ("E_COMBINE", True)


def test_a_firm_year_twice_is_refused_before_mergers_are_added(folder):
    data = with_successors({0: 6})
    data["firm_years"].append({**data["firm_years"][0], "売上高": "7"})
    with pytest.raises((EvalkitError, ExceptionGroup)) as caught:
        build(folder, data, FOLLOW)
    assert [e.code for e in each(caught.value)] == ["E_PANEL_DUP"]
    data["firm_years"][-1] = data["firm_years"][0]
    once = build(folder, with_successors({0: 6}), FOLLOW)
    assert build(folder, data, FOLLOW).source.equals(once.source)


@pytest.mark.parametrize(
    ("ids", "last", "expected"),
    [([11, 12, 13], "99", [11, 99, 13]), ([11, 12, 13], "T9", ["11", "T9", "13"]),
     (["11", "12", None], "99", ["11", "99", None]), ([], "99", [])],
)  # fmt: skip
def test_ids_of_any_type_are_followed(ids, last, expected):
    column = pa.chunked_array([pa.array(ids, pa.string() if ids and isinstance(ids[0], str) else pa.int64())])
    found, is_absorbed = Successors(pa.array(["12", "X1"]), pa.array([last, last])).of(column)
    assert found.to_pylist() == expected
    assert is_absorbed.tolist() == [str(i) == "12" for i in ids]
