"""Stages run when something they depend on changed, and refuse what does not belong together."""

import json
from pathlib import Path

import pytest

import small_study
from evalkit.cli.source_files import code_hash, study_root


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return small_study.write(tmp_path)


def verb(cli, name: str, study: Path):
    return cli(name, study, "--out", study.parent / "out", "--root", study.parent)


def test_a_verb_needs_the_verb_before(study: Path, cli) -> None:
    answer = verb(cli, "match", study)
    assert answer.code == 8
    assert "E_MISSING_OUTPUT" in answer.err
    assert "run `evalkit build` first" in answer.err
    assert not (study.parent / "out").exists()


def test_verbs_one_by_one(study: Path, cli) -> None:
    for name in ("build", "match", "estimate", "check"):
        answer = verb(cli, name, study)
        assert answer.code == 0, answer.err
        assert f"{name}: wrote" in answer.out
    rows = json.loads((study.parent / "out/small/effects/effects.json").read_text())
    assert {r["estimate_name"] for r in rows} == {"group_time"}
    assert {"outcome", "cohort", "year", "estimate", "std_error", "n_treated"} <= set(rows[0])


def test_a_verb_again_changes_nothing(study: Path, cli) -> None:
    verb(cli, "build", study)
    folder = study.parent / "out" / "small"
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}
    answer = verb(cli, "build", study)
    assert "nothing changed" in answer.out
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()} == before


def test_a_changed_source_makes_the_panel_stale(study: Path, cli) -> None:
    verb(cli, "build", study)
    with (study.parent / "data" / "firms.csv").open("a") as file:
        file.write("\n")
    answer = verb(cli, "match", study)
    assert answer.code == 8
    assert "E_STALE" in answer.err
    assert "inputs" in answer.err


def test_a_changed_study_makes_the_panel_stale(study: Path, cli) -> None:
    verb(cli, "build", study)
    study.write_text(study.read_text().replace("seed = 7", "seed = 8"))
    answer = verb(cli, "match", study)
    assert answer.code == 8
    assert "study_sha256" in answer.err


def test_layout_of_the_study_file_does_not_matter(study: Path, cli) -> None:
    verb(cli, "build", study)
    study.write_text("# a remark\n" + study.read_text())
    assert "nothing changed" in verb(cli, "build", study).out


@pytest.mark.parametrize("name", ["panel.parquet", "panel.json", "flow.json"])
def test_a_changed_output_is_refused(name: str, study: Path, cli) -> None:
    verb(cli, "build", study)
    path = study.parent / "out" / "small" / "panel" / name
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    answer = verb(cli, "match", study)
    assert answer.code == 8
    assert "E_STALE" in answer.err


def test_two_estimates_of_one_method_have_folders_of_their_own(tmp_path: Path, cli) -> None:
    second = '[[estimate]]\nmethod = "group_time"\ncomparison = "not_yet_treated"\n[[check]]'
    study = small_study.write(tmp_path, study=lambda s: s.replace("[[check]]", second))
    for name in ("build", "match", "estimate"):
        verb(cli, name, study)
    names = {p.name for p in (tmp_path / "out/small/effects").iterdir() if p.is_dir()}
    assert names == {"group_time", "group_time-2"}


def test_the_root_is_the_nearest_marked_folder(tmp_path: Path) -> None:
    study = tmp_path / "a" / "pipelines" / "b" / "study.toml"
    study.parent.mkdir(parents=True)
    study.touch()
    assert study_root(study) == tmp_path / "a"
    (study.parent / "dvc.yaml").touch()
    assert study_root(study) == study.parent


def test_the_code_hash_is_stable() -> None:
    assert code_hash() == code_hash()
    assert len(code_hash()) == 64
