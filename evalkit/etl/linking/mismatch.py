"""Awards whose firm id names another firm than their name and address do."""

import dataclasses
from typing import TYPE_CHECKING

from evalkit.etl.grammar.names import name_columns
from evalkit.etl.linking.link import DEFAULT, LinkOptions, link

if TYPE_CHECKING:
    import pyarrow as pa

CERTAIN = ("exact:name+address", "exact:name+city")
MISMATCH = "E_ID_MISMATCH"


def id_mismatches(awards: "pa.Table", register: "pa.Table", options: LinkOptions = DEFAULT) -> "pa.Table":
    """Find awards whose name is none of the names of the firm with their id, and fits another firm by its place.

    Parameters
    ----------
    awards, register : Table
        As for `link`; the awards also with `firm_id`. Awards without one are not looked at.
    options : LinkOptions, optional
        As for `link`; only exact links count here.

    Returns
    -------
    Table
        `award_id`, `firm_id` (as given), `suggested_id`, `rule` (of the link) and `code` ("E_ID_MISMATCH"), in the
        awards' order. These are suggestions; nothing is changed.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    with_id = awards.filter(awards["firm_id"].is_valid())
    doubtful = with_id.filter(pa.array(_has_other_name(with_id, register)))
    exact = dataclasses.replace(options, scored=False)
    links = link(doubtful.drop_columns("firm_id"), register, exact).table
    found = pa.table({
        "award_id": links["award_id"], "firm_id": doubtful["firm_id"], "suggested_id": links["firm_id"],
        "rule": links["rule"], "code": pa.array([MISMATCH] * len(links), pa.string()),
    })  # fmt: skip
    is_other = pc.and_(
        pc.is_in(found["rule"], pa.array(CERTAIN)), pc.not_equal(found["firm_id"], found["suggested_id"])
    )
    return found.filter(pc.fill_null(is_other, False))


def _has_other_name(awards: "pa.Table", register: "pa.Table") -> "list[bool]":
    """Say of each award whether its name differs from all names that the register has for its id."""
    import pyarrow.compute as pc

    register = register.filter(pc.is_in(register["firm_id"], pc.unique(awards["firm_id"])))
    known = set(zip(register["firm_id"].to_pylist(), name_columns(register["name"])[0].to_pylist(), strict=True))
    given = zip(awards["firm_id"].to_pylist(), name_columns(awards["name"])[0].to_pylist(), strict=True)
    return [name is not None and (firm, name) not in known for firm, name in given]
