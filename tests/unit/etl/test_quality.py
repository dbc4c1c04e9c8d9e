"""The quality report against counts made firm by firm in plain Python."""

import json
import math
import statistics

import numpy as np
import pandas as pd
import pytest

from evalkit.etl.quality import lines, quality
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.panel import Panel
from evalkit.model.study import Outcome

YEARS = range(2015, 2020)
N_FIRMS = 60
SMALL = 1e-9
"""Percentages of counts below 100 differ by far more when they are wrong."""


def frame(seed: int = 5) -> pd.DataFrame:
    """Return firms that leave, miss values, and change unit now and then; the last cohort lies after the panel."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(N_FIRMS):
        leaves = random.integers(2016, 2023)
        level = 1000.0 * (i + 1)
        for year in YEARS:
            level *= random.choice([0.9, 1.0, 1.1, 10.5, 0.001, 1e6], p=[0.3, 0.3, 0.3, 0.04, 0.04, 0.02])
            sales = (
                None
                if random.random() < 0.15 or year >= leaves
                else level * random.choice([1, -1, 0], p=[0.9, 0.05, 0.05])
            )
            staff = None if random.random() < 0.3 or year >= leaves else float(random.integers(1, 9))
            rows.append(
                (f"f{i:02d}", year, [0, 0, 2017, 2018, 2021][i % 5], sales, staff, None if i % 7 == 1 else i / 2)
            )
    return pd.DataFrame(rows, columns=["firm", "year", "cohort", "sales", "staff", "size"]).astype({"sales": float})


def panel_of(table: pd.DataFrame) -> Panel:
    return Panel.from_frame(
        table, firm="firm", year="year", cohort="cohort", outcomes=["sales", "staff"], covariates=["size"]
    )


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return frame()


@pytest.fixture(scope="module")
def found(table: pd.DataFrame) -> dict:
    return quality(panel_of(table))


def values(table: pd.DataFrame, column: str) -> dict[str, dict[int, float]]:
    """Return the observed values by firm and year."""
    result: dict[str, dict[int, float]] = {firm: {} for firm in table["firm"]}
    for row in table.itertuples():
        if not math.isnan(getattr(row, column)):
            result[row.firm][row.year] = getattr(row, column)
    return result


def arms(table: pd.DataFrame) -> dict[str, set[str]]:
    treated = {r.firm for r in table.itertuples() if 0 < r.cohort <= max(YEARS)}
    return {"treated": treated, "control": set(table["firm"]) - treated}


def test_firms_by_arm(table: pd.DataFrame, found: dict) -> None:
    assert found["firms"] == {arm: len(firms) for arm, firms in arms(table).items()} == {"treated": 24, "control": 36}


def test_missing_by_arm_and_period(table: pd.DataFrame, found: dict) -> None:
    rows = {(r["column"], r["period"]): r for r in found["missing"]}
    assert len(rows) == len(found["missing"]) == 2 * len(YEARS) + 1
    for column in ("sales", "staff"):
        seen = values(table, column)
        for year in YEARS:
            share = {}
            for arm, firms in arms(table).items():
                n_missing = sum(year not in seen[firm] for firm in firms)
                share[arm] = 100 * n_missing / len(firms)
                assert rows[column, year][f"n_missing_{arm}"] == n_missing
                assert rows[column, year][f"percent_missing_{arm}"] == pytest.approx(share[arm], abs=SMALL)
            gap = share["treated"] - share["control"]
            assert rows[column, year]["gap_points"] == pytest.approx(gap, abs=SMALL)
            assert rows[column, year]["verdict"] == ("red" if abs(gap) > 20 else "warn" if abs(gap) > 5 else "ok")
    assert rows["size", None]["n_missing_treated"] + rows["size", None]["n_missing_control"] == 9


def test_values_by_period(table: pd.DataFrame, found: dict) -> None:
    seen = values(table, "sales")
    for row in (r for r in found["values"] if r["column"] == "sales"):
        known = [of[row["period"]] for of in seen.values() if row["period"] in of]
        cuts = statistics.quantiles(known, n=20, method="inclusive")
        assert row["n"] == len(known)
        assert row["n_zero"] == known.count(0)
        assert row["mean"] == pytest.approx(statistics.fmean(known))
        assert [row[f"p{q}"] for q in ("05", "25", "50", "75", "95")] == pytest.approx(
            [cuts[i] for i in (0, 4, 9, 14, 18)]
        )


def test_few_values_are_only_counted(table: pd.DataFrame) -> None:
    rows = quality(panel_of(table), threshold=N_FIRMS + 1)["values"]
    assert all(r["n"] > 0 for r in rows)
    assert {r[name] for r in rows for name in ("mean", "p05", "p50", "p95")} == {None}


def test_jumps_by_factor_and_arm(table: pd.DataFrame, found: dict) -> None:
    rows = {(r["period"], r["factor"]): r for r in found["jumps"] if r["column"] == "sales"}
    n_jumps = 0
    seen = values(table, "sales")
    for year in list(YEARS)[1:]:
        for factor in (10, 1_000, 1_000_000):
            counts = dict.fromkeys(("treated", "control"), 0)
            for arm, firms in arms(table).items():
                for before, after in ((seen[f].get(year - 1), seen[f].get(year)) for f in firms):
                    ratio = abs(after / before) if before and after else 1.0
                    counts[arm] += any(factor * 10**-0.15 <= r <= factor * 10**0.15 for r in (ratio, 1 / ratio))
            n_jumps += sum(counts.values())
            told = rows.get((year, factor), {"n_treated": 0, "n_control": 0})
            assert {arm: told[f"n_{arm}"] for arm in counts} == counts
    assert n_jumps > 10


def test_exits_by_arm(table: pd.DataFrame, found: dict) -> None:
    sales, staff = values(table, "sales"), values(table, "staff")
    last = {firm: max([*sales[firm], *staff[firm]], default=0) for firm in sales}
    assert [r["period"] for r in found["exits"]] == list(YEARS)[1:]
    for row in found["exits"]:
        for arm, firms in arms(table).items():
            n_exits = sum(last[f] == row["period"] - 1 for f in firms)
            assert row[f"n_exit_{arm}"] == n_exits
            before = sum(last[f] >= row["period"] - 1 for f in firms)
            assert row[f"percent_exit_{arm}"] == pytest.approx(100 * n_exits / before, abs=SMALL)


@pytest.mark.parametrize(("n_missing", "verdict"), [(0, "ok"), (5, "ok"), (6, "warn"), (20, "warn"), (21, "red")])
def test_the_bounds_of_differential_missingness(n_missing: int, verdict: str) -> None:
    rows = [
        (f"t{i:03d}", 2015 + y, 2016, None if i < n_missing and y else 1.0 + i + y) for i in range(100) for y in (0, 1)
    ]
    rows += [(f"c{i:03d}", 2015 + y, 0, 1.0 + i + y) for i in range(100) for y in (0, 1)]
    table = pd.DataFrame(rows, columns=["firm", "year", "cohort", "sales"])
    found = quality(Panel.from_frame(table, firm="firm", year="year", cohort="cohort", outcomes=["sales"]))
    assert found["missing"][1]["verdict"] == found["verdict"] == verdict


def test_duplicates_and_links_are_told(table: pd.DataFrame) -> None:
    flow = Flow().add(FlowStep("distinct awards", "rows", 9, 5, quarantined=1, collapsed=3))
    panel = panel_of(table)
    given = Panel(panel.source, panel.periods, panel.outcomes, panel.covariates, flow=flow)
    counts = {"n_rows": 10, "n_linked": 5, "n_ambiguous": 1, "n_unlinked": 3, "n_no_corpno": 1}
    link = {"programme": "P", "fiscal_year": 2016, **counts, "percent_linked": 55.6, "percent_covered": 50.0,
            "verdict": "red"}  # fmt: skip
    found = quality(given, links={"links": [link]})
    assert found["duplicates"] == [{"step": "distinct awards", "in": 9, "equal": 3, "contradicting": 1}]
    assert found["links"] == [link]
    assert found["verdict"] == "red"
    assert any(line.startswith("P ") and line.endswith("red") for line in lines(found))


def test_the_order_of_rows_and_the_way_of_storing_change_nothing(table: pd.DataFrame, found: dict, tmp_path) -> None:
    shuffled = panel_of(table.sample(frac=1, random_state=1))
    shuffled.save(tmp_path)
    assert quality(Panel.load(tmp_path)) == found
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_panel_without_treated_firms_or_values_is_described() -> None:
    table = pd.DataFrame({"firm": ["a", "b"], "year": [2015, 2016], "cohort": [0, 0], "sales": [np.nan, np.nan]})
    outcome = Outcome(name="sales", column="sales")
    panel = Panel.from_frame(table, firm="firm", year="year", cohort="cohort", outcomes={"sales": "level"})
    found = quality(Panel(panel.source, panel.periods, (outcome,)))
    assert found["missing"][0]["percent_missing_treated"] is None
    assert found["missing"][0]["gap_points"] is None
    assert found["exits"][0]["percent_exit_control"] is None
    assert len(lines(found)) > 5
