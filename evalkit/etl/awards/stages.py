"""An award as a series of events: which words mean which stage, and what is left of the award after all of them."""

import dataclasses
from collections.abc import Iterable, Sequence

from evalkit.etl.grammar.column import clean

WORDS = {
    "applied": ("applied", "application", "申請", "応募", "交付申請"),
    "score": ("score", "審査", "採点"),
    "rejected": ("rejected", "不採択", "不交付"),
    "selected": ("selected", "採択", "採択決定", "内定"),
    "decided": ("decided", "交付決定", "決定"),
    "changed": ("changed", "変更", "減額", "変更交付決定", "計画変更", "増額"),
    "settled": ("settled", "確定", "額の確定", "額確定"),
    "paid": ("paid", "支払", "支払い", "概算払", "精算払"),
    "returned": ("returned", "返還", "返納", "国庫返納"),
    "withdrawn": ("withdrawn", "辞退", "取下げ", "取り下げ", "取消", "取消し", "交付決定取消", "採択取消", "廃止"),
}
"""Stage of an award, in order of time, and the words that award files have for it."""
STAGES = tuple(WORDS)
STAGE_OF = {clean(word): stage for stage, words in WORDS.items() for word in words}
DATING = ("decided", "selected", "settled", "paid")
"""Stages that can date an award; where the study names none, the first of these that the file has."""
DECIMALS = 4
"""Amounts are whole yen, or have cents: sums of floats are rounded to what was written."""
LATER = frozenset({"changed", "settled", "paid", "returned", "withdrawn"})
"""Stages that change what an award amounts to, whichever stage dates it."""


@dataclasses.dataclass(frozen=True)
class Event:
    """One row of an award: its place, stage ("" for a file without stages), day, and signed amount or None."""

    row: int
    stage: str
    day: int
    amount: float | None


@dataclasses.dataclass(frozen=True)
class Net:
    """What is left of an award.

    Parameters
    ----------
    row : int
        The event that dates it, -1 where none does.
    rows : tuple of int
        All its events.
    amount : float or None
        In the unit of the events; None where no event has an amount.
    amount_kind : str
        Stage that the amount is of.
    is_void : bool
        Withdrawn, returned in full, or reduced to nothing.
    """

    row: int
    rows: tuple[int, ...]
    amount: float | None
    amount_kind: str
    is_void: bool


def stage_of(text: str) -> str:
    """Return the stage that a word means, and a word that is not known as it is.

    Examples
    --------
    >>> stage_of("交付決定"), stage_of("第2回")
    ('decided', '第2回')
    """
    return STAGE_OF.get(clean(text), clean(text))


def dating_stage(found: Iterable[str], wanted: str) -> str:
    """Return the stage that dates awards: the study's, else the first usual one that occurs, else ""."""
    there = set(found)
    return stage_of(wanted) if wanted else next((s for s in DATING if s in there), "")


def net(events: Sequence[Event], dating: str) -> Net:
    """Add up the events of one award in the order of their days.

    Amounts of the dating stage add up, with their sign. A change below zero is added, one from zero on is the new
    total; a settlement is the new total; payments add up to a total of their own; a return is subtracted whatever
    its sign. An award decided again after it was withdrawn is in force.
    """
    ordered = sorted(events, key=_when)
    dated = [e for e in ordered if e.stage in ("", dating) and not (e.amount or 0.0) < 0]
    total, kind, is_withdrawn, is_reduced = None, dating or "decided", False, False
    n_paid = 0
    for event in ordered:
        if event.stage == "withdrawn":
            is_withdrawn = True
        elif event in dated:
            is_withdrawn = False
        is_reduced |= event.stage == "returned" or (event.amount or 0.0) < 0
        if event.amount is None or event.stage == "withdrawn":
            continue
        if (
            event.stage == "settled"
            or (event.stage == "changed" and event.amount >= 0)
            or _is_first_payment(event, n_paid)
        ):
            total = event.amount
        else:
            total = (total or 0.0) + (-abs(event.amount) if event.stage == "returned" else event.amount)
        n_paid += event.stage == "paid"
        kind = event.stage if event.stage in ("settled", "paid") else kind
    total = None if total is None else round(total, DECIMALS)
    is_empty = is_reduced and total is not None and total <= 0
    return Net(dated[0].row if dated else -1, tuple(e.row for e in ordered), total, kind, is_withdrawn or is_empty)


def _is_first_payment(event: Event, n_paid: int) -> bool:
    """Whether payments begin to replace what was promised before them."""
    return event.stage == "paid" and n_paid == 0


def _when(event: Event) -> tuple[int, int, float]:
    """Return the place of an event in time; on one day earlier stages come first, and larger amounts."""
    stage = STAGES.index(event.stage) if event.stage in STAGES else STAGES.index("decided")
    return event.day, stage, -(event.amount or 0.0)
