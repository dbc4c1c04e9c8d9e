"""Firms of one parent: their group, and groups of which some firms are treated and some are not."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.panel.firm_records import find, held
from evalkit.model.panel import FIRM

if TYPE_CHECKING:
    import pyarrow as pa

GROUP = "group_id"
"""Column of the panel with the group of each firm."""


def group_of(firms: "pa.Array", records: "pa.Table", parent: str) -> "pa.Array":
    """Return the group (n_firms,) of each firm as text: its parent, or the firm itself where it has none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    place = find(firms, records.column(FIRM).combine_chunks())
    parents = held(records, parent).cast(pa.string()).take(pa.array(place, mask=place < 0))
    return pc.coalesce(parents, firms.cast(pa.string()))


def without_mixed(groups: "pa.Array", is_treated: NDArray[np.bool_], rule: str) -> NDArray[np.bool_]:
    """Find the firms (n_firms,) that stay when effects may spill over within groups.

    Parameters
    ----------
    groups : Array of string (n_firms,)
        Group of each firm.
    is_treated : (n_firms,) bool
        Whether a firm ever has an award.
    rule : {"exclude_controls", "exclude"}
        Which firms of groups with treated and untreated firms leave: the untreated ones, or all.
    """
    code = groups.dictionary_encode().indices.to_numpy()
    n_groups = int(code.max(initial=-1)) + 1
    n_firms = np.bincount(code, minlength=n_groups)
    n_treated = np.bincount(code[is_treated], minlength=n_groups)
    is_mixed = ((n_treated > 0) & (n_treated < n_firms))[code]
    leaves: NDArray[np.bool_] = is_mixed & ~is_treated if rule == "exclude_controls" else is_mixed
    return ~leaves
