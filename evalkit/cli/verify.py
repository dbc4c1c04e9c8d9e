"""`evalkit verify RUN`."""

import os
import tempfile
from pathlib import Path
from typing import Any

import click

from evalkit.cli.study_command import json_option, run_stages, say


@click.command("verify")
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--root", type=click.Path(path_type=Path, file_okay=False),
              help="Folder that source paths are relative to. By default the nearest one at or above RUN from which "
              "the study is found.")  # fmt: skip
@click.option("--study", "study_path", type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="The study file, where it is not found from the root.")  # fmt: skip
@json_option
def command(folder: Path, root: Path | None, study_path: Path | None, as_json: bool, debug: bool) -> None:
    """Verify a run: hash every file again, run it twice, the second time on one core, and compare all bytes.

    A rehearsal beside it is hashed; `evalkit rehearse` makes it again.

    Exit code 8 when anything differs; every file that does is named.
    """
    del debug
    from evalkit.cli.rehash import problems, read_manifest
    from evalkit.errors import raise_all

    manifest = read_manifest(folder)
    home = root or _root(folder.resolve(), manifest["study_path"])
    study_path = study_path or home / manifest["study_path"]
    raise_all(problems(folder, manifest, study_path, home), "the run is not the one that was made")
    raise_all(_rerun(folder, manifest, study_path, home), "running again gives something else")
    n_files = len(manifest["outputs"]) + 1
    record = {"study": manifest["study"]["id"], "verified": True, "n_files": n_files}
    say(record, [f"verified: {n_files} files are those of the run, and two runs gave the same bytes"], as_json=as_json)


def _root(folder: Path, name: str) -> Path:
    """Return the nearest folder at or above the run from which the study is found."""
    from evalkit.errors import StudyError

    for home in (folder, *folder.parents):
        if (home / name).is_file():
            return home
    raise StudyError(
        "the study is not found from the run", where=name, code="E_NO_STUDY", hint="say --root, or --study and --root"
    )


def _rerun(folder: Path, manifest: dict[str, Any], study_path: Path, root: Path) -> list[Any]:
    """Run the study twice beside the run, after what a run finds there, and return every file whose bytes differ."""
    from evalkit.cli.rehash import WHOLE, changed
    from evalkit.cli.run_folder import LEDGER, REHEARSE, STAGES
    from evalkit.model import store

    rehearsal = list(manifest.get(REHEARSE, {}))
    names = [*manifest["outputs"], *rehearsal, WHOLE]
    before = [*rehearsal, *([LEDGER] if LEDGER in names else [])]
    for threads in (os.cpu_count() or 1, 1):
        with tempfile.TemporaryDirectory() as temporary:
            for name in before:
                store.write_bytes(Path(temporary, manifest["study"]["id"], name), (folder / name).read_bytes())
            again = run_stages(list(STAGES), study_path, Path(temporary), root, threads)[0].folder.path
            found = {p.relative_to(again).as_posix() for p in again.rglob("*") if p.is_file()}
            differ = [n for n in names if n not in found or (again / n).read_bytes() != (folder / n).read_bytes()]
            differ += sorted(found - set(names))
        if differ:
            return [changed(name, "running again gives other bytes") for name in differ]
    return []
