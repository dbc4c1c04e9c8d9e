"""Firm-years onto a grid of firms and periods: which row holds which firm and period."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError
from evalkit.etl.conform import ROW, Typed
from evalkit.model.flow import Flow, FlowStep

if TYPE_CHECKING:
    import pyarrow as pa


@dataclasses.dataclass(frozen=True, eq=False)
class Grid:
    """Firms x periods, each cell the place of its firm-year.

    Parameters
    ----------
    firms : Array of string (n_firms,)
        Sorted by code point, each once.
    periods : tuple of int
        In order.
    rows : Table
        The firm-years inside the period.
    row_of : (n_firms, n_periods) int64
        Place in `rows`, -1 where there is no firm-year.
    """

    firms: "pa.Array"
    periods: tuple[int, ...]
    rows: "pa.Table"
    row_of: NDArray[np.int64]

    def at(self, column: str, period: int) -> "pa.Array":
        """Return a column at one period (n_firms,), null where there is no firm-year."""
        import pyarrow as pa

        place = self.row_of[:, self.periods.index(period)]
        return self.rows.column(column).combine_chunks().take(pa.array(place, mask=place < 0))

    def of_firms(self, is_kept: NDArray[np.bool_]) -> "Grid":
        """Return the grid of some firms (n_firms,)."""
        import pyarrow as pa

        return dataclasses.replace(self, firms=self.firms.filter(pa.array(is_kept)), row_of=self.row_of[is_kept])


def in_period(firm_years: Typed, periods: tuple[int, ...]) -> tuple[Typed, Flow]:
    """Set aside the firm-years outside the period, without calling them wrong."""
    import pyarrow.compute as pc

    n_typed, flow = len(firm_years.rows), Flow().add(firm_years.reading("read firm-years"))
    year = firm_years.rows.column("fiscal_year")
    rows = firm_years.rows.filter(pc.and_(pc.greater_equal(year, periods[0]), pc.less_equal(year, periods[-1])))
    if not len(rows):
        raise DataError(
            f"no firm-year lies in the period {periods[0]} to {periods[-1]}",
            where="sources.firm_years",
            code="E_NO_ROWS",
            hint="check period.first and period.last, and the column of fiscal years",
        )
    step = FlowStep(
        "period", "rows", n_typed, len(rows), quarantined=n_typed - len(rows), reason="outside the study's period"
    )
    return firm_years.with_rows(rows), flow.add(step)


def grid(firm_years: Typed, firms: "pa.Array", periods: tuple[int, ...]) -> tuple[Grid, Flow]:
    """Place the firm-years on the grid; equal duplicates collapse.

    Parameters
    ----------
    firm_years : Typed
        Rows inside the period.
    firms : Array of string
        Their firms, sorted.
    periods : tuple of int
        In order.

    Raises
    ------
    DataError
        A firm-year occurs twice with different values (`E_PANEL_DUP`).
    """
    rows = firm_years.rows
    year = rows.column("fiscal_year").to_numpy()
    cell = _firm_codes(rows.column("firm_id"), firms) * len(periods) + (year - periods[0])
    row_of = np.full(len(firms) * len(periods), -1, np.int64)
    place = np.arange(len(cell))
    row_of[cell] = place
    is_twice = row_of[cell] != place
    twin = row_of[cell[is_twice]]
    _check_twins(firm_years, place[is_twice], twin)
    n_cells = int((row_of >= 0).sum())
    flow = Flow().add(FlowStep("distinct firm-years", "rows", len(cell), n_cells, collapsed=len(cell) - n_cells))
    return Grid(firms, periods, rows, row_of.reshape(len(firms), len(periods))), flow


def _firm_codes(column: "pa.ChunkedArray", firms: "pa.Array") -> NDArray[np.int64]:
    """Return the place of each row's firm among `firms` (n_rows,)."""
    import pyarrow.compute as pc

    parts = [pc.index_in(c.dictionary, firms).take(c.indices).to_numpy() for c in column.chunks]
    return np.concatenate(parts).astype(np.int64)


def _check_twins(firm_years: Typed, first: NDArray[np.int64], second: NDArray[np.int64]) -> None:
    """Refuse two rows of one firm-year that differ in any column read."""
    rows = firm_years.rows
    differs = np.zeros(len(first), bool)
    for name in rows.column_names:
        if name not in (ROW, "firm_id", "fiscal_year") and len(first):
            column = rows.column(name)
            differs |= ~_same(column.take(first), column.take(second))
    if differs.any():
        places = rows.column(ROW).to_numpy()
        both = np.union1d(places[first[differs]], places[second[differs]])
        n_cells = len(np.unique(second[differs]))
        raise DataError(
            f"{n_cells} firm-years occur more than once with different values",
            where=firm_years.source.first_lines(both),
            code="E_PANEL_DUP",
            hint="keep one row per firm and year",
        )


def _same(left: "pa.ChunkedArray", right: "pa.ChunkedArray") -> NDArray[np.bool_]:
    import pyarrow.compute as pc

    is_equal = pc.fill_null(pc.equal(left, right), False)
    is_same = pc.or_(is_equal, pc.and_(left.is_null(), right.is_null()))
    found: NDArray[np.bool_] = np.asarray(is_same.to_numpy(), bool)
    return found
