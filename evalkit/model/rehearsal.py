"""What a rehearsal found: whether the study as planned recovers effects that are known, and how small they may be."""

import csv
import dataclasses
import io
from pathlib import Path
from typing import Any

from evalkit.errors import IntegrityError
from evalkit.model import store

FILE, TABLE = "rehearsal.json", "rehearsal.csv"


@dataclasses.dataclass(frozen=True)
class Failure:
    """One thing that does not work as it should.

    Parameters
    ----------
    key : str
        "bias", "coverage", "size", "weak", "few_firms", "refused", ...
    estimate, outcome, arm : str
        Where; "" where it is not about one.
    value : float or str
        What was found; "" where there is nothing to tell.
    """

    key: str
    estimate: str = ""
    outcome: str = ""
    arm: str = ""
    value: float | str = ""


@dataclasses.dataclass(frozen=True)
class Rehearsed:
    """The replications of one estimate of one outcome in one arm, on the outcome's scale.

    Parameters
    ----------
    arm : {"null", "planted", "detectable"}
        No effect, the effect that is supposed, or the smallest that should be found.
    estimate, outcome : str
        Name of the estimate, name of the outcome.
    effect : float
        Mean effect that was planted, as the estimate averages it.
    mean, std_error : float
        Mean of the estimates, and their standard deviation.
    bias, ratio : float
        Mean deviation and mean standard error, both in standard deviations of the estimates.
    coverage, found : float
        Share of intervals that hold the effect, and that leave 0 out.
    """

    arm: str
    estimate: str
    outcome: str
    effect: float
    mean: float
    std_error: float
    bias: float
    ratio: float
    coverage: float
    found: float


@dataclasses.dataclass(frozen=True)
class FileEstimate:
    """The overall effect that the whole study found in made-up files, on the outcome's scale.

    Parameters
    ----------
    arm, estimate, outcome : str
        As for replications.
    effect, value, std_error : float
        Effect that was planted, as the estimate averages it; the estimate; its standard error.
    off : float
        How far the estimate lies off the effect, in standard errors.
    is_near, is_covered : bool
        Whether that is no farther than chance takes one estimate, and whether the interval holds the effect.
    """

    arm: str
    estimate: str
    outcome: str
    effect: float
    value: float
    std_error: float
    off: float
    is_near: bool
    is_covered: bool


@dataclasses.dataclass(frozen=True)
class FilesRehearsed:
    """The study taken once from made-up files to the report, without and with an effect.

    Parameters
    ----------
    rows : tuple of FileEstimate
        Both arms, all estimates and outcomes.
    failures : tuple of Failure
        Empty when what was planted is recovered.
    sha256 : dict of str to str
        By path below the folder, of every file that was written.
    not_followed : tuple of str
        Outcomes that share a column with another one, whose law the column follows.
    """

    rows: tuple[FileEstimate, ...]
    failures: tuple[Failure, ...]
    sha256: dict[str, str]
    not_followed: tuple[str, ...] = ()

    @property
    def is_recovered(self) -> bool:
        """Whether the study recovers from files what was planted."""
        return not self.failures

    @classmethod
    def of(cls, meta: dict[str, Any]) -> "FilesRehearsed":
        """Return what a rehearsal's file says."""
        rows = (FileEstimate(**{**r, "off": float("inf") if r["off"] is None else r["off"]}) for r in meta["rows"])
        failures = tuple(Failure(**one) for one in meta["failures"])
        return cls(tuple(rows), failures, meta["sha256"], tuple(meta["not_followed"]))


@dataclasses.dataclass(frozen=True)
class Rehearsal:
    """A study rehearsed on made-up outcomes of its own firms. It holds no firm's data.

    Parameters
    ----------
    study_id : str
        The study.
    outcome, estimate : str
        The primary outcome and the first estimate: what the verdict's effect is about.
    detectable, power : float
        Smallest effect that is found with probability `power`; NaN where none can be told.
    replications, level : int, float
        Replications of each arm, level of the intervals.
    rows : tuple of Rehearsed
        All arms, estimates and outcomes.
    supposed : dict
        By outcome the law that was supposed, where each number is from ("declared", "seen", "default"), and the effect
        by years since the award that was planted.
    pipeline : dict
        By arm the verdicts of the checks on one replication.
    failures : tuple of Failure
        Empty when the study as planned recovers what was planted.
    skipped : tuple of str
        Estimates whose effect is not the one that was planted.
    sentences : dict of language to str
        The verdict in words.
    files : FilesRehearsed or None
        What made-up files told, where they were asked for.
    after_data : bool
        Whether outcomes had been opened before.
    provenance : dict
        Hash of the study, versions, and with the command line code and files too.
    """

    study_id: str
    outcome: str
    estimate: str
    detectable: float
    power: float
    replications: int
    level: float
    rows: tuple[Rehearsed, ...]
    supposed: dict[str, Any]
    pipeline: dict[str, dict[str, str]]
    failures: tuple[Failure, ...]
    skipped: tuple[str, ...] = ()
    sentences: dict[str, str] = dataclasses.field(default_factory=dict)
    files: FilesRehearsed | None = None
    after_data: bool = False
    provenance: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def is_recovered(self) -> bool:
        """Whether the study as planned recovers what was planted."""
        return not self.failures and (self.files is None or self.files.is_recovered)

    def save(self, folder: Path) -> None:
        """Write `rehearsal.json` and `rehearsal.csv` into one folder."""
        told = {**dataclasses.asdict(self), "is_recovered": self.is_recovered, "format": 1}
        if self.files is not None:
            told["files"]["is_recovered"] = self.files.is_recovered
        store.write_json(folder / FILE, told)
        text = io.StringIO()
        writer = csv.DictWriter(text, [f.name for f in dataclasses.fields(Rehearsed)], lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(dataclasses.asdict(row) for row in self.rows)
        store.write_text(folder / TABLE, text.getvalue())

    @classmethod
    def load(cls, folder: Path) -> "Rehearsal":
        """Read a rehearsal written by `save`.

        Raises
        ------
        IntegrityError
            `E_REHEARSAL_FILE`: not as it was written.
        """
        try:
            meta = store.read_json(folder / FILE)
            made = dataclasses.replace(
                cls(**{f.name: meta[f.name] for f in dataclasses.fields(cls)}),
                rows=tuple(Rehearsed(**row) for row in meta["rows"]),
                failures=tuple(Failure(**one) for one in meta["failures"]), skipped=tuple(meta["skipped"]),
                files=FilesRehearsed.of(meta["files"]) if meta["files"] else None,
                detectable=float("nan") if meta["detectable"] is None else meta["detectable"],
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IntegrityError(
                "the rehearsal is not as it was written",
                where=FILE,
                code="E_REHEARSAL_FILE",
                hint="run `evalkit rehearse` again",
            ) from error
        return made

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p><b>Rehearsal</b> ({escape(self.study_id)}): {escape(self.sentences.get('en', ''))}</p>"
