"""Rows of an award file into awards: which rows are events of one award, and what is left of it."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.awards.stages import LATER, Event, Net, dating_stage, net, stage_of
from evalkit.etl.conform import Typed
from evalkit.model.flow import Flow, FlowStep

if TYPE_CHECKING:
    import pyarrow as pa

KIND = "amount_kind"
IDS = ("parent_award_id", "award_id")
Row = Mapping[str, Any]


def at_stage(awards: Typed, wanted: str, flow: Flow) -> tuple[Typed, str, Flow]:
    """Keep the rows of the stage that dates awards and of the stages after it that change them.

    Returns
    -------
    awards : Typed
        Stages in evalkit's own words.
    dating : str
        The stage that dates an award, "" where there are no stages.
    flow : Flow
        With the rows of other stages set aside.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if "stage" not in awards.rows.column_names:
        return awards, "", flow
    rows, column = awards.rows, awards.rows.column("stage").combine_chunks()
    texts = pc.unique(column).to_pylist()
    words = pa.array([stage_of(t) if t else "" for t in texts], pa.string())
    stages = words.take(pc.index_in(column, pc.unique(column)))
    dating = dating_stage(words.to_pylist(), wanted)
    if not dating:
        return awards, "", flow
    rows = rows.set_column(rows.column_names.index("stage"), "stage", stages)
    kept = rows.filter(pc.is_in(stages, pa.array([dating, *sorted(LATER)])))
    step = FlowStep(
        "stage", "awards", len(rows), len(kept), quarantined=len(rows) - len(kept),
        reason="another stage than the study's",
    )  # fmt: skip
    return awards.with_rows(kept), dating, flow.add(step)


def is_event(rows: "pa.Table", has_events: bool) -> NDArray[np.bool_]:
    """Find the rows (n_rows,) that change an award that another row began."""
    import pyarrow.compute as pc

    found = np.full(len(rows), has_events)
    if "amount" in rows.column_names:
        found |= rows.column("amount").to_numpy() < 0
    if "stage" in rows.column_names:
        stages = np.array([stage_of(t or "") in LATER for t in rows.column("stage").to_pylist()], bool)
        found |= stages
    if IDS[0] in rows.column_names:
        found |= np.asarray(pc.is_valid(rows.column(IDS[0])).to_numpy(), bool)
    return found


def in_force(awards: Typed, dating: str, by_firm: bool, flow: Flow) -> tuple[Typed, Flow]:
    """Merge events into their awards and leave out the awards of which nothing is left.

    Parameters
    ----------
    awards : Typed
        Rows of stages that count.
    dating : str
        The stage that dates an award.
    by_firm : bool
        Whether firms that share an award each have their own events.
    flow : Flow
        Gets two steps, or none where no row is an event of another.

    Returns
    -------
    awards : Typed
        One row per award (and firm), `amount` net; events without an award set aside (`E_NO_AWARD`).
    flow : Flow
    """
    events = is_event(awards.rows, awards.source.layout.has_events)
    if not events.any():
        return awards, flow
    codes = award_codes(awards.rows, events, by_firm)
    found = _nets(awards.rows, codes, dating)
    dated = sorted((one for one in found if one.row >= 0), key=lambda one: one.row)
    awards, flow = _merged(awards, dated, flow)
    is_void = np.array([one.is_void for one in dated], bool)
    kept = awards.with_rows(_filtered(awards.rows, ~is_void))
    step = FlowStep(
        "in force", "awards", len(is_void), len(kept.rows), quarantined=int(is_void.sum()),
        reason="withdrawn, returned in full or reduced to nothing",
    )  # fmt: skip
    return kept, flow.add(step)


def award_codes(rows: "pa.Table", events: NDArray[np.bool_], by_firm: bool) -> NDArray[np.int64]:
    """Return the award (n_rows,) that each row belongs to, as a number.

    Rows with an award id belong to the award of that id. A reduction without id belongs to the last award of the
    same firm and programme that is not younger and large enough, or else to the last one that is not younger.
    """
    names = [n for n in (*IDS, "firm_id", "programme", "award_date", "award_year", "amount") if n in rows.column_names]
    listed = rows.select(names).to_pylist()
    ids = [next((r[n] for n in IDS if r.get(n)), None) for r in listed]
    keys: dict[Any, int] = {}
    codes = np.full(len(rows), -1, np.int64)
    for i, award in enumerate(ids):
        if award is not None:
            codes[i] = keys.setdefault((award, listed[i]["firm_id"] if by_firm else None), len(keys))
    without = [i for i, award in enumerate(ids) if award is None]
    for i in without:
        codes[i] = len(keys) + i
    _join_reductions(listed, without, events, codes)
    return codes


def _join_reductions(
    listed: Sequence[Row], without: Sequence[int], events: NDArray[np.bool_], codes: NDArray[np.int64]
) -> None:
    """Give each event without id the code of the award it reduces."""
    groups = defaultdict[Any, list[int]](list)
    for i in without:
        groups[listed[i]["firm_id"], listed[i].get("programme")].append(i)
    for group in groups.values():
        if events[group].any():
            ordered = sorted(group, key=lambda i: (_day(listed[i]), -(listed[i].get("amount") or 0.0)))
            left: dict[int, float] = {}
            for i in ordered:
                amount = listed[i].get("amount") or 0.0
                if not events[i]:
                    left[i] = amount
                elif left:
                    enough = [j for j in left if left[j] >= abs(amount)]
                    award = (enough or list(left))[-1]
                    left[award] -= abs(amount)
                    codes[i] = codes[award]


def _nets(rows: "pa.Table", codes: NDArray[np.int64], dating: str) -> list[Net]:
    """Add up the events of each award."""
    names = [n for n in ("stage", "award_date", "award_year", "amount") if n in rows.column_names]
    groups = defaultdict[int, list[Event]](list)
    for i, row in enumerate(rows.select(names).to_pylist()):
        stage = row.get("stage") or "" if dating else ""
        groups[int(codes[i])].append(Event(i, stage, _day(row), row.get("amount")))
    return [net(events, dating) for events in groups.values()]


def _merged(awards: Typed, dated: Sequence[Net], flow: Flow) -> tuple[Typed, Flow]:
    """Keep the row that dates each award, with the net amount; set aside events without an award."""
    import pyarrow as pa

    n_in = len(awards.rows)
    rows = [row for one in dated for row in one.rows]
    is_orphan = np.ones(n_in, bool)
    is_orphan[rows] = False
    table = awards.rows.take(pa.array([one.row for one in dated], pa.int64()))
    if "amount" in table.column_names:
        amounts = pa.array([one.amount for one in dated], pa.float64())
        table = table.set_column(table.column_names.index("amount"), "amount", amounts)
    table = table.append_column(KIND, pa.array([one.amount_kind for one in dated], pa.string()))
    n_orphans = int(is_orphan.sum())
    step = FlowStep(
        "events of awards", "rows", n_in, len(dated), quarantined=n_orphans, collapsed=n_in - n_orphans - len(dated),
        reason="changes, settlements, payments and reductions merged into their award"
        + (f"; E_NO_AWARD: {n_orphans}" if n_orphans else ""),
    )  # fmt: skip
    rejected = awards.reject(is_orphan, awards.source.header("award_id"), "E_NO_AWARD")
    return rejected.with_rows(table), flow.add(step)


def _filtered(rows: "pa.Table", is_kept: NDArray[np.bool_]) -> "pa.Table":
    import pyarrow as pa

    return rows.filter(pa.array(is_kept))


def _day(row: Row) -> int:
    """Return the day of an event, for a year without a date its first of April."""
    date = row.get("award_date")
    return int((date or dt.date(row["award_year"], 4, 1)).toordinal())
