"""Rehearsals on disk: written as a stage is, and taken into the plan while they are of the study as it is."""

import math
from pathlib import Path

from evalkit import run
from evalkit.cli.plan_command import Planned, is_opened
from evalkit.cli.run_folder import FOLDERS, MANIFEST, REHEARSE, Key, RunFolder
from evalkit.errors import DesignError, IntegrityError
from evalkit.model import store
from evalkit.model.plan import PlannedPower
from evalkit.model.rehearsal import FILE, Rehearsal
from evalkit.plan.canonical import digest
from evalkit.plan.deviations import COMPARED

KINDS = {False: "before outcomes were opened", True: "after outcomes had been opened"}
NONE = "none; `evalkit rehearse` tells what effect the study can find"


def rehearsed(
    plan: Planned, out: Path, root: Path, files: Path | None = None
) -> tuple[RunFolder, Rehearsal, bool]:  # fmt: skip
    """Rehearse a study unless that was done; return its folder, what was found, and whether it was done now.

    A rehearsal with made-up files in the folder `files` counts as done while they are there as they were written.

    Raises
    ------
    EvalkitError, ManyErrors
        The study cannot be rehearsed.
    """
    folder = RunFolder(out / plan.study.id)
    with folder.only_writer():
        key = {**_key(plan, is_opened(plan, out)), "with_files": files is not None}
        place = folder.path / FOLDERS[REHEARSE]
        if folder.problem(REHEARSE, key) is None and _are_there(found := Rehearsal.load(place), files):
            return folder, found, False
        with folder.writing(REHEARSE, key) as draft:
            found = run.rehearse(plan.study, root, after_data=key["after_data"], files=files)
            found.provenance.update({name: key[name] for name in ("code_sha256", "inputs", "planned_sha256")})
            found.save(draft / FOLDERS[REHEARSE])
    return folder, found, True


def power_of(plan: Planned, out: Path) -> tuple[PlannedPower | None, str]:
    """Return what a rehearsal of the plan told, and in words whether there is one.

    Raises
    ------
    IntegrityError
        The rehearsal is not as it was written.
    """
    folder, place = RunFolder(out / plan.study.id), out / plan.study.id / FOLDERS[REHEARSE]
    if not (place / MANIFEST).is_file():
        return None, NONE
    written = store.read_json(place / MANIFEST)
    if written["planned_sha256"] != _key(plan, is_after=False)["planned_sha256"]:
        return None, "left out, it is not of the study, code and files as they are now; run `evalkit rehearse` again"
    store.verify(folder.path, written["outputs"])
    found = Rehearsal.load(place)
    power = PlannedPower(
        store.sha256(place / FILE), found.outcome, None if math.isnan(found.detectable) else found.detectable,
        found.power, found.is_recovered, found.after_data,
    )  # fmt: skip
    verdict = "recovers what was planted" if found.is_recovered else "does not recover what was planted"
    return power, f"made {KINDS[found.after_data]}, {verdict}"


def require_recovered(found: Rehearsal) -> None:
    """Refuse a study that does not recover what was planted.

    Raises
    ------
    DesignError
        `E_NOT_RECOVERED`.
    """
    if not found.is_recovered:
        hint = "docs/rehearsal.md says what each failure points to"
        raise DesignError(found.sentences["en"], where=found.study_id, code="E_NOT_RECOVERED", hint=hint)


def _are_there(found: Rehearsal, files: Path | None) -> bool:
    """Whether made-up files, where they are asked for, are as the rehearsal wrote them."""
    if files is None or found.files is None:
        return files is None
    try:
        store.verify(files, found.files.sha256)
    except IntegrityError:
        return False
    return True


def _key(plan: Planned, is_after: bool) -> Key:
    """Return all that a rehearsal depends on, and whether outcomes were opened before."""
    return {
        "stage": REHEARSE, "planned_sha256": digest({name: plan.frozen[name] for name in COMPARED}),
        "code_sha256": plan.frozen["code"], "inputs": plan.frozen["files"], "after_data": is_after,
    }  # fmt: skip
