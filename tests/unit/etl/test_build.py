"""The panel that `build_panel` makes, against values worked out by hand."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import etl_inputs as given
from evalkit.errors import DataError, DesignError, EvalkitError, StudyError
from evalkit.etl.build import build_panel


def step(panel, name):
    """Return the one flow step of that name."""
    (found,) = [s for s in panel.flow.steps if s.step == name]
    return found


def bytes_of(panel, folder):
    """Return the bytes of the panel's files."""
    panel.save(folder)
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


@pytest.fixture
def folder(tmp_path):
    """Folder with the three files."""
    root = tmp_path / "root"
    root.mkdir()
    return given.write(root, given.tables())


def test_every_value_is_where_it_belongs(folder):
    panel = build_panel(given.study(), folder)
    frame = panel.to_frame().set_index("firm_id")
    assert list(frame.index) == sorted(given.number(i) for i in given.FIRMS)
    for i in given.FIRMS:
        row = frame.loc[given.number(i)]
        assert [row[f"sales@{y}"] for y in given.YEARS] == [given.sales(i, y) * 1000 for y in given.YEARS]
        assert (row["cohort"] == given.COHORTS[i]) if i in given.COHORTS else np.isnan(row["cohort"])
        assert row["industry"] == ["製造業", "小売業"][i % 2]
        assert row["prefecture"] == f"{i % 3 + 1:02d}"
        assert row["log_employees"] == pytest.approx(math.log(5 + i + 1), rel=1e-15)
        growth = math.log(given.sales(i, 2019)) - math.log(given.sales(i, 2018))
        assert row["sales_growth"] == pytest.approx(growth, abs=1e-13)
    assert [(c.name, c.kind) for c in panel.covariates] == [
        ("log_employees", "number"),
        ("sales_growth", "number"),
        ("industry", "category"),
        ("prefecture", "category"),
    ]


@pytest.mark.parametrize(("suffix", "encoding"), [("csv", "cp932"), ("csv", "utf-16"), ("parquet", ""), ("xlsx", "")])
def test_the_format_does_not_matter(folder, tmp_path, suffix, encoding):
    other = tmp_path / "other"
    other.mkdir()
    given.write(other, given.tables(), suffix, encoding)
    expected = bytes_of(build_panel(given.study(), folder), tmp_path / "a")
    assert bytes_of(build_panel(given.study(given.study_dict(suffix)), other), tmp_path / "b") == expected


NUMBERS = {"年度": pa.int16(), "売上高": pa.int64(), "employees": pa.float64(), "法人番号": pa.int64(),
           "交付決定額": pa.int32()}  # fmt: skip


@pytest.mark.parametrize("types", [NUMBERS, dict.fromkeys(NUMBERS, pa.decimal128(20, 2))], ids=["numbers", "decimals"])
def test_stored_numbers_make_the_same_panel_as_their_texts(folder, tmp_path, types):
    """ING28: the zeros that a decimal's scale gives to whole yen are no fraction of a yen."""
    expected = bytes_of(build_panel(given.study(), folder), tmp_path / "a")
    for name, rows in given.tables().items():
        table = pa.Table.from_pylist([{**r, "unread": [1]} for r in rows])
        for header in types.keys() & set(table.column_names):
            column = table.column(header).cast(types[header])
            table = table.set_column(table.column_names.index(header), header, column)
        pq.write_table(table, folder / f"{name}.parquet", row_group_size=7)
    assert bytes_of(build_panel(given.study(given.study_dict("parquet")), folder), tmp_path / "b") == expected


def test_rows_of_parquet_set_aside_come_back_as_they_are(folder, tmp_path):
    rows = given.tables()["firm_years"]
    for place in (3, 40):
        rows[place]["売上高"] = "1e3"
    pq.write_table(pa.Table.from_pylist(rows), folder / "firm_years.parquet", row_group_size=7)
    asked = given.study_dict()
    asked["sources"]["firm_years"]["path"] = "firm_years.parquet"
    build_panel(given.study(asked), folder, tmp_path / "quarantine")
    assert pq.read_table(tmp_path / "quarantine" / "firm_years.parquet").to_pylist() == [
        {"file": "firm_years.parquet", "line": place + 1, "column": "売上高", "rule": "E_NUMBER", **rows[place]}
        for place in (3, 40)
    ]


def test_a_year_starts_when_the_study_says(folder):
    data = given.study_dict()
    data["period"]["fiscal_year_start"] = "01-01"
    cohorts = build_panel(given.study(data), folder).to_frame().set_index("firm_id")["cohort"]
    assert cohorts[given.number(3)] == 2021


def test_the_first_award_counts_and_other_programmes_do_not(folder):
    data = given.tables()
    data["awards"] += [
        {**data["awards"][0], "award_id": "B0", "交付決定日": "2021-06-01"},
        {**data["awards"][0], "award_id": "B7", "法人番号": given.number(7), "programme": "P9"},
    ]
    given.write(folder, data)
    panel = build_panel(given.study(), folder)
    frame = panel.to_frame().set_index("firm_id")
    assert frame.loc[given.number(0), "cohort"] == 2020
    assert np.isnan(frame.loc[given.number(7), "cohort"])
    assert (step(panel, "first award").collapsed, step(panel, "programme").quarantined) == (1, 1)


def test_only_the_stage_asked_for_counts(folder):
    data = given.tables()
    data["awards"] = [{**a, "stage": "decided"} for a in data["awards"]]
    data["awards"] += [{**a, "stage": "applied", "交付決定日": "2018-05-01"} for a in data["awards"]]
    given.write(folder, data)
    asked = given.study_dict()
    asked["treatment"]["stage"] = "decided"
    panel = build_panel(given.study(asked), folder)
    assert sorted(panel.cohort[panel.cohort > 0]) == sorted(given.COHORTS.values())
    assert step(panel, "stage").quarantined == 6


def test_the_population_is_counted_condition_by_condition(folder):
    data = given.study_dict()
    data["population"] = {
        "where": [
            {"column": "employees", "at": "baseline", "min": 8, "max": 15},
            {"column": "industry", "in": ["製造業"]},
        ]
    }
    panel = build_panel(given.study(data), folder)
    expected = [given.number(i) for i in given.FIRMS if i % 2 == 0 and 8 <= 6 + i <= 15]
    assert panel.firm.to_pylist() == sorted(expected)
    assert step(panel, "population: industry").quarantined == 6
    assert step(panel, "population: employees").kept == len(expected)


def test_a_missing_value_is_null_and_does_not_satisfy_a_condition(folder):
    data = given.tables()
    for row in data["firm_years"]:
        if row["法人番号"] == given.number(9):
            row["employees"] = ""
    given.write(folder, data)
    asked = given.study_dict()
    asked["population"] = {"where": [{"column": "employees", "at": "baseline", "max": 10_000}]}
    assert given.number(9) not in build_panel(given.study(asked), folder).firm.to_pylist()


def test_anticipation_moves_the_baseline(folder):
    data = given.study_dict()
    data["treatment"]["anticipation"] = 1
    data["covariates"]["baseline"] = ["log_employees"]
    frame = build_panel(given.study(data), folder).to_frame().set_index("firm_id")
    assert frame.loc[given.number(0), "log_employees"] == pytest.approx(math.log(5), rel=1e-15)


def test_a_baseline_outside_the_period_is_refused(folder):
    data = given.study_dict()
    data["covariates"]["period"] = 2018
    with pytest.raises(DesignError) as error:
        build_panel(given.study(data), folder)
    assert error.value.code == "E_BASELINE"


@pytest.mark.parametrize(("choice", "cohort", "n_firms"), [("not_yet_treated", 2024, 12), ("drop", None, 11)])
def test_an_award_after_the_end_is_treated_as_declared(folder, choice, cohort, n_firms):
    data = given.tables()
    data["awards"][0]["交付決定日"] = "2024-06-01"
    given.write(folder, data)
    asked = given.study_dict()
    asked["treatment"]["after_end"] = choice
    panel = build_panel(given.study(asked), folder)
    assert panel.n_firms == n_firms
    assert (cohort in panel.cohort) == (cohort is not None)


def test_an_award_in_the_last_period_is_inside(folder):
    data = given.tables()
    data["awards"][0]["交付決定日"] = "2023-03-31"
    given.write(folder, data)
    assert 2022 in build_panel(given.study(), folder).cohort


def test_firms_without_firm_years_are_counted(folder):
    data = given.tables()
    data["firm_years"] = [r for r in data["firm_years"] if r["法人番号"] not in (given.number(4), given.number(11))]
    given.write(folder, data)
    panel = build_panel(given.study(), folder)
    found = step(panel, "with firm-years")
    assert (found.n_in, found.kept, found.quarantined) == (12, 10, 2)
    assert "1 of them have an award" in found.reason


def test_the_firms_are_optional(folder):
    data = given.study_dict()
    del data["sources"]["firms"]
    data["covariates"]["baseline"] = ["margin"]
    panel = build_panel(given.study(data), folder)
    assert (panel.n_firms, panel.covariates[0].kind) == (12, "number")


def test_firm_ids_of_another_scheme_are_any_text(folder):
    data = {name: [{**r, "法人番号": "F-" + r["法人番号"][-3:]} for r in rows] for name, rows in given.tables().items()}
    given.write(folder, data)
    asked = given.study_dict()
    for source in asked["sources"].values():
        source["firm_scheme"] = "other"
    assert build_panel(given.study(asked), folder).firm.to_pylist()[0] == "F-100"


def test_rows_set_aside_are_written_with_their_place_and_text(folder, tmp_path):
    data = given.tables()
    data["firm_years"][7]["売上高"] = "1e3"
    given.write(folder, data)
    panel = build_panel(given.study(), folder, tmp_path / "quarantine")
    table = pq.read_table(tmp_path / "quarantine" / "firm_years.parquet")
    assert table.to_pylist() == [
        {"file": "firm_years.csv", "line": 9, "column": "売上高", "rule": "E_NUMBER", **data["firm_years"][7]}
    ]
    assert sorted(p.name for p in (tmp_path / "quarantine").iterdir()) == [
        "awards.parquet", "firm_years.parquet", "firms.parquet",
    ]  # fmt: skip
    assert step(panel, "read firm-years").reason == "E_NUMBER: 1"


def test_a_build_that_fails_writes_nothing(folder, tmp_path):
    data = given.tables()
    data["firm_years"].append({**data["firm_years"][0], "売上高": "1"})
    given.write(folder, data)
    with pytest.raises(DataError):
        build_panel(given.study(), folder, tmp_path / "quarantine")
    assert not (tmp_path / "quarantine").exists()


def test_too_many_rows_set_aside_stop_the_build_and_are_written(folder, tmp_path):
    data = given.tables()
    data["firm_years"][7]["売上高"] = "abc"
    given.write(folder, data)
    asked = given.study_dict()
    del asked["limits"]
    with pytest.raises(DataError, match=r"1 of 60 rows.*E_NUMBER: 1") as error:
        build_panel(given.study(asked), folder, tmp_path / "quarantine")
    assert error.value.code == "E_QUARANTINE_LIMIT"
    assert pq.read_table(tmp_path / "quarantine" / "firm_years.parquet").num_rows == 1


def test_too_much_money_set_aside_stops_the_build(folder):
    data = given.tables()
    data["awards"][2]["法人番号"] = "1234567890123"
    given.write(folder, data)
    asked = given.study_dict()
    asked["limits"]["quarantined_amount"] = 0.001
    with pytest.raises(DataError, match=r"16\.65% of the award amount") as error:
        build_panel(given.study(asked), folder)
    assert error.value.code == "E_QUARANTINE_LIMIT"


def test_messages_hold_no_values_of_firms(folder):
    data = given.tables()
    data["firm_years"].append({**data["firm_years"][0], "売上高": "987654321"})
    given.write(folder, data)
    with pytest.raises(DataError) as error:
        build_panel(given.study(), folder)
    assert "987654321" not in str(error.value)
    assert given.number(0) not in str(error.value)


def test_covariates_by_period_are_kept_on_their_scale(folder):
    study = given.study_dict()
    study["covariates"]["time_varying"] = ["employees", "log_employees", "margin"]
    study["covariates"]["baseline"] = ["industry"]
    panel = build_panel(given.study(study), folder)
    assert panel.time_varying == ("employees", "log_employees", "margin")
    frame = panel.to_frame().set_index("firm_id")
    for i in given.FIRMS:
        row = frame.loc[given.number(i)]
        for year in given.YEARS:
            assert row[f"employees@{year}"] == 5 + i + (year - 2018)
            assert row[f"log_employees@{year}"] == pytest.approx(math.log(5 + i + (year - 2018)), rel=1e-15)
            assert row[f"margin@{year}"] == pytest.approx(float(f"0.{i + 10}"))


@pytest.mark.parametrize("named", ["sales", {"name": "award", "column": "employees"}])
def test_a_covariate_by_period_cannot_be_named_as_an_outcome(folder, named):
    study = given.study_dict()
    study["covariates"]["time_varying"] = [named]
    with pytest.raises(StudyError) as caught:
        build_panel(given.study(study), folder)
    assert caught.value.code == "E_SPEC_VALUE"


def test_a_covariate_by_period_has_no_lag(folder):
    study = given.study_dict()
    study["covariates"]["time_varying"] = ["sales_growth"]
    with pytest.raises(EvalkitError):
        given.study(study)
