"""Awards and register in the form that links are made on: comparable names and address levels."""

from typing import TYPE_CHECKING

from evalkit.errors import DataError, did_you_mean, raise_all
from evalkit.etl.grammar.addresses import PARTS, address_columns
from evalkit.etl.grammar.names import name_columns

if TYPE_CHECKING:
    import pyarrow as pa

AWARD_COLUMNS = ("award_id", "name", *PARTS, "award_date")
REGISTER_COLUMNS = ("firm_id", "name", *PARTS, "closed")


def award_keys(awards: "pa.Table") -> "pa.Table":
    """Return one row per award: its row, name key, legal form, address levels and date.

    Parameters
    ----------
    awards : Table
        `award_id` and `name`; any of `prefecture`, `city`, `address`; `award_date` (date) where known.

    Raises
    ------
    DataError
        `award_id` or `name` is missing (`E_COLUMN`), or an award id is missing or occurs twice (`E_AWARD_ID`).
    """
    import pyarrow.compute as pc

    _check_columns(awards, AWARD_COLUMNS[:2], "awards")
    ids = awards["award_id"]
    n_wrong = len(ids) - pc.count_distinct(ids).as_py()
    if n_wrong:
        raise DataError(
            f"{n_wrong} awards have no id or one that occurs before", where="awards.award_id", code="E_AWARD_ID",
            hint="number the awards",
        )  # fmt: skip
    return _keys(awards, "award_date")


def register_keys(register: "pa.Table", firms: "pa.Array") -> "pa.Table":
    """Return one row per register row: keys as for awards, and `firm`, the firm's place among `firms`.

    A firm may have several rows, with former names and addresses; they count as one firm.
    """
    import pyarrow.compute as pc

    return _keys(register, "closed").append_column("firm", pc.index_in(register["firm_id"], firms))


def register_firms(register: "pa.Table") -> "pa.Array":
    """Return the register's firm ids, sorted by code point, each once."""
    import pyarrow.compute as pc

    _check_columns(register, REGISTER_COLUMNS[:2], "register")
    if register["firm_id"].null_count:
        raise DataError(
            f"{register['firm_id'].null_count} rows have no firm id", where="register.firm_id", code="E_NO_FIRM_ID",
            hint="leave out these rows: nothing can be linked to them",
        )  # fmt: skip
    firms = pc.unique(register["firm_id"])
    return firms.take(pc.sort_indices(firms))


def _keys(table: "pa.Table", day: str) -> "pa.Table":
    import numpy as np
    import pyarrow as pa

    name, form = name_columns(table["name"])
    levels = address_columns(table)
    days = table[day] if day in table.column_names else pa.nulls(len(table), pa.date32())
    columns = {
        "row": pa.array(np.arange(len(table), dtype=np.int32)),
        "name": name,
        "form": form,
        "day": days.cast(pa.date32()),
    }
    return pa.table(columns | {level: levels[level] for level in levels.column_names})


def _check_columns(table: "pa.Table", needed: tuple[str, ...], where: str) -> None:
    raise_all(
        [
            DataError(f"there is no column '{name}'", where=where, code="E_COLUMN",
                      hint=did_you_mean(name, table.column_names))
            for name in needed
            if name not in table.column_names
        ],
        where,
    )  # fmt: skip
