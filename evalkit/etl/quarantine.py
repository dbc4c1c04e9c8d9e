"""Rows set aside: how many are too many, and the files they are written to."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import DataError
from evalkit.etl.conform import ROW, Typed, absolute_amount
from evalkit.model import store
from evalkit.model.study import Limits

if TYPE_CHECKING:
    import pyarrow as pa

NOT_COUNTED = "E_UNLINKED"
"""Unlinked awards have a limit of their own, the link rate."""
PLACES = ("file", "line", "column", "rule")


def limit_problems(sources: Sequence[Typed], limits: Limits) -> list[DataError]:
    """Return one problem for each source of which too many rows, or too much award money, was set aside."""
    errors = []
    for typed in sources:
        n_bad = sum(rule != NOT_COUNTED for rule in typed.rejected.column("rule").to_pylist())
        share, money = n_bad / typed.source.n_rows, _amount_share(typed)
        if share > limits.quarantined_rows:
            errors.append(_too_many(typed, f"{n_bad} of {typed.source.n_rows} rows", limits.quarantined_rows, "rows"))
        elif money > limits.quarantined_amount:
            errors.append(_too_many(typed, f"{money:.2%} of the award amount", limits.quarantined_amount, "amount"))
    return errors


def write_quarantine(folder: Path, sources: Sequence[Typed]) -> None:
    """Write one Parquet file per source: file, line, column, rule, and the row as it was read."""
    for typed in sources:
        store.write_parquet(folder / f"{typed.source.role}.parquet", quarantined(typed))


def quarantined(typed: Typed) -> "pa.Table":
    """Return the rows set aside, in the order of files and lines, with all their columns as text."""
    import pyarrow as pa

    rejected = typed.rejected.sort_by(ROW)
    rows = rejected.column(ROW).to_numpy()
    files, lines = typed.source.places(rows)
    columns = {
        "file": pa.array(files, pa.string()), "line": pa.array(lines, pa.int64()),
        "column": rejected.column("column"), "rule": rejected.column("rule"),
    }  # fmt: skip
    headers = dict.fromkeys(h for f in typed.source.files for h in f.columns)
    for header in headers:
        name = f"{header} (as read)" if header in PLACES else header
        columns[name] = typed.source.raw(header).take(pa.array(rows))
    return pa.table(columns)


def _amount_share(typed: Typed) -> float:
    """Return the share of the amount, regardless of sign, that lies in rows set aside."""
    import pyarrow.compute as pc

    counted = typed.rejected.filter(pc.not_equal(typed.rejected.column("rule"), NOT_COUNTED))
    return absolute_amount(counted) / typed.total_amount if typed.total_amount else 0.0


def _too_many(typed: Typed, what: str, limit: float, kind: str) -> DataError:
    return DataError(
        f"{what} cannot be read or contradict each other, more than the limit of {limit:.2%} ({typed.rules()})",
        where=f"sources.{typed.source.role}",
        code="E_QUARANTINE_LIMIT",
        hint=f"mend the rows, or raise limits.quarantined_{kind} in the study with a reason",
    )
