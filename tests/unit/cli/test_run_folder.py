"""What a run folder holds is whole, belongs together, and has one writer."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import small_study
from evalkit.cli.run_folder import STAGES, RunFolder
from evalkit.errors import BusyError, DataError, IntegrityError

KEY = {"study_sha256": "s", "inputs": {"a.csv": "1"}}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "out" / "id")


def fill(folder: RunFolder, stage: str, *names: str) -> None:
    with folder.only_writer(), folder.writing(stage, KEY) as draft:
        put(draft, names)


def fail(folder: RunFolder, error: Exception, *names: str) -> None:
    with folder.only_writer(), folder.writing("build", KEY) as draft:
        put(draft, names, "half")
        raise error


def put(draft: Path, names: tuple[str, ...], text: str = "whole") -> None:
    for name in names:
        (draft / name).parent.mkdir(parents=True, exist_ok=True)
        (draft / name).write_text(text)


def test_files_take_their_places_with_a_manifest(folder: RunFolder) -> None:
    fill(folder, "build", "panel/a", "restricted/quarantine/b")
    assert set(folder.outputs("build")) == {"panel/a", "restricted/quarantine/b"}
    assert folder.problem("build", KEY) is None
    assert {p.name for p in folder.path.iterdir()} == {"panel", "restricted"}


def test_restricted_folders_are_closed_to_others_and_the_release_is_not(folder: RunFolder) -> None:
    fill(folder, "build", "panel/a", "restricted/quarantine/b")
    fill(folder, "report", "release/figures/c")
    for name in ("panel", "restricted", "restricted/quarantine"):
        assert (folder.path / name).stat().st_mode & 0o777 == 0o700
    assert (folder.path / "panel/a").stat().st_mode & 0o777 == 0o600
    assert (folder.path / "release/figures/c").stat().st_mode & 0o044 == 0o044
    assert (folder.path / "release/figures").stat().st_mode & 0o055 == 0o055


def test_a_stage_that_fails_leaves_everything_as_it_was(folder: RunFolder) -> None:
    fill(folder, "build", "panel/a")
    before = small_study.tree(folder.path)
    with pytest.raises(ValueError, match="half"):
        fail(folder, ValueError("half"), "panel/a")
    assert small_study.tree(folder.path) == before


def test_a_failing_first_stage_leaves_no_folder(folder: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="x"):
        fail(folder, ValueError("x"))
    assert list(tmp_path.iterdir()) == []


def test_rejected_rows_are_kept_apart_until_a_build_succeeds(folder: RunFolder) -> None:
    fill(folder, "build", "panel/a", "restricted/quarantine/b")
    with pytest.raises(DataError) as caught:
        fail(folder, DataError("too many"), "panel/a", "restricted/quarantine/c")
    rejected = folder.path / "restricted" / "rejected"
    assert [p.name for p in rejected.iterdir()] == ["c"]
    assert str(rejected) in caught.value.__notes__[0]
    assert folder.problem("build", KEY) is None
    fill(folder, "build", "panel/a")
    assert not rejected.exists()


def test_files_that_a_stage_no_longer_writes_go(folder: RunFolder) -> None:
    fill(folder, "estimate", "effects/x/a", "effects/y/a")
    fill(folder, "estimate", "effects/x/a")
    assert {p.name for p in (folder.path / "effects").iterdir()} == {"x", "_manifest.json"}


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda path: (path / "panel/a").write_text("other"), "E_STALE"),
        (lambda path: (path / "panel/a").unlink(), "E_MISSING_OUTPUT"),
        (lambda path: (path / "panel/_manifest.json").unlink(), "E_MISSING_OUTPUT"),
        (lambda path: (path / "panel/_manifest.json").write_text("{"), "E_STALE"),
        (lambda path: (path / "panel/_manifest.json").write_text("[]"), "E_STALE"),
    ],
)
def test_damage_is_found(folder: RunFolder, damage, code: str) -> None:
    fill(folder, "build", "panel/a")
    damage(folder.path)
    problem = folder.problem("build", KEY)
    assert isinstance(problem, IntegrityError)
    assert (problem.code, problem.exit_code) == (code, 8)
    assert "evalkit build" in problem.hint


def test_a_changed_key_names_what_changed(folder: RunFolder) -> None:
    fill(folder, "build", "panel/a")
    problem = folder.problem("build", {**KEY, "inputs": {"a.csv": "2"}})
    assert problem is not None
    assert (problem.code, problem.problem) == ("E_STALE", "changed since 'build' ran: inputs")


def test_any_new_stage_takes_back_the_manifest_of_the_whole(folder: RunFolder) -> None:
    for stage, name in STAGES.items():
        fill(folder, stage, f"{name}/a")
    folder.finish(KEY)
    whole = json.loads((folder.path / "manifest.json").read_text())
    assert set(whole["outputs"]) == {f"{n}/{f}" for n in STAGES.values() for f in ("a", "_manifest.json")}
    fill(folder, "build", "panel/a")
    assert not (folder.path / "manifest.json").exists()


def test_the_second_writer_is_refused_and_changes_nothing(folder: RunFolder) -> None:
    fill(folder, "build", "panel/a")
    code = f"""
import sys
from pathlib import Path
from evalkit.cli.run_folder import RunFolder
with RunFolder(Path({str(folder.path)!r})).only_writer():
    print("held", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        before = small_study.tree(folder.path)
        with pytest.raises(BusyError) as caught, folder.only_writer():
            pass
        assert caught.value.exit_code == 6
        assert small_study.tree(folder.path) == before
        other.communicate()
    fill(folder, "build", "panel/b")
    assert not (folder.path / ".lock").exists()
