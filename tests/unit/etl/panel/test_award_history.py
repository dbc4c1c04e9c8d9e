"""Awards beside the first one: what the panel of twelve firms makes of them, told by hand."""

import pyarrow as pa
import pytest

import etl_inputs as given
from evalkit.errors import DataError, StudyError
from evalkit.etl.build import build_panel
from evalkit.model.panel import Panel

MORE = [
    ("B0", 0, "P1", "2022-04-01", "7"),  # a second award two years after the first
    ("B1", 1, "P1", "2020-08-01", "9"),  # a second award in the year of the first
    ("B2", 2, "P2", "2019-05-01", "3"),  # another programme two years before the first award
    ("B3", 3, "P2", "2020-05-01", "3"),  # another programme in the year of the first award
    ("B4", 4, "P1", "2023-05-01", "4"),  # a second award after the period
    ("B7", 7, "P2", "2021-05-01", "3"),  # another programme, never treated
    ("B8", 8, "P2", "2012-05-01", "3"),  # another programme, before the period
    ("B5", 5, "P2", "2019-05-01", "3"),  # another programme, given back
]


def panel_of(folder, columns=None, **treatment):
    data = given.tables()
    data["awards"] += [
        {"award_id": a, "法人番号": given.number(i), "programme": p, "交付決定日": d, "交付決定額": amount}
        for a, i, p, d, amount in MORE
    ]
    data["awards"].append({**data["awards"][-1], "交付決定額": "△3"})
    given.write(folder, data)
    asked = given.study_dict()
    asked["treatment"] |= treatment
    asked["sources"]["awards"]["columns"] |= columns or {}
    return build_panel(given.study(asked), folder)


def firms_of(panel: Panel) -> set[int]:
    known = {given.number(i): i for i in given.FIRMS}
    return {known[f] for f in panel.firm.to_pylist()}


def step(panel: Panel, name: str):
    (found,) = [s for s in panel.flow.steps if s.step == name]
    return found


ALL = set(given.FIRMS)


@pytest.mark.parametrize(
    ("treatment", "left", "name"),
    [
        ({"clean_window": 1}, ALL, "clean window"),
        ({"clean_window": 2}, ALL - {2}, "clean window"),
        ({"overlap": "drop"}, ALL - {2, 3, 7}, "overlapping programmes"),
        ({"repeat": "drop"}, ALL - {0}, "repeat awards"),
    ],
)
def test_firms_leave_and_are_counted(tmp_path, treatment, left, name):
    panel = panel_of(tmp_path, **treatment)
    assert firms_of(panel) == left
    found = step(panel, name)
    assert (found.unit, found.n_in, found.kept, found.quarantined) == ("firms", 12, len(left), 12 - len(left))


def test_firms_that_overlap_are_marked(tmp_path):
    panel = panel_of(tmp_path, overlap="mark")
    marked = panel.read(["other_award"]).column(0).to_numpy()
    assert firms_of(panel) == ALL
    assert {f for f, m in zip(panel.firm.to_pylist(), marked, strict=True) if m} == {given.number(i) for i in (2, 3, 7)}


def test_outcomes_from_the_second_award_on_are_missing(tmp_path):
    (tmp_path / "plain").mkdir()
    plain, panel = panel_of(tmp_path / "plain"), panel_of(tmp_path, repeat="censor")
    expected = plain.to_frame().set_index("firm_id")
    expected.loc[given.number(0), "sales@2022"] = None
    assert panel.to_frame().set_index("firm_id").equals(expected)
    found = step(panel, "repeat awards")
    assert (found.unit, found.n_in, found.kept, found.quarantined) == ("firm-years", 60, 59, 1)


def test_dose_and_path_in_yen(tmp_path):
    panel = panel_of(tmp_path, dose=True, path=True)
    assert (panel.dose, panel.award_columns) == ("dose", [f"award@{y}" for y in given.YEARS])
    table = panel.read(["firm_id", "dose", *panel.award_columns])
    assert table.schema.field("dose").type == pa.int64()
    rows = {r.pop("firm_id"): tuple(r.values()) for r in table.to_pylist()}
    assert rows == {given.number(i): row for i, row in {
        0: (500_000, 0, 0, 500_000, 0, 7_000), 1: (510_000, 0, 0, 510_000, 0, 0),
        2: (502_000, 0, 0, 0, 502_000, 0), 3: (503_000, 0, 0, 503_000, 0, 0),
        4: (504_000, 0, 0, 0, 504_000, 0), 5: (505_000, 0, 0, 0, 505_000, 0),
        **dict.fromkeys(range(6, 12), (None, 0, 0, 0, 0, 0)),
    }.items()}  # fmt: skip
    assert step(panel, "dose").reason == ""
    panel.save(tmp_path)
    loaded = Panel.load(tmp_path)
    assert loaded.to_frame().equals(panel.to_frame())
    assert {"dose", "award@2018"} <= set(loaded.to_frame().columns)


def test_an_amount_that_is_not_known_is_no_zero(tmp_path):
    data = given.tables()
    data["awards"][0]["交付決定額"] = ""
    given.write(tmp_path, data)
    asked = given.study_dict()
    asked["treatment"] |= {"dose": True, "path": True}
    panel = build_panel(given.study(asked), tmp_path)
    row = next(r for r in panel.read(["firm_id", "dose", "award@2020"]).to_pylist() if r["firm_id"] == given.number(0))
    assert (row["dose"], row["award@2020"]) == (None, None)
    found = step(panel, "dose")
    assert (found.unit, found.n_in, found.kept) == ("treated firms", 6, 6)
    assert found.reason == "the amount of the first award is not known: 1"


def test_nothing_asked_nothing_changed(tmp_path):
    (tmp_path / "plain").mkdir()
    panel = panel_of(tmp_path)
    asked = panel_of(tmp_path / "plain", repeat="keep", overlap="keep", clean_window=0, dose=False, path=False)
    for made, folder in ((panel, tmp_path / "a"), (asked, tmp_path / "b")):
        folder.mkdir()
        made.save(folder)
    for name in ("panel.parquet", "panel.json", "flow.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert "dose" not in (tmp_path / "a" / "panel.json").read_text()


def test_awards_of_absorbed_firms_are_their_successors(tmp_path):
    data = given.tables()
    for row in data["firms"]:
        row["successor_id"] = given.number(7) if row["法人番号"] == given.number(0) else ""
    data["awards"] += [
        {"award_id": f"B{i}", "法人番号": given.number(i), "programme": programme, "交付決定日": day, "交付決定額": "5"}
        for i, programme, day in ((7, "P1", "2020-09-01"), (0, "P2", "2019-09-01"))
    ]
    given.write(tmp_path, data)
    asked = given.study_dict()
    asked["firms"] = {"successors": "follow"}
    asked["treatment"] |= {"dose": True}
    rows = build_panel(given.study(asked), tmp_path).to_frame().set_index("firm_id")
    assert rows.loc[given.number(7), ["cohort", "dose"]].tolist() == [2020, 505_000]
    asked["treatment"]["clean_window"] = 1
    assert given.number(7) not in build_panel(given.study(asked), tmp_path).firm.to_pylist()


EVERYTHING = {"clean_window": 2, "repeat": "censor", "overlap": "drop", "dose": True, "path": True}


def test_the_order_of_awards_changes_no_byte(tmp_path):
    made = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        panel_of(folder, **EVERYTHING)
        if name == "b":
            header, *lines = (folder / "awards.csv").read_text("utf-8").splitlines()
            (folder / "awards.csv").write_text("\n".join([header, *reversed(lines)]) + "\n", "utf-8")
        asked = given.study_dict()
        asked["treatment"] |= EVERYTHING
        build_panel(given.study(asked), folder).save(folder)
        made.append([(folder / f).read_bytes() for f in ("panel.parquet", "panel.json", "flow.json")])
    assert made[0] == made[1]


@pytest.mark.parametrize("treatment", [{"clean_window": 1}, {"overlap": "drop"}])
def test_other_programmes_need_programmes(treatment):
    asked = given.study_dict()
    asked["treatment"] = treatment
    with pytest.raises(StudyError) as caught:
        given.study(asked)
    assert (caught.value.code, caught.value.where) == ("E_SPEC_VALUE", "treatment")


def test_amounts_must_be_there(tmp_path):
    given.write(tmp_path, given.tables())
    asked = given.study_dict()
    asked["treatment"]["dose"] = True
    del asked["sources"]["awards"]["columns"]["amount"]
    with pytest.raises(DataError) as caught:
        build_panel(given.study(asked), tmp_path)
    assert (caught.value.code, caught.value.where) == ("E_COLUMN", "awards.csv, line 1")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"covariates": {"baseline": [{"name": "dose", "column": "margin"}]}}, "covariates.baseline"),
        ({"outcome": [{"name": "x", "column": "award"}]}, "outcome"),
    ],
)
def test_names_that_are_taken(tmp_path, change, where):
    given.write(tmp_path, given.tables())
    asked = given.study_dict() | change
    asked["treatment"] |= {"dose": True, "path": True}
    asked["sources"]["firm_years"]["columns"]["award"] = "employees"
    with pytest.raises(StudyError) as caught:
        build_panel(given.study(asked), tmp_path)
    assert (caught.value.code, caught.value.where) == ("E_SPEC_VALUE", where)
