"""All of one evaluation, before and after disclosure control."""

import dataclasses
from typing import Any

from evalkit.model.check import CheckResult
from evalkit.model.effects import Effects
from evalkit.model.flow import Flow
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Study


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
    """

    study: Study
    flow: Flow
    sample: MatchedSample
    effects: tuple[Effects, ...]
    checks: tuple[CheckResult, ...]
    provenance: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Number:
    """One published number: what it is and its value. `value` is None where disclosure control hid it.

    `id` is stable from run to run: "effects.group_time.overall.sales.estimate_percent".
    """

    id: str
    value: float | int | str | None
    unit: str
    estimand: str = ""
    outcome: str = ""
    method: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class Release:
    """An evaluation after disclosure control: all that a report section may see.

    Parameters
    ----------
    study : Study
        The question (no firm's data).
    numbers : dict of id to Number
        Every number a report prints; hidden ones have the value None.
    tables : dict of name to list of records
        Tables of number ids and plain labels, from which sections and figures are drawn.
    checks : tuple of CheckResult
        With tables that passed disclosure control.
    provenance : dict
        As in `Evaluation`.
    hidden : int
        How many numbers disclosure control hid.
    """

    study: Study
    numbers: dict[str, Number]
    tables: dict[str, list[dict[str, Any]]]
    checks: tuple[CheckResult, ...]
    provenance: dict[str, Any]
    hidden: int = 0
