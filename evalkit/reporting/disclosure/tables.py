"""Additive tables as an outsider sees them: cells by name, and which are sums of which."""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from evalkit.errors import EvalkitError


@dataclasses.dataclass(frozen=True)
class Sum:
    """A cell that everybody knows to be the sum of others."""

    total: str
    parts: tuple[str, ...]

    @property
    def cells(self) -> tuple[str, ...]:
        """The total and the parts."""
        return (self.total, *self.parts)


@dataclasses.dataclass(frozen=True)
class Table:
    """Cells and sums. Cells of the same name in two tables are the same cell.

    Parameters
    ----------
    values : dict of name to float
        None is below zero, as counts and totals of money are.
    sums : tuple of Sum
        What holds between cells.
    primary : frozenset of str
        Cells that a rule hides.
    needed : frozenset of str
        Cells that are hidden beside them only where nothing else would do.
    known : frozenset of str
        Cells that stand nowhere and that everybody can work out: they cannot be hidden.
    """

    values: Mapping[str, float]
    sums: tuple[Sum, ...] = ()
    primary: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()


def together(tables: Iterable[Table]) -> Table:
    """Return all tables as one.

    Raises
    ------
    EvalkitError
        `E_INTERNAL`: a cell has two values, or a sum does not hold.
    """
    values: dict[str, float] = {}
    sums: dict[Sum, None] = {}
    primary: set[str] = set()
    needed: set[str] = set()
    known: set[str] = set()
    for table in tables:
        if any(values.get(name, value) != value for name, value in table.values.items()):
            raise EvalkitError("a cell has two values in the tables of one report", where="disclosure")
        values |= table.values
        sums |= dict.fromkeys(table.sums)
        primary |= table.primary
        needed |= table.needed
        known |= table.known
    for one in sums:
        parts = sum(values[name] for name in one.parts)
        if not np.isclose(parts, values[one.total], rtol=1e-12, atol=1e-9):
            raise EvalkitError("a total is not the sum of its parts", where="disclosure")
    return Table(values, tuple(sums), frozenset(primary), frozenset(needed), frozenset(known))


def crossed(name: str, values: ArrayLike, primary: ArrayLike) -> Table:
    """Return a table with its margins and grand total.

    Parameters
    ----------
    name : str
        First part of the names of its cells: "<name>.<row>.<column>", "+" for a total.
    values : (rows, columns) array_like
        The inner cells.
    primary : (rows + 1, columns + 1) array_like of bool
        Cells that a rule hides, the margins last.
    """
    inner = np.asarray(values, np.float64)
    whole = np.block([[inner, inner.sum(axis=1, keepdims=True)], [inner.sum(axis=0, keepdims=True), inner.sum()]])
    n_rows, n_columns = inner.shape
    rows, columns = [[*map(str, range(n)), "+"] for n in (n_rows, n_columns)]
    names = [[f"{name}.{r}.{c}" for c in columns] for r in rows]
    sums = [Sum(line[-1], tuple(line[:-1])) for line in names]
    sums += [Sum(line[-1], tuple(line[:-1])) for line in zip(*names, strict=True)]
    hidden = np.asarray(primary, bool)
    chosen = frozenset(names[i][j] for i, j in np.argwhere(hidden))
    return Table({names[i][j]: float(v) for (i, j), v in np.ndenumerate(whole)}, tuple(sums), chosen)
