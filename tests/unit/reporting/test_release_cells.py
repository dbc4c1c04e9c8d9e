"""Effects by cohort and year in a release: all of an outcome, or none."""

import dataclasses

import numpy as np
import pytest

import reports
from evalkit.model.evaluation import Release
from evalkit.reporting.drawings import drawings
from evalkit.reporting.figures.tile_map import by_prefecture
from evalkit.reporting.points import released_rows
from evalkit.reporting.release import release
from evalkit.reporting.words import words

CELLS = "effects/group_time/cell"


def released(last: int) -> Release:
    """Return a release with a last cohort of some firms."""
    made = reports.effects(reports.study(), cohorts={2018: 40, 2019: 30, 2020: last})
    return release(reports.evaluation(effects=(made,)))


def test_cells_stand_as_estimated_on_the_scale_read_first() -> None:
    made = reports.effects(reports.study())
    rows = released_rows(release(reports.evaluation(effects=(made,))), CELLS)
    table = made.table.set_index(["outcome", "cohort", "year"])
    assert len(rows) == len(table)
    for row in rows:
        found = table.loc[(row["outcome"], row["cohort"], row["year"])]
        if row["outcome"] == "sales":
            assert row["percent"] == pytest.approx(100 * np.expm1(found["estimate"]), rel=1e-9)
            assert row["percent_low"] == pytest.approx(100 * np.expm1(found["conf_low"]), rel=1e-9)
        if row["outcome"] == "hours":
            assert row["level"] == pytest.approx(found["estimate"], rel=1e-9)
        assert not {"n_treated", "n_control"} & set(row)


def test_one_small_cohort_hides_all_cells_of_its_outcomes() -> None:
    """Averages by year are shown, so one hidden cell would follow from them and the others."""
    assert all(r.get("percent", r.get("level")) is not None for r in released_rows(released(20), CELLS))
    hidden = released(9)
    assert all(r.get("percent", r.get("level")) is None for r in released_rows(hidden, CELLS))
    assert "cohort_year/group_time" not in drawings(hidden, words("en"))


def test_a_release_draws_its_cells() -> None:
    made = released(20)
    drawing = drawings(made, words("ja"))["cohort_year/group_time"]
    assert drawing.title == "売上高：支援開始年度・年度別の効果（グループタイム推定）"


def test_estimates_by_group_have_no_cells() -> None:
    made = reports.effects(reports.study())
    grouped = dataclasses.replace(made, table=made.table.assign(group="all"), shares=None)
    assert CELLS not in release(reports.evaluation(effects=(grouped,))).tables


def test_a_map_needs_five_prefectures() -> None:
    rows = [{"level": name, "share": 1.0} for name in ("東京都", "大阪府", "Kyoto", "製造業", "04")]
    assert by_prefecture(rows, "level", "share") == {}
    more = [*rows, {"level": "沖縄", "share": None}]
    assert by_prefecture(more, "level", "share") == {"13": 1.0, "27": 1.0, "26": 1.0, "04": 1.0, "47": None}
