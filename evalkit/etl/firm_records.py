"""Firm records: one row per firm, and conflicting ones set aside."""

from typing import TYPE_CHECKING

import numpy as np

from evalkit.etl.conform import ROW, Typed
from evalkit.model.flow import Flow, FlowStep

if TYPE_CHECKING:
    import pyarrow as pa


def one_per_firm(firms: Typed) -> tuple[Typed, Flow]:
    """Collapse equal rows and set aside firms whose rows differ (`E_KEY_CONFLICT`)."""
    import pyarrow as pa

    n_typed, flow = len(firms.rows), Flow().add(firms.reading("read firms"))
    texts = firms.rows.column("firm_id").cast(pa.string())
    rows = firms.rows.set_column(firms.rows.column_names.index("firm_id"), "firm_id", texts)
    columns = [n for n in rows.column_names if n != ROW]
    once = rows.group_by(columns, use_threads=False).aggregate([(ROW, "min")])
    once = once.rename_columns([*columns, ROW]).select(rows.column_names)
    encoded = once.column("firm_id").combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy()
    is_shared = np.bincount(codes, minlength=len(encoded.dictionary))[codes] > 1
    kept = firms.with_rows(once).reject(is_shared, firms.source.header("firm_id"), "E_KEY_CONFLICT")
    n_kept = len(kept.rows)
    step = FlowStep(
        "distinct firms", "rows", n_typed, n_kept, quarantined=int(is_shared.sum()), collapsed=n_typed - len(once),
        reason=kept.rules(["E_KEY_CONFLICT"]),
    )  # fmt: skip
    return kept, flow.add(step)


def known_firms(*tables: "pa.Table") -> "pa.Array":
    """Return the firm ids that occur in any of some tables, sorted by code point, each once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    chunks = [pc.unique(t.column("firm_id")).cast(pa.string()) for t in tables]
    ids = pc.unique(pa.concat_arrays(chunks))
    return ids.take(pc.sort_indices(ids))
