"""States of firms in time, against a search through all rows for each firm and day."""

import datetime as dt
import random

import pytest

import etl_inputs as given
from evalkit.etl import layouts
from evalkit.etl.build import build_panel
from evalkit.etl.conform import conform
from evalkit.etl.layouts import Field
from evalkit.etl.panel.locations import histories, last_day
from evalkit.etl.source import read_source
from evalkit.model.study import Period

DATES = {"interval": ("valid_from", "valid_to"), "change_date": ("change_date", "update_date")}


def typed(folder, rows, how):
    given.write(folder, {"firms": rows})
    source = read_source("firms", given.study().sources.firms, folder)
    fields = [Field("firm_id", "firm_id", required=True), Field("prefecture", "category")]
    return conform(source, fields + [Field(name, "date") for name in DATES[how] if source.has(name)])


def row(i, prefecture, first, last=""):
    return {"法人番号": given.number(i), "prefecture": prefecture, "valid_from": first, "valid_to": last}


def on(history, day):
    then, step = history.on(dt.date.fromisoformat(day))
    assert step.n_in == step.kept + step.quarantined
    return dict(zip(map(str, then["firm_id"].to_pylist()), then["category:prefecture"].to_pylist(), strict=True)), step


def test_intervals_against_a_search(tmp_path):
    rng = random.Random(3)
    rows, states = [], []
    for i in range(30):
        day = dt.date(2015, 1, 1) + dt.timedelta(days=rng.randrange(400))
        for _ in range(rng.randrange(1, 5)):
            last = day + dt.timedelta(days=rng.randrange(1, 500))
            states.append((i, f"{rng.randrange(1, 48):02d}", day, last))
            rows.append(row(i, states[-1][1], day.isoformat(), last.isoformat()))
            day = last + dt.timedelta(days=rng.choice([1, 1, 90]))
    rng.shuffle(rows)
    now, history, flow = histories(typed(tmp_path, rows, "interval"), "interval")
    assert flow.steps[1].collapsed == len(rows) - len(now.rows)
    for days in range(0, 2500, 97):
        day = dt.date(2014, 12, 1) + dt.timedelta(days=days)
        expected = {given.number(i): place for i, place, first, last in states if first <= day <= last}
        found, step = on(history, day.isoformat())
        assert found == expected
        last_place = {i: place for i, place, *_ in states}
        n_moved = sum(last_place[i] != place for i, place, first, last in states if first <= day <= last)
        assert (f"moved to another prefecture since: {n_moved}" in step.reason) == (n_moved > 0)


def test_a_state_lasts_until_the_next_change_and_the_last_update_of_a_day_counts(tmp_path):
    a, b, c = (given.number(i) for i in range(3))
    rows = [
        (a, "01", "2015-10-05", "2015-10-05"), (a, "02", "2018-04-01", "2018-04-03"),
        (a, "03", "2018-04-01", "2018-05-01"), (b, "04", "", "2016-01-01"), (b, "04", "", "2016-01-01"),
        (c, "05", "2017-01-01", "2017-01-01"), (c, "06", "2017-01-01", "2017-01-01"),
    ]  # fmt: skip
    names = ("法人番号", "prefecture", "change_date", "update_date")
    now, history, flow = histories(
        typed(tmp_path, [dict(zip(names, r, strict=True)) for r in rows], "change_date"), "change_date"
    )
    assert on(history, "2018-03-31")[0] == {a: "01", b: "04"}
    assert on(history, "2018-04-01")[0] == {a: "03", b: "04"}
    found, step = on(history, "2015-10-04")
    assert (found, step.n_in, step.quarantined, step.reason) == ({b: "04"}, 2, 1, "no state known at baseline")
    step = flow.steps[1]
    assert (step.n_in, step.kept, step.quarantined, step.collapsed) == (7, 2, 2, 3)
    assert step.reason == "E_INTERVAL_OVERLAP: 2"
    assert sorted(now.rejected["row"].to_pylist()) == [5, 6]


@pytest.mark.parametrize(
    ("second", "rule", "n_aside"),
    [(("2017-01-01", ""), "", 0), (("2016-12-31", ""), "E_INTERVAL_OVERLAP", 2), (("", ""), "E_INTERVAL_OVERLAP", 2),
     (("2016-01-01", "2016-12-31"), "E_INTERVAL_OVERLAP", 2), (("2017-06-01", "2017-05-31"), "E_RULE", 1),
     (("2017-06-01", "9999-12-31"), "", 0)],
)  # fmt: skip
def test_states_that_overlap_or_end_before_they_begin(tmp_path, second, rule, n_aside):
    rows = [row(0, "01", "", "2016-12-31"), row(0, "02", *second), row(1, "03", "2010-01-01")]
    now, history, flow = histories(typed(tmp_path, rows, "interval"), "interval")
    step = flow.steps[1]
    assert (step.quarantined, step.n_in) == (n_aside, step.kept + step.quarantined + step.collapsed)
    assert set(now.rejected["rule"].to_pylist()) == ({rule} if rule else set())
    assert given.number(1) in on(history, "2016-06-01")[0]


@pytest.mark.parametrize(
    ("start", "period", "day"),
    [("04-01", 2019, "2020-03-31"), ("03-01", 2019, "2020-02-29"), ("01-01", 2019, "2019-12-31"),
     ("02-29", 2018, "2019-02-28"), ("02-29", 2019, "2020-02-28")],
)  # fmt: skip
def test_the_last_day_of_a_fiscal_year(start, period, day):
    assert last_day(period, Period(first=2018, last=2022, fiscal_year_start=start)).isoformat() == day


def test_a_register_of_corporate_numbers_gives_places_at_baseline_and_closures(tmp_path):
    """The layout of the National Tax Agency: a row per change, firms that closed with their cause and successor."""
    names = layouts.load("nta-corporate-number").header.names
    lines = []

    def add(i, changed, **more):
        known = {"prefecture": "東京都", "prefecture_code": "13", "city_code": "101", "is_latest": "1"}
        known |= {"firm_id": given.number(i), "firm_name": f"会社{i}", "change_date": changed} | more
        lines.append(",".join(known.get(name, "") for name in names))

    for i in given.FIRMS:
        add(i, "2015-10-05", process="01", update_date="2015-12-01")
    add(3, "2021-05-01", process="12", prefecture="北海道", prefecture_code="1", city_code="100")
    add(0, "2021-06-01", process="21", close_date="2021-06-01", close_cause="11", successor_id=given.number(7))
    add(8, "2021-06-01", process="21", close_date="2021-06-01", close_cause="01")
    (tmp_path / "register.csv").write_text("\n".join(lines) + "\n", encoding="cp932")
    data = given.tables()
    del data["firms"]
    given.write(tmp_path, data)
    asked = given.study_dict()
    asked["sources"]["firms"] = {"layout": "nta-corporate-number", "path": "register.csv"}
    asked["firms"] = {"successors": "follow", "history": "change_date", "exit": "closure", "mergers": "censor"}
    asked["covariates"]["baseline"] = ["prefecture", "municipality"]
    asked["outcome"].append({"name": "exited", "transform": "binary"})
    panel = build_panel(given.study(asked), tmp_path)
    frame = panel.to_frame().set_index("firm_id")
    assert set(frame["municipality"]) == {"13101"}
    assert given.number(0) not in frame.index
    assert frame["cohort"][given.number(7)] == 2020
    assert [frame[f"exited@{y}"][given.number(8)] for y in given.YEARS] == [0, 0, 0, 1, 1]
    steps = {s.step: s for s in panel.flow.steps}
    assert steps["state at baseline"].reason == "moved to another prefecture since: 1"
    later = build_panel(given.study(asked | {"covariates": {"baseline": ["municipality"], "period": 2022}}), tmp_path)
    assert later.to_frame().set_index("firm_id")["municipality"][given.number(3)] == "01100"
