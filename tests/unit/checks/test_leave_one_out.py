"""The effect without one group at a time."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.errors import UnknownNameError


def frame(n: int = 240, **settings: float) -> pd.DataFrame:
    table = twins.frame(n=n, **settings)
    code = table["firm"].str[1:].astype(int)
    return table.assign(trade=np.where(code % 3 == 0, "a", "b"), town="t" + (code % 40).astype(str))


def sample(table: pd.DataFrame) -> ek.MatchedSample:
    return twins.sample(twins.panel(table, covariates=("trade", "town")))


def check(table: pd.DataFrame, **options: object) -> ek.CheckResult:
    s = sample(table)
    return ek.check(s, ek.estimate(s, "group_time"), "leave_one_out", **options)


def test_moves_are_those_of_an_estimate_without_the_firms() -> None:
    table = frame(seed=2)
    result = check(table, by=("cohort", "trade"))
    whole = ek.aggregate(ek.estimate(sample(table), "group_time")).table.iloc[0]
    assert [(r["covariate"], r["level"]) for r in result.rows] == [
        ("cohort", "2013"), ("cohort", "2014"), ("cohort", "2015"), ("trade", "a"), ("trade", "b"),
    ]  # fmt: skip
    for row in result.rows:
        column = "g" if row["covariate"] == "cohort" else "trade"
        kept = table[table[column].astype(str) != row["level"]]
        again = ek.aggregate(ek.estimate(sample(kept), "group_time")).table.iloc[0]
        moved = abs(again["estimate"] - whole["estimate"]) / whole["std_error"]
        assert row["errors_moved"] == max(s for s in (0.0, 0.25, 0.5, 1.0, 2.0) if s <= moved)


@pytest.mark.parametrize(
    ("in_a", "in_b", "kind", "verdict"),
    [(0.5, 0.5, "pass", "pass"), (3.0, 0.2, "moved", "warn"), (4.0, -0.6, "turned", "fail")],
)
def test_rule_table(in_a: float, in_b: float, kind: str, verdict: str) -> None:
    table = frame(effect=0.0)
    hit = (table["g"] > 0) & (table["year"] >= table["g"])
    own = np.where(table["trade"] == "a", in_a, in_b)
    result = check(table.assign(y=table["y"] + own * hit), by=("trade",))
    assert (result.values["case"], result.verdict) == (kind, verdict)
    assert kind == "pass" or result.values["level"] == "a"


def test_small_groups_are_counted_and_not_left_out() -> None:
    result = check(frame())
    towns = [r for r in result.rows if r["covariate"] == "town"]
    assert towns == []
    assert result.values["small_groups"] == 40
    assert result.values["groups"] == 5
    assert check(frame(), by=("town",)).values["case"] == "too_few"


@pytest.mark.parametrize("effect", [1.0, -1.0])
def test_a_group_that_holds_all_supported_firms_stays_in(effect: float) -> None:
    """Without it nothing is left to estimate: that says nothing about what the effect rests on."""
    table = frame(effect=effect)
    table = table.assign(g=np.where(table["g"] > 0, 2013, 0), trade=np.where(table["g"] > 0, "a", table["trade"]))
    result = check(table, by=("cohort", "trade"))
    assert (result.verdict, result.values["case"]) == ("info", "too_few")
    both = check(table.assign(town="t" + table["firm"].str[-1].isin(list("01234")).astype(str)))
    assert both.verdict == "pass"
    assert [row["covariate"] for row in both.rows] == ["town", "town"]
    assert (both.values["groups"], both.values["small_groups"], both.values["whole_groups"]) == (2, 1, 2)


def test_a_group_beside_which_few_are_left_stays_in() -> None:
    table = frame()
    few = sorted(table.loc[table["g"] > 0, "firm"].unique())[:9]
    result = check(table.assign(trade=np.where(table["firm"].isin(few), "a", "b")), by=("trade",))
    assert result.values["case"] == "too_few"


def test_an_estimate_that_cannot_be_made_is_counted() -> None:
    """Against never supported firms nothing is left without the trade that all of them are in."""
    table = frame()
    table = table.assign(trade=np.where((table["g"] == 0) | (table["firm"].str[-1] < "5"), "a", "b"))
    s = sample(table)
    effects = [ek.estimate(s, "group_time", comparison=c) for c in ("never_treated", "not_yet_treated")]
    result = ek.check(s, effects, "leave_one_out", by=("trade",))
    assert result.values["not_estimated"] == 1
    assert [r["level"] for r in result.rows] == ["b", "a", "b"]


def test_what_firms_are_clustered_by_is_left_out_too() -> None:
    table = frame().assign(prefecture=lambda t: "p" + (t["firm"].str[1:].astype(int) % 4).astype(str))
    panel = twins.panel(table, covariates=("trade",), clusters=("prefecture",))
    s = twins.sample(panel)
    result = ek.check(s, ek.estimate(s, "group_time"), "leave_one_out")
    assert [r["level"] for r in result.rows if r["covariate"] == "prefecture"] == ["p0", "p1", "p2", "p3"]


def test_of_many_rows_those_that_move_most_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalkit.checks.leave_one_out.MOST_ROWS", 2)
    table = frame(effect=0.0)
    own = np.where(table["trade"] == "b", 3.0, 0.2) * ((table["g"] > 0) & (table["year"] >= table["g"]))
    result = check(table.assign(y=table["y"] + own))
    assert len(result.rows) == 2
    assert result.values["errors_moved"] in [row["errors_moved"] for row in result.rows]


def test_what_was_left_out_cannot_be_worked_out() -> None:
    """The table has no effect, no count and no exact move."""
    columns = {column for row in check(frame()).rows for column in row}
    assert columns == {"outcome", "method", "covariate", "level", "errors_moved", "turned"}


def test_an_unknown_category_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="no category 'tade'") as caught:
        check(frame(), by=("tade",))
    assert "trade" in caught.value.hint


def test_without_an_error_there_is_no_move() -> None:
    s = dataclasses.replace(sample(frame()))
    assert ek.check(s, (), "leave_one_out").values["case"] == "too_few"
