"""`evalkit verify`: a byte that changed anywhere is found and named."""

import json
from pathlib import Path

import pytest

import small_study


@pytest.fixture
def done(tmp_path: Path, cli) -> Path:
    study = small_study.write(tmp_path)
    assert cli("run", study, "--out", tmp_path / "out", "--root", tmp_path).code == 0
    return tmp_path


def verify(cli, folder: Path, runs: int = 0):
    return cli("verify", folder / "study.toml", "--out", folder / "out", "--root", folder, "--runs", str(runs))


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(bytes(raw))


def test_a_sound_run_passes_and_running_again_gives_the_same_bytes(done: Path, cli) -> None:
    before = small_study.tree(done / "out")
    answer = verify(cli, done, runs=2)
    assert answer.code == 0, answer.err
    assert "every byte is the same" in answer.out
    assert small_study.tree(done / "out") == before


def test_a_flipped_bit_in_any_output_is_named(done: Path, cli) -> None:
    folder = done / "out" / "small"
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        sound = path.read_bytes()
        flip(path)
        answer = verify(cli, done)
        assert answer.code == 8, path
        name = path.relative_to(folder).as_posix()
        assert name in answer.err or name == "manifest.json", path
        path.write_bytes(sound)
    assert verify(cli, done).code == 0


@pytest.mark.parametrize("name", ["awards.csv", "firms.csv", "firm_years.csv"])
def test_a_changed_source_is_named(done: Path, cli, name: str) -> None:
    flip(done / "data" / name)
    answer = verify(cli, done)
    assert answer.code == 8
    assert f"data/{name}" in answer.err


def test_a_changed_study_is_named(done: Path, cli) -> None:
    path = done / "study.toml"
    path.write_text(path.read_text().replace("seed = 7", "seed = 8"))
    answer = verify(cli, done)
    assert answer.code == 8
    assert "seed" in answer.err
    assert "study_sha256" in answer.err


def test_files_too_many_and_too_few_are_named(done: Path, cli) -> None:
    folder = done / "out" / "small"
    (folder / "panel" / "extra.txt").write_text("x")
    (folder / "checks" / "checks.json").unlink()
    answer = verify(cli, done)
    assert answer.code == 8
    assert "panel/extra.txt" in answer.err
    assert "checks/checks.json" in answer.err


def test_what_running_again_does_not_give_is_named(done: Path, cli) -> None:
    """A headline that was rewritten, with all hashes made to fit."""
    from evalkit.model import store

    folder = done / "out" / "small"
    headline = folder / "release" / "headline.txt"
    headline.write_text("Everything went well.\n")
    own = folder / "release" / "_manifest.json"
    for path, name in ((own, "release/headline.txt"), (folder / "manifest.json", "release/headline.txt")):
        record = json.loads(path.read_text())
        record["outputs"][name] = store.sha256(headline)
        store.write_json(path, record)
    whole = json.loads((folder / "manifest.json").read_text())
    whole["outputs"]["release/_manifest.json"] = store.sha256(own)
    store.write_json(folder / "manifest.json", whole)
    assert verify(cli, done).code == 0
    answer = verify(cli, done, runs=1)
    assert answer.code == 8
    assert "release/headline.txt" in answer.err


def test_without_a_run_there_is_nothing_to_verify(tmp_path: Path, cli) -> None:
    small_study.write(tmp_path)
    answer = verify(cli, tmp_path)
    assert answer.code == 8
    assert "has not been finished" in answer.err
