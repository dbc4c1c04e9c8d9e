"""`evalkit verify STUDY`."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from evalkit.cli.run_folder import STAGES, RunFolder
from evalkit.cli.study_command import progress, run_folder_options, say
from evalkit.errors import EvalkitError, IntegrityError, raise_all

LOCK, MANIFEST_OF_RUN = ".lock", "manifest.json"


@click.command("verify")
@click.option("--runs", type=click.IntRange(min=0), default=2, show_default=True, help="How often to run again.")
@run_folder_options
def command(study_path: Path, out: Path, root: Path | None, runs: int, as_json: bool, **others: Any) -> None:  # noqa: ANN401 - what all commands have
    """Check that a run is what its study, sources and code give: rehash all files, run again, compare every byte."""
    from evalkit import run
    from evalkit.cli.stages import Stages, study_root
    from evalkit.cli.study_command import run_stages

    study = run.load_study(study_path)
    folder = RunFolder(out / study.id)
    stages = Stages(study, root or study_root(study_path), folder)
    errors: list[EvalkitError] = list(_stated(folder, stages.whole_key()))
    raise_all(errors, "the run is not what was written")
    names = [path.relative_to(folder.path).as_posix() for path in _files(folder.path)]
    for number in range(runs):
        with tempfile.TemporaryDirectory() as scratch, progress(f"{study.id}: run {number + 1} of {runs}"):
            run_stages(list(STAGES), study_path, Path(scratch), root, others["threads"])
            errors += _different(folder.path, Path(scratch) / study.id, names)
        raise_all(errors, "the run is not what its study gives")
    record = {"study": study.id, "files": len(names), "runs": runs}
    say(record, [f"{len(names)} files are as written; run again {runs} times, every byte is the same"], as_json=as_json)


def _stated(folder: RunFolder, key: dict[str, Any]) -> Iterator[IntegrityError]:
    """Yield what differs from the run's manifest: study, versions, inputs, and every file."""
    from evalkit.model import store

    place = folder.path / MANIFEST_OF_RUN
    if not place.is_file():
        yield _problem("'run' has not been finished", place.name, "E_MISSING_OUTPUT")
        return
    try:
        written: dict[str, Any] = store.read_json(place)
        outputs: dict[str, str] = dict(written["outputs"])
        stated = {name: written[name] for name in key}
    except (IntegrityError, ValueError, KeyError, TypeError):
        yield _problem("the manifest is damaged", place.name, "E_HASH")
        return
    if set(written) != {*key, "outputs"}:
        yield _problem("the manifest has entries of another run", place.name, "E_HASH")
    yield from _changed(key, stated)
    yield from _unlike(folder.path, outputs)


def _changed(key: dict[str, Any], stated: dict[str, Any]) -> Iterator[IntegrityError]:
    """Yield what the run depends on and is not what it was."""
    for name, value in key.items():
        if isinstance(value, dict) and isinstance(stated[name], dict):
            parts = sorted(k for k in {*value, *stated[name]} if value.get(k) != stated[name].get(k))
            yield from (_problem(f"{name} changed since the run", part, "E_STALE") for part in parts)
        elif value != stated[name]:
            yield _problem(f"{name} changed since the run", MANIFEST_OF_RUN, "E_STALE")


def _unlike(folder: Path, outputs: dict[str, str]) -> Iterator[IntegrityError]:
    """Yield files that are missing, too many, or not those that were written."""
    from evalkit.model import store

    found = {path.relative_to(folder).as_posix(): path for path in _files(folder) if path != folder / MANIFEST_OF_RUN}
    for name in sorted({*found, *outputs}):
        if name not in outputs:
            yield _problem("a file that the run did not write", name, "E_HASH")
        elif name not in found:
            yield _problem("a file of the run is missing", name, "E_MISSING_OUTPUT")
        elif store.sha256(found[name]) != outputs[name]:
            yield _problem("a file is not the one that was written", name, "E_HASH")


def _different(first: Path, second: Path, names: list[str]) -> Iterator[IntegrityError]:
    """Yield the files whose bytes a further run does not repeat."""
    again = {path.relative_to(second).as_posix(): path for path in _files(second)}
    for name in sorted({*names, *again}):
        if name not in again or name not in names:
            yield _problem("a file that only one of two runs writes", name, "E_HASH")
        elif (first / name).read_bytes() != again[name].read_bytes():
            yield _problem("running again gives other bytes", name, "E_HASH")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != LOCK)


def _problem(text: str, where: str, code: str) -> IntegrityError:
    return IntegrityError(text, where=where, code=code, hint="run `evalkit run` again, and ask why it changed")
