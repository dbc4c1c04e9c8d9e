"""Publish studies: run what changed, and make an edition of it, hold it, or keep the last good one."""

import dataclasses
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from evalkit import run
from evalkit.cli.failures import problems_of
from evalkit.cli.rehash import read_manifest
from evalkit.cli.run_folder import LEDGER, MANIFEST, STAGES
from evalkit.cli.site import Record, Site, reference
from evalkit.cli.source_files import study_root
from evalkit.cli.study_command import run_stages
from evalkit.errors import EvalkitError, IntegrityError, StudyError
from evalkit.etl.lateness import Late, late_sources
from evalkit.model import store
from evalkit.model.study import Study
from evalkit.plan.canonical import digest
from evalkit.plan.movement import LARGEST_MOVE, movements, planned_changes
from evalkit.reporting.exports.overview import NAME as OVERVIEW
from evalkit.reporting.site_index import moved_too_far
from evalkit.reporting.words import LANGUAGES, words

HELD, LATE = 9, 10
"""Exit codes: an edition is held for review, an input is late."""
SERIOUS = (1, 8, 7, 5, 4, 3, 2, 6, HELD, LATE, 0)
"""Exit codes, the most serious first."""
RELEASE = f"{STAGES['report']}/"
KEPT_BACK = (LEDGER, f"{RELEASE}{MANIFEST}")
"""Files of a release that serve the next run, and are no part of an edition."""


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of one study.

    Parameters
    ----------
    study : str
        Its id.
    status : {"published", "accepted", "unchanged", "held", "late", "failed"}
        In one word.
    edition : str
        Date of the edition that it is about: the new one, the one held, or the last good one; "" when there is none.
    errors : tuple of EvalkitError
        Why it failed.
    late : tuple of Late
        The sources that are late.
    reasons : tuple of dict
        Why it is held, in words by language.
    title : dict of language to str
        Empty when the study file is not valid.
    """

    study: str
    status: Literal["published", "accepted", "unchanged", "held", "late", "failed"]
    edition: str = ""
    errors: tuple[EvalkitError, ...] = ()
    late: tuple[Late, ...] = ()
    reasons: tuple[Record, ...] = ()
    title: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Publisher:
    """Where to publish, and how studies are run.

    Parameters
    ----------
    site : Site
        The site; hold it while publishing.
    day : str
        The day of new editions, YYYY-MM-DD.
    runs : Path
        Folder of the run folders.
    root, threads
        As for `evalkit run`.
    """

    site: Site
    day: str
    runs: Path
    root: Path | None = None
    threads: int | None = None

    def publish(self, study_path: Path, *, debug: bool = False) -> Result:
        """Publish one study; when it fails, whatever it runs into, say why instead of stopping the others.

        What was published before stays as it was. With `debug` the error is raised.
        """
        title = dict[str, str]()
        try:
            study = run.load_study(study_path)
            title = {language: words(language).pick(study.title, study.id) for language in LANGUAGES}
            return dataclasses.replace(self._result(study, study_path), title=title)
        except Exception as error:
            if debug:
                raise
            return Result(study_id(study_path), "failed", errors=tuple(problems_of(error)), title=title)

    def _result(self, study: Study, study_path: Path) -> Result:
        last, held = self.site.last(study.id), self.site.held(study.id)
        home = self.root or study_root(study_path)
        late = late_sources(study, home, self.day)
        if late:
            return Result(study.id, "late", last["date"] if last else "", late=tuple(late))
        if last and not (self.runs / study.id / LEDGER).is_file():
            problem = "what earlier editions showed is not known, because the ledger of the run folder is gone"
            raise IntegrityError(
                problem, where=LEDGER, code="E_LEDGER", hint="restore the folder of --runs from a copy"
            )
        folder = run_stages(list(STAGES), study_path, self.runs, home, self.threads)[0].folder.path
        manifest = read_manifest(folder)
        if last and last["run_manifest_sha256"] == digest(manifest):
            return Result(study.id, "unchanged", last["date"])
        if held and held["run_manifest_sha256"] == digest(manifest):
            return _held(held)
        self.site.require_later(study.id, self.day)
        record = self._record(manifest, folder / RELEASE, last)
        is_held = record["decision"]["status"] == "held"
        self.site.add("held" if is_held else "editions", record, folder / RELEASE)
        return _held(record) if is_held else Result(study.id, "published", self.day)

    def _record(self, manifest: Record, release: Path, last: Record | None) -> Record:
        """Return what `edition.json` says about a new edition."""
        overview = store.read_json(release / OVERVIEW)
        before = self.site.path / "editions" / overview["study"] / last["date"] if last else None
        numbers = [store.read_json(folder / "results.json") if folder else [] for folder in (before, release)]
        effects = [{e["id"]: e for e in side["effects"]} for side in (last or {"effects": []}, overview)]
        labels = {**effects[0], **effects[1]}
        reasons = [
            {**dataclasses.asdict(m), **moved_too_far(m.rule, m.standard_errors, LARGEST_MOVE, labels[m.id])}
            for m in movements(*numbers)
        ]
        moved = [_moved(row, *effects) for row in (planned_changes(*numbers) if last else []) if row["changed"]]
        hashes = {n: h for n, h in manifest["outputs"].items() if n.startswith(RELEASE) and n not in KEPT_BACK}
        return {
            **overview, "date": self.day, "study_sha256": manifest["study_sha256"],
            "run_manifest_sha256": digest(manifest), "previous": reference(last), "moved": moved,
            "decision": {"status": "held" if reasons else "published", "reasons": reasons},
            "files": {name.removeprefix(RELEASE): value for name, value in hashes.items()},
        }  # fmt: skip


def study_paths(given: Sequence[Path]) -> list[Path]:
    """Return the study files that are meant: files, folders with a `study.toml`, or folders of such folders.

    Raises
    ------
    StudyError
        `E_NO_STUDY`: a folder without any. `E_STUDY_ID`: two have the same id.
    """
    found = list(dict.fromkeys(study.resolve() for path in given for study in _below(path)))
    ids = [study_id(path) for path in found]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise StudyError(f"two studies have the id '{twice[0]}'", where="PIPELINES", code="E_STUDY_ID")
    return found


def _below(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    own = path / "study.toml"
    found = [own] if own.is_file() else sorted(path.glob("*/study.toml"))
    if not found:
        problem = "no study.toml in this folder or in one of its folders"
        raise StudyError(problem, where=str(path), code="E_NO_STUDY", hint="evalkit init writes one to start from")
    return found


def study_id(path: Path) -> str:
    """Return the id of a study, also of one that is not valid; without one, the name of its folder."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8-sig")).get("id")
    except (OSError, ValueError, RecursionError):
        found = None
    return found if isinstance(found, str) and re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", found) else path.parent.name


def entry_of(site: Site, result: Result, earlier: Record | None, day: str) -> Record:
    """Return the entry of the index after a result.

    Parameters
    ----------
    site : Site
        With the edition that the result is about.
    result : Result
        What became of the study.
    earlier : dict or None
        Its entry before: a file that is still missing has been since then, and to accept an edition mends nothing else.
    day : str
        The day of the run.
    """
    if earlier and result.status == "accepted":
        return site.entry(result.study, earlier["title"], earlier["late"], earlier["errors"])
    known = {one["source"]: one["since"] for one in (earlier or {"late": []})["late"] if not one["newest"]}
    late = [
        {"source": one.source, "newest": one.newest, "since": one.since or known.get(one.source, day)}
        for one in result.late
    ]
    codes = sorted({(problem.code, problem.exit_code) for problem in result.errors})
    title = result.title or (earlier or {}).get("title") or dict.fromkeys(LANGUAGES, result.study)
    return site.entry(result.study, title, late, [{"code": code, "exit_code": number} for code, number in codes])


def exit_code(result: Result, entry: Record) -> int:
    """Return the exit code of one study: what it failed with, whether one of its editions is held, an input late."""
    return most_serious([
        *(problem.exit_code for problem in result.errors), *([HELD] if entry["held"] else []),
        *([LATE] if result.late else []),
    ])  # fmt: skip


def most_serious(codes: Sequence[int]) -> int:
    """Return the most serious of several exit codes, 0 of none."""
    return min(codes, key=SERIOUS.index, default=0)


def _held(record: Record) -> Result:
    return Result(record["study"], "held", record["date"], reasons=tuple(record["decision"]["reasons"]))


def _moved(row: Record, before: Record, after: Record) -> Record:
    """Return what moved as the two reports word it."""
    labels = after.get(row["id"]) or before[row["id"]]
    shown = [side[row["id"]]["shown"] if row["id"] in side else None for side in (before, after)]
    texts: dict[str, Any] = {"outcome": labels["outcome"], "method": labels["method"]}
    return {**texts, "id": row["id"], "before": shown[0], "after": shown[1], "standard_errors": row["standard_errors"]}
