"""`evalkit compare`: what changed between two runs, and why."""

import json
from pathlib import Path

import pytest

import evalkit as ek
import small_study


def made(folder: Path, cli, study=lambda s: s, spoil=lambda _: None) -> Path:
    path = small_study.write(folder, spoil, study)
    assert cli("run", path, "--out", folder / "out", "--root", folder).code == 0
    return folder / "out" / "small"


def compared(cli, first: Path, second: Path) -> dict:
    answer = cli("compare", first, second, "--json")
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def test_two_runs_of_the_same_differ_in_nothing(tmp_path: Path, cli) -> None:
    first, second = made(tmp_path / "a", cli), made(tmp_path / "b", cli)
    assert compared(cli, first, second) == {"why": [], "effects": []}
    assert "no effect changed" in cli("compare", first, second).out


def test_a_changed_source_and_the_effect_it_moved_are_told_in_standard_errors(tmp_path: Path, cli) -> None:
    def spoil(rows: dict[str, small_study.Rows]) -> None:
        for row in rows["firm_years"][-70:]:
            row["sales"] = str(int(row["sales"]) * 2)

    first, second = made(tmp_path / "a", cli), made(tmp_path / "b", cli, spoil=spoil)
    found = compared(cli, first, second)
    assert found["why"] == ["inputs/data/firm_years.csv"]
    (row,) = found["effects"]
    old, new = (
        ek.aggregate(ek.Effects.load(folder / "effects" / "group_time")).table.iloc[0] for folder in (first, second)
    )
    assert row["before"] == old["estimate"]
    assert row["errors_moved"] == pytest.approx((new["estimate"] - old["estimate"]) / old["std_error"])


def test_an_estimate_that_only_one_run_has_is_named(tmp_path: Path, cli) -> None:
    def study(text: str) -> str:
        return text.replace("[[check]]", '[[estimate]]\nmethod = "twfe"\n[[check]]', 1)

    first, second = made(tmp_path / "a", cli), made(tmp_path / "b", cli, study=study)
    found = compared(cli, first, second)
    assert found["why"] == ["study_sha256"]
    assert [(row["estimate_name"], row["before"]) for row in found["effects"]] == [("twfe", None)]


def test_a_folder_without_a_run_is_refused(tmp_path: Path, cli) -> None:
    first = made(tmp_path / "a", cli)
    answer = cli("compare", first, tmp_path)
    assert answer.code == 8
    assert "no finished run" in answer.err
