"""The counts of a report as additive tables: effects by cohort, group, event time and year, and checks."""

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from evalkit.model.effects import Effects
from evalkit.reporting.disclosure.counts import known, too_few_compared
from evalkit.reporting.disclosure.flow_table import overall_cell
from evalkit.reporting.disclosure.tables import Sum, Table

COUNTS = ("n_treated", "n_control")
TIMES = ("event_time", "year")
Records = Sequence[Mapping[str, Any]]
Label = tuple[str, str, Any]
"""Outcome, what is averaged within, and its level."""


def label_of(by: str, row: Mapping[str, Any]) -> Label:
    """Return what an average is called."""
    return row["outcome"], by, row.get(by)


def effect_cell(by: str, row: Mapping[str, Any], column: str) -> str:
    """Return the name of a count: the same for two outcomes or estimates that count the same firms alike."""
    count = int(row[column])
    return overall_cell(column, count) if by == "overall" else f"{column}.{by}.{row[by]}={count}"


def row_cell(by: str, row: Mapping[str, Any]) -> str:
    """Return the name of all that stands in a row beside its counts.

    With cohorts and groups that is hidden with the count. Effects by event time and year are hidden apart from their
    counts, which tell how large a hidden cohort is while the effects do not.
    """
    return f"row.{by}.{row[by]}={row['n_treated']}" if by in TIMES else effect_cell(by, row, "n_treated")


def effect_table(
    effects: Effects, averaged: Mapping[str, Records], threshold: int, dominated: Set[Label] = frozenset()
) -> Table:
    """Return the counts of one estimate.

    Parameters
    ----------
    effects : Effects
        As estimated.
    averaged : dict of "overall", "cohort", ... to records
        Its averages, with `n_treated` and `n_control`.
    threshold : int
        Fewest firms.
    dominated : set of (outcome, by, level)
        Averages that one or two firms make.
    """
    values: dict[str, float] = {}
    primary: set[str] = set()
    for by, rows in averaged.items():
        for row in rows:
            counts = {effect_cell(by, row, c): float(row[c]) for c in COUNTS if known(row[c])}
            values |= counts
            primary |= {cell for cell, n in counts.items() if 0 < n < threshold}
            is_few = too_few_compared(row["n_treated"], row["n_control"], threshold)
            is_few |= label_of(by, row) in dominated
            if by != "overall" and known(row["n_treated"]):
                values[row_cell(by, row)] = float(row["n_treated"])
                primary |= {row_cell(by, row)} if is_few else set()
    weights = [one for outcome in effects.outcomes for one in weight_sums(averaged, outcome.name)]
    totals = {one.total: sum(values[part] for part in one.parts) for one in weights}
    needed = frozenset(name for name in values if ".overall=" in name) | frozenset(totals)
    sums = tuple(dict.fromkeys((*_sums(effects, averaged), *weights)))
    return Table(values | totals, sums, frozenset(primary), needed)


def weight_sums(averaged: Mapping[str, Records], outcome: str) -> Iterator[Sum]:
    """Yield sums by which one effect by event time or year follows from the overall one and the others.

    The overall effect is their mean with the numbers of firms as weights; their total stands nowhere, and is told as
    long as the overall effect is shown.
    """
    for by in TIMES:
        rows = [r for r in averaged.get(by, ()) if r["outcome"] == outcome and known(r["n_treated"])]
        parts = tuple(row_cell(by, row) for row in rows if by != "event_time" or row[by] >= 0)
        if parts:
            yield Sum(f"weights.{by}={'+'.join(parts)}", parts)


def _sums(effects: Effects, averaged: Mapping[str, Records]) -> Iterator[Sum]:
    """Return which counts are sums of which; a sum that does not hold is none."""
    cells = effects.table
    for total in averaged.get("overall", ()):
        own = {by: [r for r in rows if r["outcome"] == total["outcome"]] for by, rows in averaged.items()}
        for by in ("cohort", "group"):
            yield from _adding_up(("overall", total), (by, own.get(by, ())))
        for by in ("event_time", "year"):
            for row in own.get(by, ()):
                inside = cells[(cells["outcome"] == row["outcome"]) & (cells[by] == row[by])]["cohort"].dropna()
                behind = [r for r in own.get("cohort", ()) if r["cohort"] in set(inside)]
                yield from _adding_up((by, row), ("cohort", behind))


def _adding_up(total: tuple[str, Mapping[str, Any]], parts: tuple[str, Records]) -> Iterator[Sum]:
    for column in COUNTS if parts[0] == "group" else COUNTS[:1]:
        rows = parts[1]
        numbers = [row[column] for row in (total[1], *rows)]
        if rows and all(map(known, numbers)) and numbers[0] == sum(numbers[1:]):
            yield Sum(effect_cell(*total, column), tuple(effect_cell(parts[0], row, column) for row in rows))


def check_cell(name: str, place: int | str, column: str) -> str:
    """Return the name of a count in a row of a check's table, or among its "values"."""
    return f"check.{name}.{place}.{column}"


def check_table(name: str, rows: Records, totals: Mapping[str, float], threshold: int) -> Table:
    """Return the counts of firms by arm in the rows of a check, a histogram for example.

    Parameters
    ----------
    name : str
        Of the check.
    rows : sequence of dict
        Its table.
    totals : dict of cell to count
        Cells that are totals of an arm, shown elsewhere.
    threshold : int
        Fewest firms.
    """
    values: dict[str, float] = {}
    sums = []
    for column in COUNTS:
        own = {check_cell(name, i, column): float(row[column]) for i, row in enumerate(rows) if known(row.get(column))}
        values |= own
        total = overall_cell(column, int(sum(own.values())))
        if len(own) == len(rows) > 1 and total in totals:
            values[total] = totals[total]
            sums.append(Sum(total, tuple(own)))
    small = frozenset(cell for cell, n in values.items() if 0 < n < threshold)
    return Table(values, tuple(sums), small)
