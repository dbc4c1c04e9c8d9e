"""Firm records: one row per firm, conflicting ones set aside; and firms found among firms."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.conform import ROW, Typed
from evalkit.model.flow import Flow, FlowStep

if TYPE_CHECKING:
    import pyarrow as pa


def one_per_firm(firms: Typed) -> tuple[Typed, Flow]:
    """Collapse equal rows and set aside firms whose rows differ (`E_KEY_CONFLICT`); the rows are sorted by firm."""
    n_typed, flow = len(firms.rows), Flow().add(firms.reading("read firms"))
    once = distinct_rows(firms.rows)
    n_once = len(once)
    kept = firms.with_rows(once)
    kept = kept.reject(_is_shared(once), firms.source.header("firm_id"), "E_KEY_CONFLICT")
    n_kept = len(kept.rows)
    step = FlowStep(
        "distinct firms", "rows", n_typed, n_kept, quarantined=n_once - n_kept, collapsed=n_typed - n_once,
        reason=kept.rules(["E_KEY_CONFLICT"]),
    )  # fmt: skip
    return kept, flow.add(step)


def distinct_rows(rows: "pa.Table") -> "pa.Table":
    """Collapse rows that are equal in every column; the others are sorted by firm."""
    import pyarrow as pa

    rows = by_firm(rows)
    is_shared = _is_shared(rows)
    shared, columns = rows.filter(pa.array(is_shared)), [n for n in rows.column_names if n != ROW]
    if not len(shared):
        return rows
    once = shared.group_by(columns, use_threads=False).aggregate([(ROW, "min")])
    once = once.rename_columns([*columns, ROW]).select(rows.column_names)
    return by_firm(pa.concat_tables([rows.filter(pa.array(~is_shared)), once]))


def by_firm(rows: "pa.Table") -> "pa.Table":
    """Sort rows by firm id, text by code point."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ids = rows.column("firm_id")
    if pa.types.is_dictionary(ids.type):
        ids = ids.cast(pa.string())
        rows = rows.set_column(rows.column_names.index("firm_id"), "firm_id", ids)
    return rows.take(pc.sort_indices(ids)).combine_chunks()


def _is_shared(rows: "pa.Table") -> NDArray[np.bool_]:
    """Find the rows (n_rows,), sorted by firm, whose firm has another row."""
    import pyarrow.compute as pc

    ids = rows.column("firm_id")
    is_shared = np.zeros(len(ids), bool)
    if len(ids) > 1:
        is_like_next = pc.equal(ids.slice(1), ids.slice(0, len(ids) - 1)).to_numpy()
        is_shared[1:] |= is_like_next
        is_shared[:-1] |= is_like_next
    return is_shared


def held(rows: "pa.Table", name: str) -> "pa.Array":
    """Return a column of typed rows (n_rows,), whichever its type.

    Raises
    ------
    KeyError
        There is no such column; see `has`.
    """
    found = _held_as(rows, name)
    if found is None:
        raise KeyError(name)
    return rows.column(found).combine_chunks()


def has(rows: "pa.Table", name: str) -> bool:
    """Whether typed rows have a column, whichever its type."""
    return _held_as(rows, name) is not None


def _held_as(rows: "pa.Table", name: str) -> str | None:
    names = (name, *(f"{kind}:{name}" for kind in ("date", "category", "number")))
    return next((n for n in names if n in rows.column_names), None)


def known_firms(*firms: "pa.Array") -> "pa.Array":
    """Return the firms that occur in any of some sorted arrays, sorted (text by code point), each once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len({f.type for f in firms}) > 1:
        firms = tuple(f.cast(pa.string()) for f in firms)
    ids = pa.concat_arrays(firms)
    if not pa.types.is_integer(ids.type):
        ids = pc.unique(ids)
        return ids.take(pc.sort_indices(ids))
    merged = np.sort(ids.to_numpy(), kind="stable")
    return pa.array(merged[np.append(True, merged[1:] != merged[:-1])])


def find(wanted: "pa.Array", among: "pa.Array") -> NDArray[np.int64]:
    """Return the place (n,) of each of some firms among sorted ones, -1 where it is not there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if wanted.type != among.type:
        wanted, among = wanted.cast(pa.string()), among.cast(pa.string())
    if not pa.types.is_integer(among.type) or not len(among):
        found: NDArray[np.int64] = pc.fill_null(pc.index_in(wanted, among), -1).to_numpy().astype(np.int64)
        return found
    keys, there = wanted.to_numpy(), among.to_numpy()
    place = np.minimum(np.searchsorted(there, keys), len(there) - 1)
    return np.where(there[place] == keys, place, -1)
