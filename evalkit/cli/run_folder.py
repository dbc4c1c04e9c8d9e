"""One study's folder of outputs: who writes in it, what was written, and whether it still is that."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evalkit.cli.one_writer import only_writer
from evalkit.errors import DisclosureError, EvalkitError, IntegrityError, ManyErrors
from evalkit.model import store
from evalkit.plan.canonical import digest

STAGES = {"build": "panel", "match": "sample", "estimate": "effects", "check": "checks", "report": "release"}
"""The stages in order, and the folder of each."""

REHEARSE = "rehearse"
FOLDERS = {**STAGES, REHEARSE: "rehearsal"}
"""The folder of everything that is written as a stage is; a rehearsal comes before them and is no part of a run."""

PUBLIC = "report"
"""The one stage whose files other users may read."""

MANIFEST = "_manifest.json"
HEADLINE = "release/headline.txt"
LEDGER = "release/ledger.jsonl"
"""What all editions of the report showed; the one output that the next one reads."""
QUALITY = "panel/quality.json"
"""Describes the panel; no later stage depends on it."""
OTHERS = 0o077
"""Bits of a mode that let others in."""
DRAFT = ".draft"
REJECTED = Path("restricted", "rejected")
Key = Mapping[str, Any]


class RunFolder:
    """The folder `DIR/<study id>`.

    Each stage's files appear together, after the stage has succeeded, and its manifest after them. The manifest holds
    the key of the stage (all that its outputs depend on) and the SHA-256 of every output.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def only_writer(self) -> Iterator[None]:
        """Hold the folder; without any output in the end, it is as if nobody had been here.

        Raises
        ------
        BusyError
            Another process holds it.
        DisclosureError
            A closed folder of an earlier run was opened to other users (`E_PERM`).
        """
        with only_writer(self.path):
            self._require_closed()
            self._sweep()
            yield

    @contextlib.contextmanager
    def writing(self, stage: str, key: Key) -> Iterator[Path]:
        """Give an empty folder to write a stage's files in; they take their places when the stage succeeds.

        When the input is rejected, only the list of rejected rows is kept, in `restricted/rejected`.
        """
        draft = self.path / DRAFT
        usual = os.umask(0o077)
        try:
            draft.mkdir()
            if stage == PUBLIC:
                os.umask(usual)
            yield draft
            self._take(stage, draft, key)
        except (EvalkitError, ManyErrors) as error:
            self._keep_rejected(draft / "restricted" / "quarantine", error)
            raise
        finally:
            os.umask(usual)
            shutil.rmtree(draft, ignore_errors=True)

    def add(self, stage: str, name: str, value: Mapping[str, Any]) -> None:
        """Write one more JSON file that belongs to a stage, and goes when the stage runs again."""
        usual = os.umask(0o077)
        try:
            written, path = self._written(stage), self.path / name
            store.write_json(path, value)
            if written["outputs"].get(name) != (new := store.sha256(path)):
                (self.path / "manifest.json").unlink(missing_ok=True)
                outputs = {**written["outputs"], name: new}
                store.write_json(self.path / FOLDERS[stage] / MANIFEST, {**written, "outputs": outputs})
        finally:
            os.umask(usual)

    def outputs(self, stage: str) -> dict[str, str]:
        """Return SHA-256 by path of what a stage wrote."""
        hashes: dict[str, str] = self._written(stage)["outputs"]
        return hashes

    def problem(self, stage: str, key: Key) -> IntegrityError | None:
        """Say why a stage's outputs are not those of `key`, or None when they are."""
        try:
            written = self._written(stage)
            changed = [name for name, value in key.items() if written[name] != value]
            if changed:
                return _stale(f"changed since '{stage}' ran: {', '.join(changed)}", stage)
            store.verify(self.path, written["outputs"])
        except IntegrityError as error:
            error.hint = _again(stage)
            return error
        except (ValueError, KeyError, TypeError):
            return _stale("the manifest is damaged", stage)
        return None

    def finish(self, key: Key) -> None:
        """Write `manifest.json`, which names every file and has its own hash; unchanged, it is left alone."""
        whole = {**key, "outputs": {}, REHEARSE: {}}
        for stage, folder in FOLDERS.items():
            if stage != REHEARSE or (self.path / folder / MANIFEST).is_file():
                names = (*self.outputs(stage), f"{folder}/{MANIFEST}")
                whole["outputs" if stage in STAGES else REHEARSE] |= {n: store.sha256(self.path / n) for n in names}
        whole["sha256"] = digest(whole)
        path = self.path / "manifest.json"
        if not path.is_file() or store.read_json(path) != whole:
            store.write_json(path, whole)

    def _written(self, stage: str) -> dict[str, Any]:
        path = self.path / FOLDERS[stage] / MANIFEST
        if not path.is_file():
            raise IntegrityError(f"'{stage}' has not been run", where=str(self.path), code="E_MISSING_OUTPUT")
        written: dict[str, Any] = store.read_json(path)
        return written

    def _take(self, stage: str, draft: Path, key: Key) -> None:
        new = {p.relative_to(draft).as_posix(): p for p in sorted(draft.rglob("*")) if p.is_file()}
        outputs = {name: store.sha256(path) for name, path in new.items()}
        try:
            old = set(self.outputs(stage))
        except (IntegrityError, ValueError, KeyError, TypeError):
            old = set()
        (self.path / "manifest.json").unlink(missing_ok=True)
        shutil.rmtree(self.path / REJECTED, ignore_errors=True)
        for name, path in new.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        for name in old - set(new):
            (self.path / name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                (self.path / name).parent.rmdir()
        store.write_json(self.path / FOLDERS[stage] / MANIFEST, {**key, "outputs": outputs})

    def _require_closed(self) -> None:
        closed = [folder for stage, folder in STAGES.items() if stage != PUBLIC] + [REJECTED.parts[0]]
        for name in closed:
            folder = self.path / name
            if os.name == "posix" and folder.is_dir() and folder.stat().st_mode & OTHERS:
                raise DisclosureError(
                    "other users can read a folder with records of firms", where=str(folder), code="E_PERM",
                    hint=f"chmod -R go= '{folder}'",
                )  # fmt: skip

    def _sweep(self) -> None:
        """Remove what a killed run left half-written."""
        shutil.rmtree(self.path / DRAFT, ignore_errors=True)
        for left in self.path.rglob(".*.tmp"):
            left.unlink()

    def _keep_rejected(self, listed: Path, error: Exception) -> None:
        if listed.is_dir():
            target = self.path / REJECTED
            shutil.rmtree(target, ignore_errors=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            listed.replace(target)
            error.add_note(f"the rows set aside are listed in {target}")


def _stale(problem: str, stage: str) -> IntegrityError:
    return IntegrityError(problem, where=f"{FOLDERS[stage]}/{MANIFEST}", code="E_STALE", hint=_again(stage))


def _again(stage: str) -> str:
    return f"run `evalkit {stage}` first (`evalkit run` runs all that is needed)"
