"""Link rates by programme and year, counted by hand."""

from pathlib import Path

import etl_inputs as given
from evalkit.etl.awards.link_rates import link_rates
from evalkit.etl.build import build_panel

STRANGERS = {100: "2020-06-01", 101: "2021-06-01"}
"""Firms without firm-years, and the dates of their awards."""


def rates(tmp_path: Path, *programmes: str) -> list[tuple[object, ...]]:
    tables = given.tables()
    more = [{**tables["awards"][0], "award_id": f"B{i}", "法人番号": given.number(i), "交付決定日": d}
            for i, d in STRANGERS.items()]  # fmt: skip
    bad = [{**tables["awards"][0], "award_id": "C", "法人番号": "1234567890123"},
           {**tables["awards"][0], "award_id": "D", "交付決定日": "soon"}]  # fmt: skip
    other = [{**tables["awards"][0], "award_id": "E", "programme": "P2"}]
    tables["awards"] += [*more, *bad, *other]
    root = given.write(tmp_path, tables)
    data = given.study_dict()
    data["treatment"]["programme"] = list(programmes)
    study = given.study(data)
    build_panel(study, root, tmp_path / "quarantine")
    return [tuple(row.values()) for row in link_rates(study, root, tmp_path / "quarantine")["links"]]


def test_rows_that_break_another_rule_are_not_counted(tmp_path: Path) -> None:
    assert [row[:4] for row in rates(tmp_path, "P1")] == [("P1", 2020, 4, 3), ("P1", 2021, 4, 3)]


def test_all_programmes_when_the_study_names_none(tmp_path: Path) -> None:
    found = rates(tmp_path)
    assert found == [
        ("P1", 2020, 4, 3, 0, 1, 0, 75.0, 75.0, "warn"),
        ("P1", 2021, 4, 3, 0, 1, 0, 75.0, 75.0, "warn"),
        ("P2", 2020, 1, 1, 0, 0, 0, 100.0, 100.0, "ok"),
    ]
