"""Firms that a register has under several ids: the same name at the same address."""

from typing import TYPE_CHECKING

from evalkit.etl.linking.keys import register_firms, register_keys

if TYPE_CHECKING:
    import pyarrow as pa

SAME = ("name", "form", "prefecture", "city", "town", "numbers")


def same_firms(register: "pa.Table") -> "pa.Table":
    """Find ids whose name and address are those of another id too, a branch and its head office for example.

    Names and addresses are compared as linking does, with the legal form. Rows without a name, or whose address has no
    city or no numbers, are like no other.

    Parameters
    ----------
    register : Table
        As for `link`; a firm may have several rows.

    Returns
    -------
    Table
        `firm_id` and `group` (the least id that has the same name and address), sorted by group and id. An id is in
        one row for each name and address that it shares. These are suggestions; nothing is changed.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    ids = register_firms(register)
    keys = register_keys(register, ids).select([*SAME, "firm"])
    is_told = pc.and_(pc.and_(keys["name"].is_valid(), keys["city"].is_valid()), keys["numbers"].is_valid())
    keys = keys.filter(is_told)
    shared = keys.group_by(list(SAME), use_threads=False).aggregate([("firm", "min"), ("firm", "distinct")])
    shared = shared.filter(pc.greater(pc.list_value_length(shared["firm_distinct"]), 1))
    firms = pc.list_flatten(shared["firm_distinct"])
    groups = shared["firm_min"].take(pc.list_parent_indices(shared["firm_distinct"]))
    found = pa.table({"firm_id": ids.take(firms.combine_chunks()), "group": ids.take(groups.combine_chunks())})
    return found.sort_by([("group", "ascending"), ("firm_id", "ascending")])
