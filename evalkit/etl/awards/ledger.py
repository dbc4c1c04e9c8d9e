"""The awards of each firm in order of time: how many, how much so far, and how long since the last."""

from typing import TYPE_CHECKING

from evalkit.etl.conform import Typed

if TYPE_CHECKING:
    import pyarrow as pa


def ledger(awards: Typed) -> "pa.Table":
    """Count the awards of each firm and fiscal year.

    Parameters
    ----------
    awards : Typed
        Awards in force, as `first_awards` returns them.

    Returns
    -------
    Table
        One row per firm and fiscal year with an award, sorted: `firm_id`, `fiscal_year` (int32), `n_awards` and
        `amount` (yen, of the year), `n_awards_to_date` and `amount_to_date`, `n_programmes` (of the year),
        `years_since_last` (null for the first; the clean window before an award is this less one).
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = awards.rows
    for name, kind in (("amount", pa.float64()), ("programme", pa.string())):
        if name not in rows.column_names:
            rows = rows.append_column(name, pa.nulls(len(rows), kind))
    by_year = rows.group_by(["firm_id", "award_year"], use_threads=False).aggregate(
        [([], "count_all"), ("amount", "sum"), ("programme", "count_distinct")]
    )
    by_year = by_year.sort_by([("firm_id", "ascending"), ("award_year", "ascending")])
    firms, years = by_year.column("firm_id").to_pylist(), by_year.column("award_year").to_pylist()
    counts, amounts = by_year.column("count_all").to_pylist(), pc.fill_null(by_year.column("amount_sum"), 0).to_pylist()
    n_so_far, so_far, since = list[int](), list[float](), list[int | None]()
    for i, firm in enumerate(firms):
        is_more = i > 0 and firms[i - 1] == firm
        n_so_far.append(counts[i] + (n_so_far[-1] if is_more else 0))
        so_far.append(amounts[i] + (so_far[-1] if is_more else 0.0))
        since.append(years[i] - years[i - 1] if is_more else None)
    return pa.table({
        "firm_id": by_year.column("firm_id"), "fiscal_year": by_year.column("award_year"),
        "n_awards": by_year.column("count_all"), "amount": pa.array(amounts, pa.float64()),
        "n_awards_to_date": pa.array(n_so_far, pa.int64()), "amount_to_date": pa.array(so_far, pa.float64()),
        "n_programmes": by_year.column("programme_count_distinct"),
        "years_since_last": pa.array(since, pa.int64()),
    })  # fmt: skip
