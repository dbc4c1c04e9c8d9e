"""Effects by groups of supported firms, amounts awarded for example, in the release and on the page."""

import dataclasses

import numpy as np
import pytest

import reports
from evalkit.model.evaluation import Release
from evalkit.reporting.release import release
from evalkit.reporting.render import write_report

LOW, HIGH = "1: <= 5", "2: > 5"


def released(n_high: int) -> Release:
    """Return a release in which the cohort of 2020, `n_high` firms, is a group of its own."""
    made = reports.effects(reports.study(), cohorts={2018: 40, 2019: 30, 2020: n_high})
    group = np.where(made.table["cohort"] == 2020, HIGH, LOW)
    shares = dataclasses.replace(made.shares, groups=np.array([LOW, LOW, HIGH]))
    grouped = dataclasses.replace(made, table=made.table.assign(group=group), shares=shares)
    return release(reports.evaluation(effects=(grouped,)))


def test_each_group_has_its_numbers() -> None:
    made = released(20)
    rows = {r.labels["group"]: r for r in made.tables["effects/group_time/group"] if r.labels["outcome"] == "sales"}
    assert [made.value(rows[g], "n_treated") for g in (LOW, HIGH)] == [70, 20]
    assert made.value(rows[HIGH], "estimate") == pytest.approx(0.05)
    assert rows[HIGH].numbers["estimate"] == f"effects.group_time.group.sales.{HIGH}.estimate"


def test_a_small_group_is_hidden_with_another_one() -> None:
    made = released(9)
    for row in made.tables["effects/group_time/group"]:
        assert made.value(row, "estimate") is None
        assert made.value(row, "n_treated") is None
    assert made.value(made.tables["effects/group_time/overall"][0], "n_treated") == 79


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_shows_groups_below_the_whole(language: str, tmp_path) -> None:
    write_report(released(20), tmp_path, [language])
    html = (tmp_path / f"report.{language}.html").read_text(encoding="utf-8")
    assert html.count("1: &lt;= 5") == html.count("2: &gt; 5") > 0
    assert LOW not in html
