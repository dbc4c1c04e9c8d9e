"""Firm records with a history: the state of each firm now, and the state it was in on a day."""

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.conform import Typed
from evalkit.etl.panel.firm_records import by_firm, distinct_rows, has, held, one_per_firm
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.panel import FIRM
from evalkit.model.study import Period

if TYPE_CHECKING:
    import pyarrow as pa

FROM, TO, CHANGED, UPDATED = "valid_from", "valid_to", "change_date", "update_date"
ALWAYS, OPEN = np.iinfo(np.int32).min, np.iinfo(np.int32).max
PLACES = ("prefecture", "prefecture_code")


@dataclasses.dataclass(frozen=True, eq=False)
class History:
    """The states of firms.

    Parameters
    ----------
    rows : Table
        One row per state, sorted by firm and time.
    start, end : (n_rows,) int32
        First and last day of each state since 1970; states of a firm do not overlap.
    """

    rows: "pa.Table"
    start: NDArray[np.int32]
    end: NDArray[np.int32]

    def on(self, day: dt.date) -> tuple["pa.Table", FlowStep]:
        """Return the state of each firm on a day, and the firms without one; later moves are counted."""
        import pyarrow as pa

        number = (day - dt.date(1970, 1, 1)).days
        is_then = (self.start <= number) & (number <= self.end)
        then, now = self.rows.filter(pa.array(is_then)), self.rows.filter(pa.array(_is_last(self.rows)))
        n_firms, n_kept = len(now), len(then)
        n_moved = _n_moved(then, now)
        reason = f"moved to another prefecture since: {n_moved}" if n_moved else ""
        if n_kept < n_firms:
            reason = ", ".join(text for text in ("no state known at baseline", reason) if text)
        step = FlowStep("state at baseline", "firms", n_firms, n_kept, quarantined=n_firms - n_kept, reason=reason)
        return then, step


@dataclasses.dataclass(frozen=True, eq=False)
class States:
    """Firm records as they are now, one row per firm, and their history where there is one."""

    now: Typed | None
    history: History | None = None

    def on(self, day: dt.date) -> tuple["pa.Table | None", Flow]:
        """Return the records as they were on a day, or as they are where they have no history."""
        if self.history is None:
            return (self.now.rows if self.now else None), Flow()
        rows, step = self.history.on(day)
        return rows, Flow().add(step)


def firm_states(firms: Typed | None, how: str) -> tuple[States, Flow]:
    """Return one row per firm, or the states of firms that have several, as the study says; `how` as in `histories`."""
    if firms is None:
        return States(None), Flow()
    if not how:
        now, flow = one_per_firm(firms)
        return States(now), flow
    now, history, flow = histories(firms, how)
    return States(now, history), flow


def last_day(period: int, of: Period) -> dt.date:
    """Return the last day of a fiscal year."""
    month, day = (int(part) for part in of.fiscal_year_start.split("-"))
    return dt.date(period + 1, month, 1) + dt.timedelta(days=day - 2)


def histories(firms: Typed, how: str) -> tuple[Typed, History, Flow]:
    """Order the states of firms in time.

    Parameters
    ----------
    firms : Typed
        One row per state. A missing first day means always, a missing last day means still.
    how : {"interval", "change_date"}
        Whether rows have `valid_from` and `valid_to`, or hold from their `change_date` until the firm's next one. Of
        two rows with one change date the one that was updated later counts.

    Returns
    -------
    now : Typed
        The last state of each firm. Firms whose states overlap are set aside with all their rows
        (`E_INTERVAL_OVERLAP`), and rows that end before they begin (`E_RULE`).
    history : History
    flow : Flow
    """
    n_typed, flow = len(firms.rows), Flow().add(firms.reading("read firms"))
    column = FROM if how == "interval" else CHANGED
    kept = firms.with_rows(distinct_rows(firms.rows))
    if how == "interval":
        start, end = _days(kept.rows, FROM, ALWAYS), _days(kept.rows, TO, OPEN)
        kept = kept.reject(end < start, firms.source.header(TO), "E_RULE")
    kept = kept.with_rows(_in_time(kept.rows, column))
    if how == "change_date":
        kept = kept.with_rows(_last_updated(kept.rows))
    start, end = _states(kept.rows, how)
    is_bad = _of_bad_firms(kept.rows, start, end)
    n_once = len(kept.rows) + len(kept.rejected) - len(firms.rejected)
    kept = kept.reject(is_bad, firms.source.header(column), "E_INTERVAL_OVERLAP")
    history = History(kept.rows, start[~is_bad], end[~is_bad])
    now = kept.with_rows(_filtered(kept.rows, _is_last(kept.rows)))
    n_aside = len(now.rejected) - len(firms.rejected)
    step = FlowStep(
        "distinct firms", "rows", n_typed, len(now.rows), quarantined=n_aside,
        collapsed=n_typed - n_once + len(history.rows) - len(now.rows),
        reason=now.rules(["E_INTERVAL_OVERLAP", "E_RULE"]),
    )  # fmt: skip
    return now, history, flow.add(step)


def _days(rows: "pa.Table", name: str, missing: int) -> NDArray[np.int32]:
    """Return a column of dates as days since 1970."""
    import pyarrow as pa

    days: NDArray[np.int32] = held(rows, name).cast(pa.int32()).fill_null(missing).to_numpy()
    return days


def _in_time(rows: "pa.Table", column: str) -> "pa.Table":
    """Sort rows by firm, then by a date, then by when they were updated."""
    rows = by_firm(rows)
    updated = _days(rows, UPDATED, ALWAYS) if has(rows, UPDATED) else np.zeros(len(rows), np.int32)
    order = np.lexsort((updated, _days(rows, column, ALWAYS), _firm_number(rows)))
    return rows.take(order)


def _firm_number(rows: "pa.Table") -> NDArray[np.int64]:
    """Return the place of each row's firm (n_rows,) among the firms of sorted rows."""
    number: NDArray[np.int64] = np.cumsum(np.append(False, ~_is_next_same(rows))[: len(rows)], dtype=np.int64)
    return number


def _is_next_same(rows: "pa.Table") -> NDArray[np.bool_]:
    """Whether each row but the last (n_rows - 1,) is followed by one of the same firm."""
    import pyarrow.compute as pc

    ids = rows.column(FIRM).combine_chunks()
    return np.asarray(pc.equal(ids.slice(1), ids.slice(0, max(len(ids) - 1, 0))).to_numpy(zero_copy_only=False), bool)


def _is_last(rows: "pa.Table") -> NDArray[np.bool_]:
    """Find the last row (n_rows,) of each firm among sorted ones."""
    return np.append(~_is_next_same(rows), True)[: len(rows)]


def _last_updated(rows: "pa.Table") -> "pa.Table":
    """Keep of rows of one firm and change date the one updated last; rows of one update stay, and contradict."""
    if not has(rows, UPDATED):
        return rows
    changed, updated = _days(rows, CHANGED, ALWAYS), _days(rows, UPDATED, ALWAYS)
    is_older = _is_next_same(rows) & (changed[:-1] == changed[1:]) & (updated[:-1] < updated[1:])
    return _filtered(rows, ~np.append(is_older, False)[: len(rows)])


def _states(rows: "pa.Table", how: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return first and last day of each row, sorted by firm and time."""
    if how == "interval":
        return _days(rows, FROM, ALWAYS), _days(rows, TO, OPEN)
    start = _days(rows, CHANGED, ALWAYS)
    end = np.full(len(rows), OPEN, np.int32)
    followed = np.flatnonzero(_is_next_same(rows))
    end[followed] = np.maximum(start[followed + 1], ALWAYS + 1) - 1
    return start, np.maximum(start, end)


def _of_bad_firms(rows: "pa.Table", start: NDArray[np.int32], end: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Find the rows (n_rows,) of firms of which two states overlap; of sorted ones, two neighbours then do."""
    is_overlap = _is_next_same(rows) & (start[1:] <= end[:-1])
    firm = _firm_number(rows)
    bad = np.zeros(len(rows), bool)
    bad[firm[:-1][is_overlap]] = True
    found: NDArray[np.bool_] = bad[firm]
    return found


def _n_moved(then: "pa.Table", now: "pa.Table") -> int:
    """Count the firms that have another prefecture now, where the study reads prefectures."""
    import pyarrow as pa
    import pyarrow.compute as pc

    name = next((n for n in PLACES if has(now, n)), None)
    if name is None:
        return 0
    place = pc.index_in(now.column(FIRM).combine_chunks(), then.column(FIRM).combine_chunks())
    differs = pc.not_equal(held(then, name).take(place), held(now, name))
    return int(pc.sum(differs.cast(pa.int64())).as_py() or 0)


def _filtered(rows: "pa.Table", is_kept: NDArray[np.bool_]) -> "pa.Table":
    import pyarrow as pa

    return rows.filter(pa.array(is_kept))
