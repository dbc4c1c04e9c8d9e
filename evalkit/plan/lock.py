"""Lock a plan: freeze what is asked, with which code and of which files, before outcomes are opened."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evalkit.errors import EvalkitError, IntegrityError, StudyError, raise_all
from evalkit.model import store
from evalkit.model.plan import PlannedPower, PlanRecord, Unsealing
from evalkit.model.study import Study
from evalkit.plan.canonical import lines_of
from evalkit.plan.deviations import differences
from evalkit.plan.gates import design_checks
from evalkit.plan.log import FILE, Line, add_line, read_log

LOCK = "plan.lock.json"
WORDS = {
    "objective": "what the programme is to reach", "logic": "how the award is thought to lead there",
    "final_report": "when the report is due", "evaluator": "who evaluates, and how they were chosen",
    "publication": "where the report will stand",
}  # fmt: skip
"""What the section `plan` says, by its keys."""
Frozen = Mapping[str, Any]
"""What a lock freezes: "study", "code", "versions", "schema" by role, "files" with SHA-256 by path."""


@dataclasses.dataclass(frozen=True)
class Moment:
    """When a plan is locked, and what was known then.

    Parameters
    ----------
    time : str
        As `clock.time_of` returns it.
    after_data : str
        Why it is locked although outcomes were opened; "" when they were not.
    rehearsal : PlannedPower or None
        What a rehearsal of this very plan told; None when there was none.
    """

    time: str
    after_data: str = ""
    rehearsal: PlannedPower | None = None


class PlanFiles:
    """`plan.lock.json` and the log beside a study file.

    Parameters
    ----------
    folder : Path
        Folder of the study file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def lock_path(self) -> Path:
        """Where the lock is."""
        return self.folder / LOCK

    @property
    def log_path(self) -> Path:
        """Where the log is."""
        return self.folder / FILE

    def log(self) -> list[Line]:
        """Return the log's lines."""
        return read_log(self.log_path)

    def lock(self) -> dict[str, Any] | None:
        """Return what was locked, None when nothing is.

        Raises
        ------
        IntegrityError
            `E_LOG`, or `E_LOCK`: the lock is not the one that the log names, or one of both is missing.
        """
        locked = [line for line in self.log() if line["event"] == "lock"]
        if not locked and not self.lock_path.exists():
            return None
        if not locked or not self.lock_path.exists():
            missing = LOCK if locked else FILE
            raise IntegrityError("lock and log go together, and one is missing", where=missing, code="E_LOCK")
        if store.sha256(self.lock_path) != locked[-1]["lock_sha256"]:
            raise IntegrityError(
                "the lock is not the one that the log names", where=LOCK, code="E_LOCK", hint="restore it from a copy"
            )
        found: dict[str, Any] = json.loads(self.lock_path.read_bytes())
        return found

    def since_lock(self, event: str) -> list[Line]:
        """Return the lines of one kind after the last lock."""
        lines = self.log()
        last = max((i for i, line in enumerate(lines) if line["event"] == "lock"), default=0)
        return [line for line in lines[last:] if line["event"] == event]

    def freeze(self, study: Study, frozen: Frozen, signers: Sequence[str], when: "Moment") -> None:
        """Lock a plan.

        Parameters
        ----------
        study : Study
            The plan.
        frozen : dict
            What is frozen.
        signers : sequence of str
            Who locks.
        when : Moment
            When, and what was known then.

        Raises
        ------
        StudyError, ManyErrors
            `E_PLAN_BLANK`: every blank of the plan.
        IntegrityError
            `E_CLOCK`, `E_LOG`, `E_LOCK`.
        """
        raise_all(blanks(study, signers), "the plan is not complete")
        self.lock()
        rehearsal = None if when.rehearsal is None else dataclasses.asdict(when.rehearsal)
        told = {"time": when.time, "after_data": when.after_data, "rehearsal": rehearsal}
        whole = {**frozen, "format": 1, "signers": list(signers), **told}
        text = lines_of(whole)
        before = self.lock_path.read_bytes() if self.lock_path.exists() else None
        store.write_text(self.lock_path, text)
        facts = {"names": list(signers), "after_data": when.after_data, "lock_sha256": store.sha256(self.lock_path)}
        try:
            add_line(self.log_path, "lock", when.time, **facts)
        except EvalkitError:
            if before is None:
                self.lock_path.unlink()
            else:
                store.write_bytes(self.lock_path, before)
            raise

    def record(self, now: Frozen) -> PlanRecord | None:
        """Return the plan as a run with the study, code and files of `now` finds it; None without a lock."""
        locked = self.lock()
        if locked is None:
            return None
        if locked["study"]["id"] != now["study"]["id"]:
            problem = "the lock beside this study is that of another one"
            raise StudyError(problem, where=LOCK, code="E_LOCK", hint="give each study a folder of its own")
        reasons = {line["field"]: line["reason"] for line in self.since_lock("deviation")}
        unsealed = [line for line in self.log() if line["event"] == "unseal"]
        return PlanRecord(
            store.sha256(self.lock_path), locked["time"], tuple(locked["signers"]), locked["after_data"],
            tuple(Unsealing(line["time"], tuple(line["names"]), line["reason"]) for line in unsealed),
            tuple(differences(locked, now, reasons)),
            PlannedPower(**locked["rehearsal"]) if locked.get("rehearsal") else None,
        )  # fmt: skip


def blanks(study: Study, signers: Sequence[str]) -> list[EvalkitError]:
    """Return everything that a plan must say and this one does not."""
    said = {
        ("about", "what is asked, in words"): any(text.strip() for text in study.about.values()),
        ("outcome", "which one outcome is primary"): sum(o.primary for o in study.outcome) == 1,
        ("covariates.baseline", "what firms must be alike in"): bool(study.baseline),
        ("check", "which check must hold before effects are seen, balance for example"): bool(design_checks(study)),
        ("check", "that paths before the award are tested"): any(c.method == "pretrends" for c in study.check),
        ("--signer", "who locks the plan"): any(name.strip() for name in signers),
        **{(f"plan.{key}", text): bool(getattr(study.plan, key).strip()) for key, text in WORDS.items()},
    }
    hint = "docs/plan.md says what a plan needs"
    return [
        StudyError(f"the plan does not say {text}", where=where, code="E_PLAN_BLANK", hint=hint)
        for (where, text), is_said in said.items()
        if not is_said
    ]
