"""Rows set aside by rule, and awards linked by programme and year, as additive tables."""

import itertools
import re
from collections.abc import Sequence
from typing import Any

from evalkit.model.flow import FlowStep
from evalkit.reporting.disclosure.flow_table import flow_cells
from evalkit.reporting.disclosure.tables import Sum, Table

RULE = re.compile(r"(E_[A-Z_]+): (\d+)")
"""How a step of the flow tells how many rows broke a rule."""
LINK_COLUMNS = ("rows", "linked", "unlinked")


def rules_of(step: FlowStep) -> list[tuple[str, int]]:
    """Return the rules that rows of a step broke, with their counts."""
    return [(rule, int(count)) for rule, count in RULE.findall(step.reason)]


def rule_cell(step: int, rule: str) -> str:
    """Return the name of the count of rows that broke a rule in a step."""
    return f"rules.{step}.{rule}"


def link_cells(programme: int, year: int) -> dict[str, str]:
    """Return the names of the counts of a programme's year: awards, linked ones, others."""
    return {column: f"links.{programme}.{year}.{column}" for column in LINK_COLUMNS}


def by_programme(links: Sequence[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the programmes in order, each with its years."""
    return [(name, list(rows)) for name, rows in itertools.groupby(links, key=lambda row: str(row["programme"]))]


def rules_table(steps: Sequence[FlowStep], threshold: int) -> Table:
    """Return the rows set aside by rule; with rows set aside for another reason they add up to what the flow tells."""
    values: dict[str, float] = {}
    sums = []
    for i, (step, names) in enumerate(zip(steps, flow_cells(steps), strict=True)):
        found = {rule_cell(i, rule): float(n) for rule, n in rules_of(step)}
        if not found:
            continue
        rest = step.quarantined - sum(found.values())
        if rest:
            found[rule_cell(i, "rest")] = rest
        values |= found | {names["quarantined"]: float(step.quarantined)}
        sums.append(Sum(names["quarantined"], tuple(found)))
    return Table(values, tuple(sums), _small(values, threshold))


def links_table(links: Sequence[dict[str, Any]], threshold: int) -> Table:
    """Return awards, linked ones and others by programme and year.

    Their totals stand nowhere, but the flow may tell them: they are taken to be known unless one is small, which the
    flow hides as well.
    """
    values: dict[str, float] = {}
    sums, parts = [], {column: list[str]() for column in LINK_COLUMNS}
    for place, (_, years) in enumerate(by_programme(links)):
        for row in years:
            n, linked = row["n_rows"], row["n_linked"]
            cells = link_cells(place, row["fiscal_year"])
            values |= dict(zip(cells.values(), map(float, (n, linked, n - linked)), strict=True))
            sums.append(Sum(cells["rows"], (cells["linked"], cells["unlinked"])))
            for column, cell in cells.items():
                parts[column].append(cell)
    totals = {f"links.{c}": sum(values[part] for part in own) for c, own in parts.items()}
    if not values or any(0 < n < threshold for n in totals.values()):
        return Table(values, tuple(sums), _small(values, threshold))
    sums += [Sum(total, tuple(own)) for total, own in zip(totals, parts.values(), strict=True)]
    return Table(values | totals, tuple(sums), _small(values, threshold), known=frozenset(totals))


def _small(values: dict[str, float], threshold: int) -> frozenset[str]:
    return frozenset(name for name, n in values.items() if 0 < n < threshold)
