"""Several rows of one firm-year: workplaces, and firms that merged, added up into one row."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError
from evalkit.etl.conform import ROW, Typed
from evalkit.etl.panel.firm_years import Places
from evalkit.model.flow import FlowStep

if TYPE_CHECKING:
    import pyarrow as pa

CELL, ORIGIN, OWN, ROW_KEY = "cell", "origin", "is_own", "row_key"
NUMBER, CATEGORY = "number:", "category:"
Columns = dict[str, "pa.ChunkedArray"]


@dataclasses.dataclass(frozen=True, eq=False)
class Origin:
    """Where rows came from before mergers: the firm of each row (n_rows,), and whether it was absorbed since."""

    firms: "pa.ChunkedArray"
    is_absorbed: NDArray[np.bool_]


def combined(
    firm_years: Typed, columns: Columns, places: Places, origin: Origin | None = None
) -> tuple[Columns, Places, FlowStep]:
    """Add up the rows of each firm-year that has several.

    A sum with a part that is not known is not known. Rows of one firm are added where the source says `combine`;
    otherwise they must be equal, as anywhere. Rows of firms that merged are added always.

    Parameters
    ----------
    firm_years : Typed
        What the firm-years were read from; its number columns with a declared unit or type are added.
    columns : dict of str to ChunkedArray (n_rows,)
        `row` and the data.
    places : Places
        Where each row belongs.
    origin : Origin or None
        The firms before mergers.

    Returns
    -------
    columns : dict of str to ChunkedArray
        The columns that the study reads, each firm-year once.
    places : Places
    step : FlowStep

    Raises
    ------
    DataError
        Rows of one firm and year differ in what cannot be added (`E_PANEL_DUP`), or firms that merged have a number
        that cannot (`E_COMBINE`).
    """
    import pyarrow as pa

    is_many = _has_twin(places)
    n_in = int(np.count_nonzero(places.cell < places.n_cells))
    names = [n for n in columns if n == ROW or n.startswith((NUMBER, CATEGORY))]
    if is_many.any():
        merged = _merged(firm_years, _rows_of(columns, places, origin, is_many), [n for n in names if n != ROW])
        keep = pa.array(~is_many)
        result = {n: pa.chunked_array([*columns[n].filter(keep).chunks, *merged.column(n).chunks]) for n in names}
        cell = np.concatenate([places.cell[~is_many], merged.column(CELL).to_numpy()])
    else:
        result, cell = {n: columns[n] for n in names}, places.cell
    n_kept = int(np.count_nonzero(cell < places.n_cells))
    step = FlowStep(
        "combined firm-years", "rows", n_in, n_kept, collapsed=n_in - n_kept, reason="rows of one firm-year added up"
    )
    return result, dataclasses.replace(places, cell=cell), step


def _has_twin(places: Places) -> NDArray[np.bool_]:
    """Find the rows (n_rows,) inside the period whose firm-year another row has too."""
    counts = np.bincount(places.cell, minlength=places.n_cells + 1)
    counts[places.n_cells] = 0
    found: NDArray[np.bool_] = counts[places.cell] > 1
    return found


def _rows_of(columns: Columns, places: Places, origin: Origin | None, is_many: NDArray[np.bool_]) -> "pa.Table":
    """Return the rows to add, with their firm-year and origin, in an order that only their contents determine."""
    import pyarrow as pa

    picked = pa.array(is_many)
    table = pa.table({name: _plain(column.filter(picked)) for name, column in columns.items()})
    cell = pa.array(places.cell[is_many])
    firms = _plain(origin.firms.filter(picked)) if origin else cell
    is_own = ~origin.is_absorbed[is_many] if origin else np.ones(len(table), bool)
    table = table.append_column(CELL, cell).append_column(ORIGIN, firms).append_column(OWN, pa.array(is_own))
    order = [CELL, ORIGIN, *(name for name in columns if name != ROW)]
    return table.sort_by([(name, "ascending") for name in order])


def _plain(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    import pyarrow as pa

    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _merged(firm_years: Typed, table: "pa.Table", names: list[str]) -> "pa.Table":
    """Return one row per firm-year: first the rows of each firm, then those of firms that merged."""
    declared = firm_years.source.declared
    added = [n for n in names if n.removeprefix(NUMBER) in {*_summable(firm_years)}]
    others = [n for n in names if n not in added]
    data = [n for n in table.column_names if n != ROW]
    if declared.combine != "sum" or ROW_KEY in table.column_names:
        table = table.group_by(data, use_threads=False).aggregate([(ROW, "min")]).rename_columns([*data, ROW])
    if declared.combine == "sum":
        by_firm = _added(table, [CELL, ORIGIN, OWN], added, others)
        wrong = [f"{n}_count_distinct" for n in others]
    else:
        by_firm, wrong = _added(table, [CELL, ORIGIN, OWN], [], names), [f"{ROW}_count"]
    is_wrong = _any_above_one(by_firm, wrong)
    if is_wrong.any():
        raise _twins(firm_years, by_firm, is_wrong)
    return _of_merged_firms(_named(by_firm, names), added, others)


def _of_merged_firms(by_firm: "pa.Table", added: list[str], others: list[str]) -> "pa.Table":
    """Add up the rows of firms that merged; what is not added is as the firm that exists now has it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = _added(by_firm, [CELL], added, [])
    is_merged = whole.column(f"{ROW}_count").to_numpy() > 1
    fixed = [n.removeprefix(NUMBER) for n in others if n.startswith(NUMBER)]
    if is_merged.any() and fixed:
        raise DataError(
            f"firms merged, and {', '.join(repr(n) for n in fixed)} cannot be added up: its unit is not declared",
            where="sources.firm_years",
            code="E_COMBINE",
            hint='declare its unit in sources.firm_years.unit if it may be added, or set firms.firm_years = "keep"',
        )
    whole = _named(whole, added)
    own = by_firm.filter(by_firm.column(OWN))
    place = pc.index_in(whole.column(CELL), own.column(CELL).combine_chunks())
    for name in others:
        alone = by_firm.column(name).take(pc.index_in(whole.column(CELL), by_firm.column(CELL).combine_chunks()))
        whole = whole.append_column(name, pc.if_else(pa.array(is_merged), own.column(name).take(place), alone))
    return whole


def _added(table: "pa.Table", keys: list[str], added: list[str], others: list[str]) -> "pa.Table":
    """Add up the rows of each group in their order: sums, first values, and how many values the others have."""
    import pyarrow.compute as pc

    known_only = pc.ScalarAggregateOptions(skip_nulls=False)
    every, with_null = pc.CountOptions(mode="all"), pc.ScalarAggregateOptions(skip_nulls=False)
    asks = [(n, "sum", known_only) for n in added]
    asks += [(n, how, option) for n in others for how, option in (("first", with_null), ("count_distinct", every))]
    return table.group_by(keys, use_threads=False).aggregate([*asks, (ROW, "min"), (ROW, "count")])


def _named(table: "pa.Table", names: list[str]) -> "pa.Table":
    """Return the sums and first values under the names of their columns."""
    sources = {CELL: CELL, ROW: f"{ROW}_min"}
    sources |= {n: n for n in (ORIGIN, OWN) if n in table.column_names}
    sources |= {n: next(c for c in (f"{n}_sum", f"{n}_first") if c in table.column_names) for n in names}
    return table.select(list(sources.values())).rename_columns(list(sources))


def _any_above_one(table: "pa.Table", names: list[str]) -> NDArray[np.bool_]:
    found = np.zeros(len(table), bool)
    for name in names:
        found |= table.column(name).to_numpy() > 1
    return found


def _summable(firm_years: Typed) -> list[str]:
    """Return the number columns that may be added: their unit or their type is declared."""
    declared = firm_years.source.declared
    types: Mapping[str, str] = declared.types
    return [*declared.unit, *(n for n, kind in types.items() if kind == "number")]


def _twins(firm_years: Typed, by_firm: "pa.Table", is_wrong: NDArray[np.bool_]) -> DataError:
    import pyarrow as pa

    rows = by_firm.column(f"{ROW}_min").filter(pa.array(is_wrong)).to_numpy()
    return DataError(
        f"{len(rows)} firm-years occur more than once with different values",
        where=firm_years.source.first_lines(rows),
        code="E_PANEL_DUP",
        hint="keep one row per firm and year, or declare the unit of what is to be added",
    )
