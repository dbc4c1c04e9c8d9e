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
    import pyarrow as pa

    n_typed, flow = len(firms.rows), Flow().add(firms.reading("read firms"))
    rows = _by_firm(firms.rows)
    is_shared = _is_shared(rows)
    shared, columns = rows.filter(pa.array(is_shared)), [n for n in rows.column_names if n != ROW]
    once = shared.group_by(columns, use_threads=False).aggregate([(ROW, "min")])
    once = once.rename_columns([*columns, ROW]).select(rows.column_names)
    n_once = n_typed - len(shared) + len(once)
    kept = firms.with_rows(_by_firm(once))
    kept = kept.reject(_is_shared(kept.rows), firms.source.header("firm_id"), "E_KEY_CONFLICT")
    if len(shared):
        rows = _by_firm(pa.concat_tables([rows.filter(pa.array(~is_shared)), kept.rows]))
    kept, n_kept = kept.with_rows(rows), len(rows)
    step = FlowStep(
        "distinct firms", "rows", n_typed, n_kept, quarantined=n_once - n_kept, collapsed=n_typed - n_once,
        reason=kept.rules(["E_KEY_CONFLICT"]),
    )  # fmt: skip
    return kept, flow.add(step)


def _by_firm(rows: "pa.Table") -> "pa.Table":
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
