"""Whether the files of a run are those that were written and read: manifest, outputs, inputs, plan, code."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evalkit import run
from evalkit.cli.run_folder import REHEARSE
from evalkit.cli.source_files import code_hash
from evalkit.errors import EvalkitError, IntegrityError
from evalkit.model import store
from evalkit.plan.canonical import digest
from evalkit.plan.lock import PlanFiles
from evalkit.plan.log import FILE, head

WHOLE = "manifest.json"


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a run.

    Raises
    ------
    IntegrityError
        `E_MISSING_OUTPUT`: there is none. `E_STALE`: it is not as it was written.
    """
    path = folder / WHOLE
    if not path.is_file():
        hint = "`evalkit run` writes it, `evalkit report` too"
        raise IntegrityError("not the folder of a whole run", where=str(path), code="E_MISSING_OUTPUT", hint=hint)
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        own = found.pop("sha256")
        is_sound = own == digest(found) and store.json_text({**found, "sha256": own}).encode() == path.read_bytes()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_sound = False
    if not is_sound:
        raise changed(WHOLE)
    return found


def problems(folder: Path, manifest: Mapping[str, Any], study_path: Path, root: Path) -> list[EvalkitError]:
    """Return every file that is not the one of the run.

    Parameters
    ----------
    folder : Path
        The run.
    manifest : dict
        Its manifest.
    study_path, root : Path
        The study file, and the folder that source paths are relative to.
    """
    return [
        *_changed(folder, {**manifest["outputs"], **manifest.get(REHEARSE, {})}), *_changed(root, manifest["inputs"]),
        *_changed(study_path.parent, _named(manifest, study_path)),
        *_log(PlanFiles(study_path.parent), manifest), *_code(manifest),
    ]  # fmt: skip


def changed(name: str, problem: str = "the file is not the one of the run") -> IntegrityError:
    """Return the error that names one file."""
    return IntegrityError(problem, where=name, code="E_STALE")


def _named(manifest: Mapping[str, Any], study_path: Path) -> dict[str, str]:
    """Return hashes of lock and study, the latter by the name it has now."""
    own = Path(manifest["study_path"]).name
    return {study_path.name if name == own else name: value for name, value in manifest["plan"].items()}


def _changed(folder: Path, hashes: Mapping[str, str]) -> Iterator[EvalkitError]:
    for name, expected in sorted(hashes.items()):
        try:
            store.verify(folder, {name: expected})
        except IntegrityError as error:
            yield changed(name) if error.code == "E_STALE" else error


def _log(files: PlanFiles, manifest: Mapping[str, Any]) -> Iterator[EvalkitError]:
    try:
        lines = files.log()
    except IntegrityError as error:
        yield error
        return
    if head(lines) != manifest["log"]:
        yield changed(FILE, "lines were added or taken away since the run")


def _code(manifest: Mapping[str, Any]) -> Iterator[EvalkitError]:
    if manifest["code_sha256"] != code_hash():
        yield changed("evalkit", "the code is not the one of the run; take that version to run it again")
    now = run.versions()
    for name, version in manifest["versions"].items():
        if now.get(name) != version:
            yield changed(name, f"the run was made with version {version}, here is {now.get(name)}")
