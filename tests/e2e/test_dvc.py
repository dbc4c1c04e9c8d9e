"""`dvc repro` runs each verb of a study once, and nothing when nothing changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evalkit import examples

ROOT = Path(__file__).resolve().parents[2]
STUDY = "michigan-training-grants"
VERBS = ["build", "match", "estimate", "check", "report"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """One of the studies with its pipeline, outside of any repository."""
    shutil.copytree(ROOT / "evalkit", tmp_path / "evalkit", ignore=shutil.ignore_patterns("__pycache__"))
    text = (ROOT / "dvc.yaml").read_text("utf-8")
    listed = f"studies: [{', '.join(examples.NAMES)}]"
    assert listed in text
    (tmp_path / "dvc.yaml").write_text(text.replace(listed, f"studies: [{STUDY}]"), "utf-8")
    shutil.copy(ROOT / ".dvcignore", tmp_path)
    (tmp_path / ".dvc").mkdir()
    shutil.copy(ROOT / ".dvc" / "config", tmp_path / ".dvc")
    (tmp_path / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n")
    examples.write(STUDY, tmp_path)
    study = tmp_path / "pipelines" / STUDY / "study.toml"
    study.write_text(study.read_text("utf-8").replace('["ja", "en"]', '["en"]'), "utf-8")
    return tmp_path


def dvc(home: Path, *arguments: str) -> str:
    scripts = Path(sys.executable).parent
    environment = {
        **os.environ, "DVC_NO_ANALYTICS": "1", "PYTHONPATH": str(home), "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "HOME": str(home),
    }  # fmt: skip
    found = subprocess.run(
        [scripts / "dvc", *arguments],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def ran(out: str) -> list[str]:
    return [verb for verb in VERBS if f"Running stage '{verb}@{STUDY}'" in out]


def test_repro_runs_what_changed(copy: Path) -> None:
    assert ran(dvc(copy, "repro")) == VERBS
    folder = copy / "reports" / "out" / STUDY
    assert (folder / "release" / "report.en.html").is_file()
    assert (folder / "manifest.json").is_file()
    assert ran(dvc(copy, "repro")) == []
    study = copy / "pipelines" / STUDY / "study.toml"
    study.write_text(study.read_text("utf-8").replace("seed = 1993", "seed = 1994"), "utf-8")
    assert ran(dvc(copy, "repro", f"match@{STUDY}")) == ["build", "match"]


def test_analytics_and_update_checks_are_off(copy: Path) -> None:
    told = dvc(copy, "config", "--list")
    assert "core.analytics=false" in told
    assert "core.check_update=false" in told
