"""What an installed copy needs is in the wheel."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_wheel_holds_examples_layouts_and_words(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q"]
    subprocess.run([*build, "-w", str(tmp_path), str(ROOT)], check=True, capture_output=True)
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    for kind in ("etl/layouts/*.toml", "reporting/words/*.toml", "reporting/templates/*", "cli/*.toml", "**/*.py"):
        here = {p.relative_to(ROOT).as_posix() for p in (ROOT / "evalkit").glob(kind) if p.is_file()}
        assert here
        assert here <= names
    studies = {f"evalkit/examples/{p.relative_to(ROOT).as_posix()}" for p in (ROOT / "pipelines").glob("*/study.toml")}
    assert len(studies) == 2
    assert studies <= names
