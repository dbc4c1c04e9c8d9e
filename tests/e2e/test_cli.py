"""From files to a report with one command: what is written, and that it is the same every time."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import small_study
from small_study import Rows

ROOT = Path(__file__).resolve().parents[2]
WRITTEN_INTO = {"panel", "sample", "effects", "checks", "restricted", "release", "manifest.json"}


def run(cli, study: Path, out: Path, *more: str):
    return cli("run", study, "--out", out, "--root", study.parent, *more)


def shuffled(tables: dict[str, Rows]) -> None:
    for rows in tables.values():
        random.Random(3).shuffle(rows)


def test_one_command_writes_everything(tmp_path: Path, cli) -> None:
    study = small_study.write(tmp_path, study=lambda s: s.replace('["en"]', '["en", "ja"]'))
    answer = run(cli, study, tmp_path / "out")
    assert answer.code == 0, answer.err
    folder = tmp_path / "out" / "small"
    assert {p.name for p in folder.iterdir()} == WRITTEN_INTO
    for language in ("en", "ja"):
        report = folder / "release" / f"report.{language}.html"
        assert str(report) in answer.out
        assert report.stat().st_size > 10_000
    manifest = json.loads((folder / "manifest.json").read_text())
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert set(manifest["outputs"]) == files - {"manifest.json"}
    assert set(manifest["inputs"]) == {"data/awards.csv", "data/firms.csv", "data/firm_years.csv"}
    closed = [p for p in folder.iterdir() if p.is_dir() and p.name != "release"]
    assert all(p.stat().st_mode & 0o077 == 0 for p in closed)


def test_json_tells_outputs_and_a_headline_bound_to_the_interval(tmp_path: Path, cli) -> None:
    study = small_study.write(tmp_path)
    told = json.loads(run(cli, study, tmp_path / "out", "--json").out)
    assert told["study"] == "small"
    assert all(Path(name).is_file() for name in told["outputs"])
    results = json.loads((tmp_path / "out/small/release/results.json").read_text())
    numbers = {n["id"]: n["value"] for n in (results if isinstance(results, list) else results["numbers"])}
    assert numbers["effects.group_time.overall.sales.conf_low"] > 0
    assert "higher" in told["headline"]
    for quantity in ("percent", "percent_low", "percent_high"):
        assert f"{numbers[f'effects.group_time.overall.sales.{quantity}']:.1f}" in told["headline"]


def test_nothing_changed_means_nothing_runs(tmp_path: Path, cli) -> None:
    study = small_study.write(tmp_path)
    run(cli, study, tmp_path / "out")
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in (tmp_path / "out").rglob("*") if p.is_file()}
    answer = run(cli, study, tmp_path / "out")
    assert "nothing changed" in answer.out
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in (tmp_path / "out").rglob("*") if p.is_file()} == before


def test_two_runs_give_the_same_bytes_whatever_the_surroundings(tmp_path: Path) -> None:
    """Threads, hash seed, time zone, locale and folder change nothing; nor does running verb by verb."""
    study = small_study.write(tmp_path)
    verbs = ("build", "match", "estimate", "check", "report")
    for out, commands, hash_seed, zone, threads in (
        ("a", ("run",), "0", "UTC", "1"),
        ("b", verbs, "7", "Asia/Tokyo", "2"),
    ):
        home = tmp_path / f"cwd-{out}"
        home.mkdir()
        surroundings = {"PYTHONHASHSEED": hash_seed, "TZ": zone, "LC_ALL": "C", "PYTHONPATH": str(ROOT)}
        code = f"""
from evalkit.cli import commands
for verb in {commands}:
    commands.main([verb, {str(study)!r}, "--root", {str(tmp_path)!r}, "--out", {str(tmp_path / out)!r},
                   "--threads", {threads!r}], standalone_mode=False)
"""
        subprocess.run(
            [sys.executable, "-c", code], cwd=home, env={**os.environ, **surroundings}, check=True, capture_output=True
        )
    one, two = (small_study.tree(tmp_path / out) for out in "ab")
    assert len(one) > 20
    assert [name for name in one if one[name] != two.get(name)] == []
    assert set(one) == set(two)


def test_order_of_rows_changes_no_result(tmp_path: Path, cli) -> None:
    """Only the hashes of the inputs, which the report prints, and the lines of rows set aside may differ."""
    for name, spoil in (("a", lambda _: None), ("b", shuffled)):
        run(cli, small_study.write(tmp_path / name, spoil), tmp_path / name / "out")
    one, two = (small_study.tree(tmp_path / name / "out" / "small") for name in "ab")
    assert set(one) == set(two)
    changed = [json.loads(tree["panel/_manifest.json"]) for tree in (one, two)]
    for tree, manifest in zip((one, two), changed, strict=True):
        for name in [n for n in tree if n.startswith("release/")]:
            for source, sha256 in manifest["inputs"].items():
                tree[name] = tree[name].replace(sha256.encode(), source.encode())
    differ = {name for name in one if one[name] != two[name]}
    assert differ <= {"manifest.json", "panel/_manifest.json", "release/_manifest.json"}
    assert {k for k in changed[0] if changed[0][k] != changed[1][k]} == {"inputs"}


def test_a_stage_that_failed_leaves_the_last_good_report(tmp_path: Path, cli) -> None:
    study = small_study.write(tmp_path)
    run(cli, study, tmp_path / "out")
    before = small_study.tree(tmp_path / "out")
    small_study.write(tmp_path, lambda tables: tables["firm_years"].append({**tables["firm_years"][0], "sales": "1"}))
    answer = run(cli, study, tmp_path / "out")
    assert answer.code == 3
    after = small_study.tree(tmp_path / "out")
    assert {n for n in set(after) - set(before) if "restricted/rejected" not in n} == set()
    assert {n: after[n] for n in before} == before


@pytest.mark.parametrize(("kind", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_run_leaves_no_drafts_and_frees_the_lock(kind: int, code: int, tmp_path: Path, cli) -> None:
    study = small_study.write(tmp_path)
    arguments = ["build", str(study), "--root", str(tmp_path), "--out", str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_BUILD, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        busy = cli(*arguments)
        assert busy.code == 6
        assert "E_BUSY" in busy.err
        process.send_signal(kind)
        assert process.wait() == code
    assert not (tmp_path / "out").exists()


def test_after_a_killed_run_all_is_as_if_it_had_never_been(tmp_path: Path, cli) -> None:
    study = small_study.write(tmp_path)
    for out in ("killed", "clean"):
        arguments = ["build", str(study), "--root", str(tmp_path), "--out", str(tmp_path / out)]
        if out == "killed":
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            command = [sys.executable, "-c", SLOW_BUILD, *arguments]
            with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                assert process.stdout.readline() == b"writing\n"
                process.kill()
            assert (tmp_path / out / "small" / ".draft").is_dir()
            (tmp_path / out / "small" / ".manifest.json.1.tmp").touch()
        assert cli(*arguments).code == 0
    assert small_study.tree(tmp_path / "killed") == small_study.tree(tmp_path / "clean")


SLOW_BUILD = """
import signal
import time
signal.signal(signal.SIGINT, signal.default_int_handler)  # where tests run in the background it is ignored
from evalkit import run
from evalkit.cli import main

def build(study, root, quarantine):
    quarantine.mkdir(parents=True)
    (quarantine / "half").write_text("half")
    print("writing", flush=True)
    time.sleep(60)

run.build = build
main()
"""
