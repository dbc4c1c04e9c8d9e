"""The folder of a site: dated editions of each study, those held for review, the index and the log of decisions."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from evalkit.cli.one_writer import only_writer
from evalkit.errors import IntegrityError, StudyError
from evalkit.model import store
from evalkit.plan.canonical import digest
from evalkit.plan.log import add_line
from evalkit.reporting.site_index import index_page
from evalkit.reporting.words import LANGUAGES

EDITION, INDEX, LOG, DRAFT = "edition.json", "index.json", "publish.log.jsonl", ".draft"
DATE = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
Record = dict[str, Any]
"""What `edition.json` holds."""


class Site:
    """The folder DIR of `evalkit publish`.

    `editions/<study>/<date>/` are published and never replaced; `held/<study>/<date>/` wait for a person and are closed
    to other users. Each has an `edition.json` with the hashes of its files and its own, and that of the edition before.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def only_writer(self) -> Iterator[None]:
        """Hold the folder, cleared of what a killed run left half-written.

        Raises
        ------
        BusyError
            Another process holds it.
        """
        with only_writer(self.path):
            shutil.rmtree(self.path / DRAFT, ignore_errors=True)
            for left in self.path.glob(".*.tmp"):
                left.unlink()
            for held in self.path.glob(f"held/*/{DATE}"):
                if (self.path / "editions" / held.parent.name / held.name).is_dir():
                    shutil.rmtree(held)
            yield

    def last(self, study: str) -> Record | None:
        """Return the last good edition of a study, None when there is none.

        Raises
        ------
        IntegrityError
            It is not the one that was written.
        """
        dates = self._dates("editions", study)
        return self._read("editions", study, dates[-1]) if dates else None

    def held(self, study: str) -> Record | None:
        """Return the newest held edition of a study, None when there is none later than the last good one."""
        held, good = (self._dates(kind, study) for kind in ("held", "editions"))
        return self._read("held", study, held[-1]) if held and held[-1] > (good or [""])[-1] else None

    def require_later(self, study: str, day: str) -> None:
        """Refuse a day that is not later than all editions of a study: none is ever replaced.

        Raises
        ------
        StudyError
            `E_EDITION`.
        """
        dates = [*self._dates("editions", study), *self._dates("held", study)]
        if dates and day <= max(dates):
            problem = f"there is an edition of {max(dates)}, and the new one would be of {day}; none is ever replaced"
            raise StudyError(problem, where=study, code="E_EDITION", hint="publish it with a later --date")

    def add(self, kind: Literal["editions", "held"], record: Record, source: Path) -> None:
        """Add an edition: its files appear together, or not at all.

        Parameters
        ----------
        kind : {"editions", "held"}
            Whether it is published.
        record : dict
            What its `edition.json` says, without its own hash; "files" has the SHA-256 of every file to take.
        source : Path
            Folder to take them from.

        Raises
        ------
        IntegrityError
            A file is not the one that the record names.
        """
        draft, target = self.path / DRAFT, self.path / kind / record["study"] / record["date"]
        usual = os.umask(0o077)
        try:
            if kind == "editions":
                os.umask(usual)
            store.verify(source, record["files"])
            for name in record["files"]:
                store.write_bytes(draft / name, (source / name).read_bytes())
            store.write_json(draft / EDITION, {**record, "sha256": digest(record)})
            target.parent.mkdir(parents=True, exist_ok=True)
            draft.rename(target)
        finally:
            os.umask(usual)
            shutil.rmtree(draft, ignore_errors=True)

    def accept(self, study: str, time: str, name: str, reason: str) -> Record:
        """Publish the newest held edition of a study, and log who decided it and why.

        The line of the log comes first: an edition without one would have been let through by nobody.

        Raises
        ------
        StudyError
            `E_NOT_HELD`: none is held.
        IntegrityError
            `E_EDITION`: it was compared with another edition than the last one. `E_LOG`, `E_CLOCK`: as `add_line` says.
        """
        record, last = self.held(study), self.last(study)
        if record is None:
            raise StudyError("no edition is held", where=study, code="E_NOT_HELD", hint="the index says which are held")
        if record["previous"] != reference(last):
            raise _damaged(study, "the edition that the held one was compared with is not the last one")
        held = self.path / "held" / study / record["date"]
        own, facts = record.pop("sha256"), {"names": [name], "reason": reason}
        line = add_line(
            self.path / LOG, "accept", time, study=study, edition=record["date"], edition_sha256=own, **facts
        )
        decision = {**record["decision"], "status": "accepted", **facts, "time": time, "log_sha256": line["sha256"]}
        self.add("editions", {**record, "decision": decision}, held)
        shutil.rmtree(held)
        return record

    def entry(self, study: str, title: Mapping[str, str], late: Sequence[Record], errors: Sequence[Record]) -> Record:
        """Return what the index says about a study.

        Parameters
        ----------
        study : str
            Its id.
        title : dict of language to str
            What it is called while it has no edition.
        late, errors : list of dict
            What kept the last run from an edition: "source", "newest" and "since"; "code" and "exit_code".
        """
        last, held = self.last(study), self.held(study)
        status = "failed" if errors else "late" if late else "held" if held else "current"
        shown = ("date", "headline", "grade", "plan", "kind", "status", "moved", "previous")
        return {
            "id": study, "title": last["title"] if last else dict(title), "status": status,
            "edition": {key: last[key] for key in shown} if last else None,
            "editions": [self._listed(study, date) for date in reversed(self._dates("editions", study))],
            "held": held["date"] if held else None, "late": list(late), "errors": list(errors),
        }  # fmt: skip

    def index(self) -> dict[str, Record]:
        """Return the entries of the index by study.

        Raises
        ------
        IntegrityError
            `E_INDEX`: it is damaged.
        """
        path = self.path / INDEX
        try:
            return {entry["id"]: entry for entry in store.read_json(path)["studies"]} if path.is_file() else {}
        except (ValueError, KeyError, TypeError) as error:
            hint = "restore it from a copy, or take it away to list only the studies of the next run"
            raise IntegrityError("the index is damaged", where=INDEX, code="E_INDEX", hint=hint) from error

    def write_index(self, entries: Mapping[str, Record]) -> None:
        """Write the index for people and for programs; no file takes its place before all are written."""
        studies = [entries[name] for name in sorted(entries)]
        texts = {f"index.{language}.html": index_page(studies, language) for language in LANGUAGES}
        texts[INDEX] = store.json_text({"format": 1, "studies": studies})
        with contextlib.ExitStack() as stack:
            for name, text in texts.items():
                path = self.path / name
                if not path.is_file() or path.read_bytes() != text.encode():
                    stack.enter_context(store.replacing(path)).write_bytes(text.encode())

    def _dates(self, kind: str, study: str) -> list[str]:
        return sorted(p.name for p in (self.path / kind / study).glob(DATE))

    def _listed(self, study: str, date: str) -> Record:
        record = self._read("editions", study, date)
        reports = [name.split(".") for name in sorted(record["files"]) if name.startswith("report.")]
        return {
            "date": date, "decision": record["decision"],
            "reports": [
                {"language": language, "format": kind, "path": f"editions/{study}/{date}/report.{language}.{kind}"}
                for _, language, kind in reports
            ],
        }  # fmt: skip

    def _read(self, kind: str, study: str, date: str) -> Record:
        folder = self.path / kind / study / date
        try:
            record: Record = store.read_json(folder / EDITION)
            is_sound = record.pop("sha256") == digest(record)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            is_sound = False
        if not is_sound:
            raise _damaged(f"{kind}/{study}/{date}", "the edition is not the one that was written")
        store.verify(folder, record["files"])
        return {**record, "sha256": digest(record)}


def reference(record: Record | None) -> dict[str, str] | None:
    """Return how the next edition names this one."""
    return {"date": record["date"], "sha256": record["sha256"]} if record else None


def _damaged(where: str, problem: str) -> IntegrityError:
    return IntegrityError(problem, where=where, code="E_EDITION", hint="restore the folder from a copy")
