"""Files that a run depends on: where its root is, and the SHA-256 of its sources and of evalkit's own code."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import evalkit
from evalkit.etl.paths import input_files
from evalkit.etl.vintages import source_files, sources_of
from evalkit.model import store
from evalkit.model.study import Study

ROOT_MARKS = ("pyproject.toml", "dvc.yaml", ".git", "pipelines")


def study_root(study_path: Path) -> Path:
    """Return the folder that source paths are relative to.

    The nearest folder at or above the study file that holds `pyproject.toml`, `dvc.yaml`, `.git` or `pipelines`;
    else the study's own folder.
    """
    home = study_path.resolve().parent
    marked = (f for f in (home, *home.parents) if any((f / mark).exists() for mark in ROOT_MARKS))
    return next(marked, home)


def source_hashes(study: Study, root: Path, without: Sequence[str] = ()) -> dict[str, str]:
    """Return SHA-256 by path below the root of every file of a study's sources.

    Parameters
    ----------
    study : Study
        Its sources imported into their archives (`vintages.imported`).
    root : Path
        Folder that source paths are relative to.
    without : sequence of str
        Roles whose files are left out, their lists of codes too.
    """
    home, start = root.resolve(), study.period.fiscal_year_start
    files: list[Path] = []
    for role, source in sources_of(study):
        if role not in without:
            files += [file.path for file in source_files(source, home, f"sources.{role}.path", start)]
            for path in (*source.codes.values(), *source.concordance.values()):
                files += input_files(path, home, f"sources.{role}")
    return {f.relative_to(home).as_posix(): store.sha256(f) for f in files}


def code_hash() -> str:
    """Return the SHA-256 of evalkit's own files, so that outputs of other code count as out of date."""
    home = Path(evalkit.__file__).parent
    whole = hashlib.sha256()
    for path in sorted(p for p in home.rglob("*") if p.is_file() and p.parent.name != "__pycache__"):
        whole.update(f"{path.relative_to(home).as_posix()}\0{store.sha256(path)}\0".encode())
    return whole.hexdigest()
