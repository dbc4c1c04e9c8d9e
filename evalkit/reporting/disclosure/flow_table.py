"""The flow as an additive table: what goes into a step is what an earlier one kept, and every step conserves it."""

from collections.abc import Sequence

from evalkit.model.flow import FlowStep
from evalkit.reporting.disclosure.tables import Sum, Table

PARTS = ("kept", "quarantined", "collapsed")
CELLS = ("in", *PARTS)
COMPARED = {"treated firms": "n_treated", "control firms": "n_control"}
"""The firms that the last steps keep are those that effects count."""


def flow_cells(steps: Sequence[FlowStep]) -> list[dict[str, str]]:
    """Return the names of the cells of each step by column; one that an outsider knows to be another has its name."""
    names: list[dict[str, str]] = []
    for i, step in enumerate(steps):
        own = {column: f"flow.{i}.{column}" for column in CELLS}
        if step.step == "match" and step.unit in COMPARED:
            own["kept"] = overall_cell(COMPARED[step.unit], step.kept)
        source = _source(steps, i, step.n_in)
        if source is not None:
            own["in"] = names[source]["kept"]
        names.append(own)
    return names


def overall_cell(column: str, count: int) -> str:
    """Return the name of a count of all firms of one arm that are compared."""
    return f"{column}.overall={count}"


def flow_table(steps: Sequence[FlowStep], threshold: int) -> Table:
    """Return the flow with its small counts to be hidden.

    The sums: in = kept + quarantined + collapsed; two groups of one step share out what an earlier step kept.
    """
    names = flow_cells(steps)
    values = {name[c]: float(n) for name, step in zip(names, steps, strict=True) for c, n in counts(step).items()}
    sums = [Sum(name["in"], tuple(name[part] for part in PARTS)) for name in names]
    for i in range(1, len(steps)):
        j = _source(steps, i - 1, steps[i - 1].n_in + steps[i].n_in)
        if j is not None and steps[i - 1].step == steps[i].step:
            sums.append(Sum(names[j]["kept"], (names[i - 1]["in"], names[i]["in"])))
    small = frozenset(name for name, n in values.items() if 0 < n < threshold)
    last = frozenset(name["kept"] for name, step in zip(names, steps, strict=True) if step.step == "match")
    return Table(values, tuple(sums), small, last)


def counts(step: FlowStep) -> dict[str, int]:
    """Return the counts of a step by column."""
    return dict(zip(CELLS, (step.n_in, step.kept, step.quarantined, step.collapsed), strict=True))


def _source(steps: Sequence[FlowStep], before: int, count: int) -> int | None:
    """Return the latest earlier step that kept as many."""
    return next((j for j in reversed(range(before)) if steps[j].kept == count), None)
