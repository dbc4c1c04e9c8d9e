"""Bad inputs on firms: mergers in a circle, closed and moved firms, late entry, values missing in one arm only."""

import pytest

import etl_inputs as given
from evalkit.errors import DataError, EvalkitError, StudyError, each
from evalkit.etl.build import build_panel
from evalkit.etl.quality import quality


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    return root


def panel_of(folder, how, firms=None, change=None, **study):
    """Return the panel of the twelve firms: columns added to firms (by place), and a change of all tables."""
    data = given.tables()
    for i, row in enumerate(data["firms"]):
        row |= {name: values.get(i, "") for name, values in (firms or {}).items()}
    if change:
        change(data)
    given.write(folder, data)
    asked = given.study_dict() | study
    asked["firms"] = how
    return build_panel(given.study(asked), folder)


def step(panel, name):
    (found,) = [s for s in panel.flow.steps if s.step == name]
    return found


def frame(panel):
    return panel.to_frame().set_index("firm_id")


FOLLOW = {"successors": "follow"}
CLOSED = {"exit": "closure", "mergers": "not"}
EXITED = [{"name": "sales", "transform": "log"}, {"name": "exited", "transform": "binary"}]


def test_lnk06_a_chain_leads_the_award_to_its_last_successor(folder):
    chain = {0: given.number(7), 7: given.number(8)}
    panel = panel_of(folder, FOLLOW, {"successor_id": chain})
    cohorts = frame(panel)["cohort"]
    assert cohorts[given.number(8)] == given.COHORTS[0]
    assert given.number(0) not in cohorts.index
    assert cohorts.isna()[given.number(7)]
    found = step(panel, "successors")
    assert (found.n_in, found.kept, found.reason) == (6, 6, "awards of absorbed firms: 1")
    assert (step(panel, "absorbed firms").n_in, step(panel, "absorbed firms").quarantined) == (12, 1)


REFUSED = [
    ("LNK06 cycle", FOLLOW, {"successor_id": {0: given.number(7), 7: given.number(0)}}, DataError,
     "E_SUCCESSOR_CYCLE", "successors"),
    ("LNK06 its own successor", FOLLOW, {"successor_id": {0: given.number(0)}}, DataError, "E_SUCCESSOR_CYCLE",
     "successors"),
    ("no column of successors", FOLLOW, {}, DataError, "E_COLUMN", "firms"),
    ("no column of closures", CLOSED, {}, DataError, "E_COLUMN", "firms"),
    ("no column of groups", {"group": "parent_id"}, {}, DataError, "E_COLUMN", "firms"),
    ("no history", {"history": "interval"}, {"valid_from": {}}, DataError, "E_COLUMN", "firms"),
    ("mergers not declared", {"exit": "closure"}, {"close_date": {}}, StudyError, "E_SPEC_VALUE", "firms"),
    ("sums without successors", {"firm_years": "sum"}, {}, StudyError, "E_SPEC_VALUE", "firms"),
    ("mixed groups without groups", {"mixed": "exclude"}, {}, StudyError, "E_SPEC_VALUE", "firms"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("how", "firms", "kind", "code", "where"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED]
)
def test_refused(folder, how, firms, kind, code, where):
    with pytest.raises((EvalkitError, ExceptionGroup)) as caught:
        panel_of(folder, how, firms)
    (error,) = each(caught.value)
    assert (type(error), error.code, error.where) == (kind, code, where)
    assert not any(given.number(i) in str(error) for i in given.FIRMS)


def test_lnk07_a_closed_firm_is_kept_until_its_closure_and_its_exit_is_an_outcome(folder):
    dates = {0: "2021-05-01", 6: "2022-03-31", 7: "2021-05-01", 8: "2021-05-01", 9: "令和4年5月1日"}
    causes = {0: "01", 6: "01", 7: "21", 8: "11", 9: "31"}
    panel = panel_of(folder, CLOSED, {"close_date": dates, "close_cause": causes}, outcome=EXITED)
    rows = frame(panel)
    assert len(rows) == 12
    exited = {i: rows.loc[given.number(i), [f"exited@{y}" for y in given.YEARS]].tolist() for i in given.FIRMS}
    expected = {0: [0, 0, 0, 1, 1], 6: [0, 0, 0, 1, 1], 9: [0, 0, 0, 0, 1]}
    assert exited == {i: expected.get(i, [0] * 5) for i in given.FIRMS}
    found = step(panel, "closures")
    assert (found.n_in, found.kept) == (60, 60)
    assert found.reason == "firm-years after the closure of their firm: 4"
    ends = panel.read(["firm_id", "exit_period", "exit_cause"]).to_pylist()
    assert {r["firm_id"]: (r["exit_period"], r["exit_cause"]) for r in ends if r["exit_cause"]} == {
        given.number(0): (2021, "liquidation"), given.number(6): (2021, "liquidation"),
        given.number(7): (2021, "registrar"), given.number(8): (2021, "merger"),
        given.number(9): (2022, "other_liquidation"),
    }  # fmt: skip
    rows = {(r["period"], r["cause"]): r for r in quality(panel)["closures"]}
    assert set(rows) == {(2021, "liquidation"), (2021, "registrar"), (2021, "merger"), (2022, "other_liquidation")}
    assert [rows[2021, "liquidation"][f"n_closed_{arm}"] for arm in ("treated", "control")] == [1, 1]


def test_lnk08_a_firm_that_moved_keeps_the_prefecture_it_had_at_baseline(folder):
    def move(data):
        for row in data["firms"]:
            row |= {"valid_from": "", "valid_to": ""}
        moved = data["firms"][3]
        data["firms"] += [
            {**moved, "prefecture": "47", "valid_from": "2020-04-01"},
            {**data["firms"][4], "firm_name": "新名", "valid_from": "2020-04-01"},
        ]
        moved["valid_to"] = data["firms"][4]["valid_to"] = "2020-03-31"

    plain = panel_of(folder, {})
    panel = panel_of(folder, {"history": "interval"}, change=move)
    assert panel.source.equals(plain.source)
    found = step(panel, "distinct firms")
    assert (found.n_in, found.kept, found.quarantined, found.collapsed) == (14, 12, 0, 2)
    found = step(panel, "state at baseline")
    assert (found.n_in, found.kept, found.reason) == (12, 12, "moved to another prefecture since: 1")


def test_lnk08_states_that_overlap_are_set_aside(folder):
    def overlap(data):
        for row in data["firms"]:
            row |= {"valid_from": "2010-01-01", "valid_to": ""}
        data["firms"] += [{**data["firms"][3], "prefecture": "47", "valid_from": "2020-04-01"}]

    panel = panel_of(folder, {"history": "interval"}, change=overlap)
    found = step(panel, "distinct firms")
    assert (found.n_in, found.kept, found.quarantined, found.reason) == (13, 11, 2, "E_INTERVAL_OVERLAP: 2")
    assert frame(panel).isna()["prefecture"][given.number(3)]


def test_PAN03_a_firm_that_enters_after_its_award_is_counted_and_stays(folder):
    def late(data):
        entered = {(given.number(2), y) for y in (2018, 2019, 2020)} | {(given.number(0), y) for y in (2018, 2019)}
        data["firm_years"] = [r for r in data["firm_years"] if (r["法人番号"], int(r["年度"])) not in entered]

    panel = panel_of(folder, {}, change=late)
    found = step(panel, "seen before the award")
    assert (found.unit, found.n_in, found.kept) == ("treated firms", 6, 6)
    assert found.reason == "not estimable without an outcome before the award: 2"
    assert len(frame(panel)) == 12


@pytest.mark.parametrize(("n_missing", "verdict"), [(0, "ok"), (1, "warn"), (2, "red")])
def test_pan10_values_missing_in_one_arm_only(folder, n_missing, verdict):
    def missing(data):
        for row in data["firm_years"]:
            if row["年度"] == "2022" and row["法人番号"] in {given.number(i) for i in range(n_missing)}:
                row["売上高"] = ""

    (found,) = [r for r in quality(panel_of(folder, {}, change=missing))["missing"] if r["period"] == 2022]
    assert (found["n_missing_treated"], found["n_missing_control"], found["verdict"]) == (n_missing, 0, verdict)


def test_corporate_and_invoice_numbers_of_the_same_digits_are_two_firms_counted_by_scheme(folder):
    """LNK12: a sole proprietor's invoice number may have the digits of no company, or pass for one."""

    def invoices(data):
        for rows in data.values():
            for row in rows:
                if row["法人番号"] in {given.number(1), given.number(7)}:
                    row["法人番号"] = f"T{row['法人番号']}"
            rows += [{**r, "法人番号": r["法人番号"][1:]} for r in rows if r["法人番号"] == f"T{given.number(7)}"]

    data = given.tables()
    invoices(data)
    given.write(folder, data)
    asked = given.study_dict()
    for source in asked["sources"].values():
        source["firm_scheme"] = "corporate_or_invoice"
    panel = build_panel(given.study(asked), folder)
    rows = frame(panel)
    assert len(rows) == 13
    assert rows["cohort"][f"T{given.number(1)}"] == given.COHORTS[1]
    assert {given.number(7), f"T{given.number(7)}"} <= set(rows.index)
    assert step(panel, "read firms").reason == "corporate number: 11, invoice number: 2"
    assert step(panel, "read awards").reason == "corporate number: 5, invoice number: 1"


def test_ids_whose_scheme_rows_name(folder):
    data = given.tables()
    for rows in data.values():
        for row in rows:
            row |= {"法人番号": row["法人番号"][-6:], "kind": "UTR" if row["法人番号"] == given.number(2) else "CRN"}
    given.write(folder, data)
    asked = given.study_dict()
    for source in asked["sources"].values():
        source |= {"firm_scheme": "by_row", "columns": {**source["columns"], "firm_scheme": "kind"}}
    asked["sources"]["awards"]["layout"] = "awards.toml"
    text = "\n".join(['role = "awards"', 'about = "x"', "is_open = true", 'any_of = ["award_date"]'])
    for name, kind in (("firm_id", "firm_id"), ("programme", "category"), ("award_date", "date")):
        text += f'\n[columns.{name}]\ntype = "{kind}"\nrequired = {str(name == "firm_id").lower()}'
    (folder / "awards.toml").write_text(text)
    del asked["sources"]["awards"]["unit"], asked["sources"]["awards"]["columns"]["amount"]
    panel = build_panel(given.study(asked), folder)
    expected = {f"{'utr' if i == 2 else 'uk'}:{'' if i == 2 else '00'}{given.number(i)[-6:]}" for i in given.FIRMS}
    assert set(frame(panel).index) == expected
    assert step(panel, "read firms").reason == "uk: 11, utr: 1"
    asked["sources"]["firms"]["columns"]["firm_scheme"] = "nothing"
    with pytest.raises(DataError) as caught:
        build_panel(given.study(asked), folder)
    assert caught.value.code == "E_COLUMN"
