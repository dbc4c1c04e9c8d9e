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
    after_data: bool = False
    provenance: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def is_recovered(self) -> bool:
        """Whether the study as planned recovers what was planted."""
        return not self.failures

    def save(self, folder: Path) -> None:
        """Write `rehearsal.json` and `rehearsal.csv` into one folder."""
        store.write_json(folder / FILE, {**dataclasses.asdict(self), "is_recovered": self.is_recovered, "format": 1})
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
