"""The awards of each firm by fiscal year: how many, and how much."""

from typing import TYPE_CHECKING

from evalkit.etl.awards.stages import DECIMALS
from evalkit.etl.conform import Typed

if TYPE_CHECKING:
    import pyarrow as pa


def ledger(awards: Typed) -> "pa.Table":
    """Count the awards of each firm and fiscal year.

    Parameters
    ----------
    awards : Typed
        Awards in force, each with a firm.

    Returns
    -------
    Table
        One row per firm and fiscal year with an award, sorted by both: `firm_id`, `fiscal_year` (int32), `n_awards`,
        and `amount` of the year (float64, yen where amounts have a money unit), null where the amount of any of its
        awards is not known.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = awards.rows
    if "amount" not in rows.column_names:
        rows = rows.append_column("amount", pa.nulls(len(rows), pa.float64()))
    is_known_in_full = pc.ScalarAggregateOptions(skip_nulls=False)
    by_year = rows.group_by(["firm_id", "award_year"], use_threads=False).aggregate(
        [([], "count_all"), ("amount", "sum", is_known_in_full)]
    )
    by_year = by_year.sort_by([("firm_id", "ascending"), ("award_year", "ascending")])
    return pa.table({
        "firm_id": by_year.column("firm_id").cast(pa.string()), "fiscal_year": by_year.column("award_year"),
        "n_awards": by_year.column("count_all"), "amount": pc.round(by_year.column("amount_sum"), DECIMALS),
    })  # fmt: skip
