"""Values in prices of one year."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError
from evalkit.etl.conform import ROW, Typed
from evalkit.etl.panel.firm_records import find
from evalkit.etl.panel.firm_years import Grid
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.study_values import Deflate

if TYPE_CHECKING:
    import pyarrow as pa

YEAR, INDEX, INDUSTRY = "fiscal_year", "index", "industry"
ALL = ""
"""The industry of an index that is not by industry."""
Prices = Mapping[tuple[str, int], float]


def deflated(grid: Grid, declared: Deflate, prices: Typed, records: "pa.Table | None") -> tuple[Grid, Flow]:
    """Divide values by the price index of their period, relative to the base year.

    Parameters
    ----------
    grid : Grid
        Firm-years.
    declared : Deflate
        Columns, base year, and the column of industries where the index has them.
    prices : Typed
        `fiscal_year`, `index`, and `industry` where there are several.
    records : Table or None
        Firms, from which industries come when the firm-years have none.

    Returns
    -------
    grid : Grid
    flow : Flow
        A value of a firm without an industry is taken out and counted.

    Raises
    ------
    DataError
        The index lacks the base year, a period or an industry, is not positive, or is given twice (`E_DEFLATOR`).
    """
    table = _table(prices, declared)
    industries, codes = _industries(grid, declared, records)
    index = _relative(table, industries, grid.periods, declared.base)
    flow = Flow().add(prices.reading("read price index"))
    for name in declared.columns:
        values = grid.numbers(name)
        real = np.empty_like(values)
        for place in range(len(grid.periods)):
            level = np.append(index[:, place], np.nan)
            real[place] = values[place] / (level[codes[place]] if declared.by else index[0, place])
        n_in, n_kept = (int(np.count_nonzero(~np.isnan(x))) for x in (values, real))
        reason = f"no industry: {n_in - n_kept}" if n_in > n_kept else ""
        grid = grid.with_numbers(name, real)
        step = FlowStep(f"deflate: {name}", "firm-years", n_in, n_kept, quarantined=n_in - n_kept, reason=reason)
        flow = flow.add(step)
    return grid, flow


def _table(prices: Typed, declared: Deflate) -> Prices:
    """Return the index by industry and year."""
    rows = prices.rows
    names = rows.column(INDUSTRY).to_pylist() if declared.by and INDUSTRY in rows.column_names else [ALL] * len(rows)
    years, values = rows.column(YEAR).to_pylist(), rows.column(INDEX).to_pylist()
    places = rows.column(ROW).to_numpy()
    found: dict[tuple[str, int], float] = {}
    for place, name, year, value in zip(places, names, years, values, strict=True):
        key = (name or ALL, year)
        if value is None or value <= 0 or found.get(key, value) != value:
            raise _bad(
                "the index is missing, not positive, or given twice", prices.source.first_lines(np.array([place]))
            )
        found[key] = value
    return found


def _industries(grid: Grid, declared: Deflate, records: "pa.Table | None") -> tuple[list[str], NDArray[np.int64]]:
    """Return the industries, and that of each firm-year (n_periods, n_firms), -1 where there is none."""
    if not declared.by:
        return [ALL], np.zeros((len(grid.periods), 1), np.int64)
    column = f"category:{declared.by}"
    if column in grid.columns:
        found = grid.categories(declared.by)
        return found.levels.to_pylist(), found.codes.astype(np.int64)
    if records is None:
        raise _bad(f"there are no firms to read '{declared.by}' from", "deflate.by")
    place = find(grid.firms, records.column("firm_id").combine_chunks())
    encoded = records.column(column).combine_chunks().dictionary_encode()
    own = np.append(encoded.indices.fill_null(-1).to_numpy(), -1)[place]
    return encoded.dictionary.to_pylist(), np.tile(own.astype(np.int64), (len(grid.periods), 1))


def _relative(prices: Prices, industries: list[str], periods: tuple[int, ...], base: int) -> NDArray[np.float64]:
    """Return the index of each industry and period relative to the base year (n_industries, n_periods)."""
    absent = sorted({y for i in industries for y in (base, *periods) if (i, y) not in prices})
    if absent:
        n = sum(any((i, y) not in prices for y in (base, *periods)) for i in industries)
        raise _bad(f"the index lacks {', '.join(map(str, absent))} for {n} of {len(industries)} industries")
    return np.array([[prices[i, y] / prices[i, base] for y in periods] for i in industries])


def _bad(problem: str, where: str = "sources.deflators") -> DataError:
    hint = "add the rows that lack, or leave those firms out; deflate.by names the column of industries"
    return DataError(problem, where=where, code="E_DEFLATOR", hint=hint)
