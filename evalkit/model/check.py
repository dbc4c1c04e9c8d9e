"""A check's answer, and the case it is asked about."""

import dataclasses
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evalkit.model import store
from evalkit.model.effects import Effects
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["pass", "warn", "fail", "info"]


@dataclasses.dataclass(frozen=True, eq=False)
class CheckResult:
    """The answer to one question about the design or the estimates.

    Parameters
    ----------
    name : str
        The check's module name.
    question : str
        What was asked, in English.
    verdict : {"pass", "warn", "fail", "info"}
        The answer; "info" when the check cannot decide, with the reason in the sentence.
    sentence : str
        One English sentence. Other languages are worded in `reporting/words` from `values`.
    values : dict
        Numbers named in the sentence, and `case`: which of the check's sentences applies.
    statistic : float or None
        The number the verdict rests on.
    rows : tuple of dict
        A small table (at most a few hundred rows), as records.
    """

    name: str
    question: str
    verdict: Verdict
    sentence: str
    values: dict[str, Any]
    statistic: float | None = None
    rows: tuple[dict[str, Any], ...] = ()

    @cached_property
    def table(self) -> "pd.DataFrame":
        """The small table."""
        import pandas as pd

        return pd.DataFrame(list(self.rows))

    def to_frame(self) -> "pd.DataFrame":
        """Return the small table."""
        return self.table.copy()

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p><b>{escape(self.name)}: {escape(self.verdict)}</b>. {escape(self.sentence)}</p>"


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """What a check may look at: the sample, the estimates, and how to estimate and match again on other firms."""

    sample: MatchedSample
    effects: tuple[Effects, ...]
    estimate_again: Callable[[MatchedSample, Effects], Effects]
    match_again: Callable[[Panel, MatchedSample], MatchedSample]

    @property
    def averages(self) -> tuple[Effects, ...]:
        """The first estimate, which the headline tells, and the others that are not made group by group.

        An average over groups is that over all firms once more, so it has no say in what the headline may claim.
        """
        return tuple(e for k, e in enumerate(self.effects) if k == 0 or e.table["group"].isna().all())


def save_checks(path: Path, results: tuple[CheckResult, ...]) -> None:
    """Write `checks.json`."""
    store.write_json(path, [dataclasses.asdict(r) for r in results])


def load_checks(path: Path) -> tuple[CheckResult, ...]:
    """Read `checks.json`."""
    return tuple(CheckResult(**{**row, "rows": tuple(row["rows"])}) for row in store.read_json(path))
