"""Exit as an outcome, against a walk from firm to firm."""

import math

import pytest

import etl_inputs as given
from evalkit.etl.build import build_panel
from evalkit.etl.quality import quality
from evalkit.model.panel import Panel

CLOSED = {
    0: (2021, "01"), 1: (2020, "21"), 2: (2022, "11"),
    6: (2019, "11"), 7: (2021, "21"), 8: (2020, "31"), 9: (2025, "01"),
}  # fmt: skip
"""Fiscal year and cause of closure by firm; 2025 lies after the panel."""
OUTCOMES = [{"name": "sales"}, {"name": "exited", "transform": "binary"}, {"name": "survived", "transform": "binary"}]


def build(folder, how, outcomes=OUTCOMES, without=()):
    data = given.tables()
    for i, row in enumerate(data["firms"]):
        year, cause = CLOSED.get(i, (None, ""))
        row |= {"close_date": f"{year}-10-01" if year else "", "close_cause": cause}
    data["firm_years"] = [r for r in data["firm_years"] if (r["法人番号"], int(r["年度"])) not in without]
    given.write(folder, data)
    asked = given.study_dict()
    asked |= {"firms": how, "outcome": outcomes}
    return build_panel(given.study(asked), folder)


def exited(panel, i, name="exited"):
    row = panel.to_frame().set_index("firm_id").loc[given.number(i)]
    return [None if math.isnan(v) else v for v in (row[f"{name}@{y}"] for y in given.YEARS)]


@pytest.mark.parametrize("mergers", ["exit", "not", "censor"])
@pytest.mark.parametrize("registrar", ["exit", "not", "censor"])
def test_what_counts_as_an_exit_is_declared(tmp_path, mergers, registrar):
    panel = build(tmp_path, {"exit": "closure", "mergers": mergers, "registrar": registrar})
    after = {"exit": 1.0, "not": 0.0, "censor": None}
    for i in given.FIRMS:
        year, cause = CLOSED.get(i, (9999, ""))
        value = after[{"11": mergers, "21": registrar}.get(cause, "exit")]
        assert exited(panel, i) == [value if y >= year else 0.0 for y in given.YEARS]
        survived = [None if e is None else 1 - e for e in exited(panel, i)]
        assert exited(panel, i, "survived") == survived


def test_closures_by_the_registrar_are_no_exits_unless_declared(tmp_path):
    panel = build(tmp_path, {"exit": "closure", "mergers": "exit"})
    assert exited(panel, 7) == [0.0] * 5


def test_the_last_firm_year_seen_only_where_declared(tmp_path):
    gone = {(given.number(3), 2021), (given.number(3), 2022), (given.number(4), 2020), (given.number(5), 2018)}
    panel = build(tmp_path, {"exit": "last_seen"}, without=gone)
    assert exited(panel, 3) == [0, 0, 0, 1, 1]
    assert exited(panel, 4) == [0] * 5
    assert exited(panel, 5) == [None, 0, 0, 0, 0]
    ends = {r["firm_id"]: (r["exit_period"], r["exit_cause"])
            for r in panel.read(["firm_id", "exit_period", "exit_cause"]).to_pylist()}  # fmt: skip
    assert {i: ends[given.number(i)] for i in (3, 4, 5)} == {3: (2021, "not_seen"), 4: (None, None), 5: (None, None)}
    gaps = quality(panel)["gaps"]
    assert [(r["period"], r["n_gap_treated"], r["n_gap_control"]) for r in gaps] == [(2020, 1, 0)]


def test_exit_alone_may_be_the_outcome(tmp_path):
    panel = build(tmp_path, {"exit": "closure", "mergers": "not"}, OUTCOMES[1:2])
    assert panel.n_firms == 12
    assert exited(panel, 0) == [0, 0, 0, 1, 1]


def test_a_column_called_exited_is_read_where_nothing_is_derived(tmp_path):
    data = given.tables()
    for row in data["firm_years"]:
        row["exited"] = str(int(row["年度"] == "2022" and row["法人番号"] == given.number(8)))
    given.write(tmp_path, data)
    panel = build_panel(given.study(given.study_dict() | {"outcome": [{"name": "exited"}]}), tmp_path)
    assert (exited(panel, 8), exited(panel, 7)) == ([0, 0, 0, 0, 1], [0] * 5)


def test_closures_by_arm_and_cause(tmp_path):
    panel = build(tmp_path, {"exit": "closure", "mergers": "not"})
    rows = {(r["period"], r["cause"]): r for r in quality(panel)["closures"]}
    words = {"01": "liquidation", "11": "merger", "21": "registrar", "31": "other_liquidation"}
    assert set(rows) == {(year, words[cause]) for year, cause in CLOSED.values() if year <= 2022}
    for (year, cause), row in rows.items():
        for arm, firms in (("treated", range(6)), ("control", range(6, 12))):
            there = [i for i in firms if CLOSED.get(i, (9999,))[0] >= year]
            n = sum(CLOSED.get(i, (0, ""))[0] == year and words[CLOSED[i][1]] == cause for i in there)
            assert row[f"n_closed_{arm}"] == n
            assert row[f"percent_closed_{arm}"] == pytest.approx(100 * n / len(there), rel=1e-12)


def test_columns_on_exits_survive_saving(tmp_path):
    (tmp_path / "in").mkdir()
    panel = build(tmp_path / "in", {"exit": "closure", "mergers": "not"})
    panel.save(tmp_path)
    loaded = Panel.load(tmp_path)
    assert loaded.column_names == panel.column_names
    assert quality(loaded) == quality(panel)
