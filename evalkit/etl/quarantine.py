"""Rows set aside: how many are too many, and the files they are written to."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError
from evalkit.etl.conform import ROW, Typed, absolute_amount
from evalkit.etl.source import SourceText
from evalkit.model import store
from evalkit.model.study_report import Limits

if TYPE_CHECKING:
    import pyarrow as pa

NOT_COUNTED = ("E_UNLINKED",)
"""Awards of firms that are not there have a limit of their own, the link rate. Those that mean several firms count like
any row that contradicts itself: their firm is there, on the wrong side of the comparison."""
PLACES = ("file", "line", "column", "rule")


def limit_problems(sources: Sequence[Typed], limits: Limits) -> list[DataError]:
    """Return one problem for each source of which too many rows, or too much award money, was set aside."""
    errors = []
    for typed in sources:
        expected = (*NOT_COUNTED, *(["E_NO_FIRM_ID"] if typed.source.layout.lacks_ids else []))
        n_bad = sum(rule not in expected for rule in typed.rejected.column("rule").to_pylist())
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
    raw = _as_read(typed.source, list(headers), rows)
    return pa.table(columns | {f"{h} (as read)" if h in PLACES else h: texts for h, texts in raw.items()})


def _as_read(source: SourceText, headers: Sequence[str], rows: NDArray[np.int64]) -> "dict[str, pa.ChunkedArray]":
    """Return the texts of some sorted rows, each once read; files and parts without any of them are not read again."""
    import pyarrow as pa

    chunks: dict[str, list[pa.Array]] = {header: [] for header in headers}
    n_before = 0
    for file in source.files:
        mine = rows[(rows >= n_before) & (rows < n_before + file.n_rows)] - n_before
        for start, part in file.parts(headers, mine) if len(mine) else ():
            here = pa.array(mine[(mine >= start) & (mine < start + part.n_rows)] - start)
            for header in headers if len(here) else ():
                found = part.columns.get(header)
                chunks[header] += [pa.array([""] * len(here))] if found is None else found.take(here).chunks
        n_before += file.n_rows
    return {header: pa.chunked_array(texts, pa.string()) for header, texts in chunks.items()}


def _amount_share(typed: Typed) -> float:
    """Return the share of the amount, regardless of sign, that lies in rows set aside."""
    import pyarrow as pa
    import pyarrow.compute as pc

    others = pc.invert(pc.is_in(typed.rejected.column("rule"), pa.array(NOT_COUNTED)))
    counted = typed.rejected.filter(others)
    return absolute_amount(counted) / typed.total_amount if typed.total_amount else 0.0


def _too_many(typed: Typed, what: str, limit: float, kind: str) -> DataError:
    return DataError(
        f"{what} cannot be read or contradict each other, more than the limit of {limit:.2%} ({typed.rules()})",
        where=f"sources.{typed.source.role}",
        code="E_QUARANTINE_LIMIT",
        hint=f"mend the rows, or raise limits.quarantined_{kind} in the study with a reason",
    )
