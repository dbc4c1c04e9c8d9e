"""All of one evaluation, before and after disclosure control."""

import dataclasses
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from evalkit.model.check import CheckResult
from evalkit.model.effects import Effects
from evalkit.model.flow import Flow
from evalkit.model.grade import Grade
from evalkit.model.plan import PlanRecord
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Study

if TYPE_CHECKING:
    import pandas as pd


def distinct_names(methods: Sequence[str]) -> list[str]:
    """Name estimates or checks by their methods, equal ones told apart: a, b, a becomes a, b, a-2."""
    return [m if (n := methods[:i].count(m)) == 0 else f"{m}-{n + 1}" for i, m in enumerate(methods)]


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Where the data came from.

    Parameters
    ----------
    files : dict of path to SHA-256
        Every file of the sources, by its path below the root.
    links : tuple of dict
        Rows of awards by `programme` and `fiscal_year`, sorted: `n_rows` and `n_linked`.
    """

    files: dict[str, str]
    links: tuple[dict[str, Any], ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """Everything one run found, before disclosure control: not for publication.

    Parameters
    ----------
    study : Study
        The question.
    flow : Flow
        Rows and firms at each step, matching included.
    sample : MatchedSample
        The firms compared.
    effects : tuple of Effects
        One per [[estimate]], as estimated (not aggregated).
    checks : tuple of CheckResult
        One per [[check]].
    provenance : dict
        Versions, seed, hash of the study and of the panel; nothing that changes from day to day.
    plan : PlanRecord or None
        The locked plan; None when there is none.
    inputs : Inputs or None
        The files behind it; None when the panel was made by hand.
    """

    study: Study
    flow: Flow
    sample: MatchedSample
    effects: tuple[Effects, ...]
    checks: tuple[CheckResult, ...]
    provenance: dict[str, Any]
    plan: PlanRecord | None = None
    inputs: Inputs | None = None

    def _repr_html_(self) -> str:
        estimates = "".join(f"<li>estimate: {escape(e.method)}</li>" for e in self.effects)
        verdicts = "".join(f"<li>check: {escape(c.name)}: {escape(c.verdict)}</li>" for c in self.checks)
        head = f"<p><b>Evaluation</b> ({self.study.id}), before disclosure control: not for publication</p>"
        return f"{head}{self.sample._repr_html_()}<ul>{estimates}{verdicts}</ul>"


@dataclasses.dataclass(frozen=True)
class Number:
    """One published number: what it is and its value. `value` is None where disclosure control hid it.

    `id` is stable from run to run: "effects.group_time.overall.sales.percent".
    """

    id: str
    value: float | int | str | None
    unit: str
    estimand: str = ""
    outcome: str = ""
    method: str = ""


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a released table: plain labels, and by quantity the id of its number.

    A quantity that is not known has no entry; one that is hidden has, and its number's value is None.
    """

    labels: dict[str, Any]
    numbers: dict[str, str]


@dataclasses.dataclass(frozen=True, eq=False)
class Release:
    """An evaluation after disclosure control: all that a report section may see.

    Parameters
    ----------
    study : Study
        The question (no firm's data).
    numbers : dict of id to Number
        Every number a report prints, in order of ids; hidden ones have the value None.
    tables : dict of name to list of Row
        "flow", "notes", "effects/<estimate>/<aggregation>", "checks/<check>" and "checks/<check>/values", and those of
        `release_programme`: what sections and figures are drawn from.
    checks : dict of name to CheckResult
        Without rows, values and statistic: those stand in `tables` and `numbers`. A sentence that would tell a hidden
        number is empty.
    provenance : dict
        As in `Evaluation`.
    grade : Grade
        What the comparison can carry.
    plan : PlanRecord or None
        As in `Evaluation`.
    """

    study: Study
    numbers: dict[str, Number]
    tables: dict[str, list[Row]]
    checks: dict[str, CheckResult]
    provenance: dict[str, Any]
    grade: Grade
    plan: PlanRecord | None = None

    @property
    def hidden(self) -> int:
        """How many numbers disclosure control hid."""
        return sum(n.value is None for n in self.numbers.values())

    def value(self, row: Row, quantity: str) -> float | None:
        """Return one quantity of a row; None when it is hidden or unknown."""
        value = self.numbers[row.numbers[quantity]].value if quantity in row.numbers else None
        return float(value) if isinstance(value, int | float) else None

    def to_frame(self) -> "pd.DataFrame":
        """Return all published numbers, one row each."""
        import pandas as pd

        return pd.DataFrame([dataclasses.asdict(n) for n in self.numbers.values()])

    def _repr_html_(self) -> str:
        verdicts = "".join(f"<li>check: {escape(name)}: {escape(c.verdict)}</li>" for name, c in self.checks.items())
        head = f"<p><b>Release</b> ({self.study.id}): {len(self.numbers):,} numbers, {self.hidden:,} hidden</p>"
        return f"{head}<ul>{verdicts}</ul>" if verdicts else head
