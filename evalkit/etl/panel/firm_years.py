"""Firm-years onto a grid of firms and periods: one dense array per column."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError
from evalkit.etl.conform import ROW, Typed
from evalkit.etl.grammar.numbers import real
from evalkit.etl.panel.firm_codes import firm_codes
from evalkit.etl.reading.file_columns import PART_ROWS
from evalkit.model.flow import Flow, FlowStep

if TYPE_CHECKING:
    import pyarrow as pa

KEYS = (ROW, "firm_id", "fiscal_year")


@dataclasses.dataclass(frozen=True, eq=False)
class Categories:
    """Texts of firms and periods: (n_periods, n_firms) places in `levels`, -1 where there is none."""

    codes: NDArray[np.int32]
    levels: "pa.Array"


@dataclasses.dataclass(frozen=True, eq=False)
class Grid:
    """Firms x periods.

    Parameters
    ----------
    firms : Array of int64 or string (n_firms,)
        Sorted (text by code point), each once.
    periods : tuple of int
        In order.
    columns : dict of str to (n_periods, n_firms) float64, or Categories
        `number:<name>`, NaN where not known, and `category:<name>`.
    n_firm_years : int
        Distinct firm-years.
    """

    firms: "pa.Array"
    periods: tuple[int, ...]
    columns: Mapping[str, NDArray[np.float64] | Categories]
    n_firm_years: int = 0

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column of numbers: (n_periods, n_firms), NaN where not known."""
        return cast("NDArray[np.float64]", self.columns[f"number:{name}"])

    def at(self, column: str, period: int) -> "pa.Array":
        """Return a column at one period (n_firms,), null where not known."""
        import pyarrow as pa

        found, row = self.columns[column], self.periods.index(period)
        if isinstance(found, Categories):
            codes = found.codes[row]
            return found.levels.take(pa.array(codes, mask=codes < 0))
        return real(found[row])

    def categories(self, name: str) -> Categories:
        """Return a column of texts."""
        return cast("Categories", self.columns[f"category:{name}"])

    def with_numbers(self, name: str, values: NDArray[np.float64]) -> "Grid":
        """Return the grid with other values (n_periods, n_firms) in one column of numbers."""
        return dataclasses.replace(self, columns={**self.columns, f"number:{name}": values})

    def of_firms(self, is_kept: NDArray[np.bool_]) -> "Grid":
        """Return the grid of some firms (n_firms,)."""
        import pyarrow as pa

        if is_kept.all():
            return self
        columns = {
            name: Categories(c.codes[:, is_kept], c.levels) if isinstance(c, Categories) else c[:, is_kept]
            for name, c in self.columns.items()
        }
        return dataclasses.replace(self, firms=self.firms.filter(pa.array(is_kept)), columns=columns)


@dataclasses.dataclass(frozen=True, eq=False)
class Places:
    """Where each firm-year belongs.

    Parameters
    ----------
    known : Array of int64 or string
        All firms with firm-years, inside the period or not; sorted, each once.
    firms : Array of int64 or string (n_firms,)
        Firms with firm-years inside the period.
    periods : tuple of int
        In order.
    cell : (n_rows,) int64
        Period's place * n_firms + firm's place; n_periods * n_firms for a row outside the period.
    """

    known: "pa.Array"
    firms: "pa.Array"
    periods: tuple[int, ...]
    cell: NDArray[np.int64]

    @property
    def n_cells(self) -> int:
        """Firms times periods."""
        return len(self.firms) * len(self.periods)


def placed(columns: "dict[str, pa.ChunkedArray]", periods: tuple[int, ...]) -> tuple[Places, FlowStep]:
    """Find the place of each firm-year; those outside the period have none, without being called wrong.

    Parameters
    ----------
    columns : dict of str to ChunkedArray (n_rows,)
        `firm_id` and `fiscal_year` are taken out of it, which gives their memory back.
    periods : tuple of int
        In order.

    Raises
    ------
    DataError
        No firm-year lies in the period (`E_NO_ROWS`).
    """
    import pyarrow as pa

    codes, known = firm_codes(columns.pop("firm_id"))
    period = columns.pop("fiscal_year").to_numpy() - np.int32(periods[0])
    is_inside = (period >= 0) & (period < len(periods))
    n_rows, n_inside = len(period), int(np.count_nonzero(is_inside))
    if not n_inside:
        raise DataError(
            f"no firm-year lies in the period {periods[0]} to {periods[-1]}",
            where="sources.firm_years",
            code="E_NO_ROWS",
            hint="check period.first and period.last, and the column of fiscal years",
        )
    firms = known
    if n_inside < n_rows:
        has_rows = np.zeros(len(known), bool)
        has_rows[codes[is_inside]] = True
        firms = known.filter(pa.array(has_rows))
        codes = (np.cumsum(has_rows, dtype=np.int32) - 1)[codes]
    cell = period.astype(np.int64)
    cell *= len(firms)
    cell += codes
    if n_inside < n_rows:
        cell[~is_inside] = len(firms) * len(periods)
    step = FlowStep(
        "period", "rows", n_rows, n_inside, quarantined=n_rows - n_inside, reason="outside the study's period"
    )
    return Places(known, firms, periods, cell), step


def grid(firm_years: Typed, columns: "dict[str, pa.ChunkedArray]", places: Places) -> tuple[Grid, Flow]:
    """Place the firm-years on the grid; equal duplicates collapse.

    Parameters
    ----------
    firm_years : Typed
        What the firm-years were read from.
    columns : dict of str to ChunkedArray (n_rows,)
        `row` and the data. They are taken out one by one, which gives their memory back.
    places : Places
        Where each row belongs.

    Raises
    ------
    DataError
        A firm-year occurs twice with different values (`E_PANEL_DUP`).
    """
    is_there = np.zeros(places.n_cells + 1, bool)
    is_there[places.cell] = True
    n_cells = int(np.count_nonzero(is_there[:-1]))
    n_rows = int(np.count_nonzero(places.cell < places.n_cells))
    if n_cells < n_rows:
        _check_twins(firm_years, columns, places)
    columns.pop(ROW)
    dense = {name: _dense(columns.pop(name), places) for name in list(columns)}
    flow = Flow().add(FlowStep("distinct firm-years", "rows", n_rows, n_cells, collapsed=n_rows - n_cells))
    return Grid(places.firms, places.periods, dense, n_cells), flow


def _dense(column: "pa.ChunkedArray", places: Places) -> NDArray[np.float64] | Categories:
    """Scatter a column (n_rows,) over firms and periods."""
    import pyarrow as pa

    shape = (len(places.periods), len(places.firms))
    if pa.types.is_floating(column.type):
        values = np.full(places.n_cells + 1, np.nan)
        for rows, chunk in _chunks(column):
            values[places.cell[rows]] = chunk.to_numpy(zero_copy_only=False)
        return values[:-1].reshape(shape)
    encoded = column.dictionary_encode().unify_dictionaries()
    codes = np.full(places.n_cells + 1, -1, np.int32)
    for rows, chunk in _chunks(encoded):
        codes[places.cell[rows]] = chunk.indices.fill_null(-1).to_numpy()
    return Categories(codes[:-1].reshape(shape), encoded.chunk(0).dictionary)


def _chunks(column: "pa.ChunkedArray") -> "Iterator[tuple[slice, pa.Array]]":
    """Yield a column in pieces, each with its place."""
    start = 0
    for chunk in column.chunks:
        for piece in range(0, len(chunk), PART_ROWS):
            part = chunk.slice(piece, PART_ROWS)
            yield slice(start, start + len(part)), part
            start += len(part)


def _check_twins(firm_years: Typed, columns: "Mapping[str, pa.ChunkedArray]", places: Places) -> None:
    """Refuse two rows of one firm-year that differ in any column read."""
    row_of = np.full(places.n_cells + 1, -1, np.int64)
    place = np.arange(len(places.cell))
    row_of[places.cell] = place
    twin = row_of[places.cell]
    is_twice = (twin != place) & (places.cell < places.n_cells)
    first, second = place[is_twice], twin[is_twice]
    differs = np.zeros(len(first), bool)
    for name, column in columns.items():
        if name not in KEYS:
            differs |= ~_same(column.take(first), column.take(second))
    if differs.any():
        rows = columns[ROW].take(np.union1d(first[differs], second[differs])).to_numpy()
        n_cells = len(np.unique(second[differs]))
        raise DataError(
            f"{n_cells} firm-years occur more than once with different values",
            where=firm_years.source.first_lines(rows),
            code="E_PANEL_DUP",
            hint="keep one row per firm and year",
        )


def _same(left: "pa.ChunkedArray", right: "pa.ChunkedArray") -> NDArray[np.bool_]:
    import pyarrow.compute as pc

    is_equal = pc.fill_null(pc.equal(left, right), False)
    is_same = pc.or_(is_equal, pc.and_(left.is_null(), right.is_null()))
    found: NDArray[np.bool_] = np.asarray(is_same.to_numpy(), bool)
    return found
