"""Absorbed firms: their awards and, where the study says so, their firm-years go to the firm that exists now."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.conform import Typed
from evalkit.etl.linking.successors import resolve_successors
from evalkit.etl.needs import SUCCESSOR
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.panel import COHORT, FIRM

if TYPE_CHECKING:
    import pyarrow as pa


@dataclasses.dataclass(frozen=True, eq=False)
class Successors:
    """Absorbed firms and the last successor of each.

    Parameters
    ----------
    absorbed, last : Array of string (n_absorbed,)
        Firm ids, each absorbed firm once, sorted.
    """

    absorbed: "pa.Array"
    last: "pa.Array"

    def __len__(self) -> int:
        return len(self.absorbed)

    def of(self, firms: "pa.ChunkedArray") -> "tuple[pa.ChunkedArray, NDArray[np.bool_]]":
        """Return the firm (n,) that stands for each firm now, and which ones were absorbed (n,).

        Ids stay numbers where they and all successors are; otherwise they become text.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        is_number = pa.types.is_integer(firms.type) and are_numbers(self.last)
        column = firms if is_number else firms.cast(pa.string())
        absorbed, last = self.absorbed, self.last
        if is_number:
            known = pc.match_substring_regex(absorbed, r"^[0-9]{1,18}$")
            absorbed, last = (ids.filter(known).cast(column.type) for ids in (absorbed, last))
        place = pc.index_in(column, absorbed)
        found = pc.if_else(pc.is_valid(place), last.take(place), column)
        return found, np.asarray(pc.is_valid(place).to_numpy(), bool)


def are_numbers(ids: "pa.Array") -> bool:
    """Whether all ids can be stored as numbers."""
    import pyarrow.compute as pc

    return bool(pc.all(pc.match_substring_regex(ids, r"^[0-9]{1,18}$"), min_count=0).as_py())


def successors(source: Typed) -> Successors:
    """Return the absorbed firms of a source with a column `successor_id`, chains followed to their end.

    Raises
    ------
    DataError
        The successors of some firms lead in a circle (`E_SUCCESSOR_CYCLE`), or a firm has two (`E_SUCCESSOR_TWICE`).
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = source.rows
    pairs = pa.table({
        FIRM: rows.column(FIRM).cast(pa.string()), SUCCESSOR: rows.column(SUCCESSOR).cast(pa.string()),
    }).drop_null()  # fmt: skip
    absorbed = pc.unique(pairs.column(FIRM))
    absorbed = absorbed.take(pc.sort_indices(absorbed))
    return Successors(absorbed, resolve_successors(pa.chunked_array([absorbed]), pairs))


def reading(mergers: Typed, merged: Successors) -> Flow:
    """Return the flow of a source of mergers: rows read, and firms absorbed."""
    rows = mergers.rows
    n_named = len(rows) - rows.column(SUCCESSOR).null_count
    step = FlowStep(
        "mergers", "rows", len(rows), len(merged), quarantined=len(rows) - n_named, collapsed=n_named - len(merged),
        reason="no successor named" if n_named < len(rows) else "",
    )  # fmt: skip
    return Flow().add(mergers.reading("read mergers")).add(step)


def awards_of_now(awards: Typed, merged: Successors | None) -> Typed:
    """Return awards with the firms that exist now, where the study follows mergers."""
    if merged is None:
        return awards
    firms, _ = merged.of(awards.rows.column(FIRM))
    return awards.with_rows(awards.rows.set_column(awards.rows.column_names.index(FIRM), FIRM, firms))


def awards_followed(
    awards: Typed, cohorts: "pa.Table", merged: Successors
) -> "tuple[Typed, pa.Table, FlowStep, pa.Array]":
    """Give the awards of absorbed firms to their last successors.

    Parameters
    ----------
    awards : Typed
        Awards that count, each with a firm.
    cohorts : Table
        `firm_id` and `cohort`, one row per firm.
    merged : Successors
        Absorbed firms.

    Returns
    -------
    awards : Typed
        With the firms that exist now.
    cohorts : Table
        The first award of each of these firms, its own or one that it took over; sorted by firm.
    step : FlowStep
        How many firms' awards moved, and how many first awards became one.
    moved : Array of string
        The absorbed firms that had an award.
    """
    import pyarrow as pa

    followed = awards_of_now(awards, merged)
    now, is_absorbed = merged.of(cohorts.column(FIRM))
    moved = cohorts.column(FIRM).filter(pa.array(is_absorbed)).combine_chunks()
    first = pa.table({FIRM: now, COHORT: cohorts.column(COHORT)}).group_by(FIRM).aggregate([(COHORT, "min")])
    first = first.rename_columns([FIRM, COHORT]).sort_by(FIRM)
    step = FlowStep(
        "successors", "awards", len(cohorts), len(first), collapsed=len(cohorts) - len(first),
        reason=f"awards of absorbed firms: {len(moved)}",
    )  # fmt: skip
    return followed, first, step, moved
