"""Hide small counts of a flow, and as many others as keep an attacker from working them out."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from evalkit.model.flow import FlowStep

PARTS = ("kept", "quarantined", "collapsed")
CELLS = ("in", *PARTS)

Cell = tuple[int, str]


@dataclasses.dataclass(frozen=True)
class Sum:
    """A count that an outsider knows to be the sum of others."""

    total: Cell
    parts: tuple[Cell, ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The total and the parts."""
        return (self.total, *self.parts)


def hidden_flow(steps: Sequence[FlowStep], threshold: int) -> list[set[str]]:
    """Return the cells ("in", "kept", "quarantined", "collapsed") of each step that are hidden.

    A count between 1 and `threshold` - 1 is hidden. Further cells are hidden until the largest value that an outsider
    must think possible for it, by linear programming over all sums below, is at least `threshold`.
    The sums: in = kept + quarantined + collapsed; what goes into a step is what an earlier one kept; two groups of one
    step share out what an earlier step kept.
    """
    values = {(i, name): n for i, s in enumerate(steps) for name, n in zip(CELLS, _counts(s), strict=True)}
    same = {(i, "in"): (j, "kept") for i in range(len(steps)) if (j := _source(steps, i, steps[i].n_in)) is not None}
    sums = _sums(steps, same)
    small = [cell for cell, n in values.items() if 0 < n < threshold and cell not in same]
    hidden = set(small)
    while leak := next((c for c in small if _largest(c, values, hidden, sums) < threshold - 0.5), None):
        hidden.add(_next(leak, values, hidden, sums, threshold))
    return [{name for name in CELLS if same.get((i, name), (i, name)) in hidden} for i in range(len(steps))]


def _counts(step: FlowStep) -> tuple[int, int, int, int]:
    return step.n_in, step.kept, step.quarantined, step.collapsed


def _source(steps: Sequence[FlowStep], before: int, count: int) -> int | None:
    """Return the latest earlier step that kept as many."""
    return next((j for j in reversed(range(before)) if steps[j].kept == count), None)


def _sums(steps: Sequence[FlowStep], same: dict[Cell, Cell]) -> list[Sum]:
    def entering(i: int) -> Cell:
        return same.get((i, "in"), (i, "in"))

    sums = [Sum(entering(i), tuple((i, part) for part in PARTS)) for i in range(len(steps))]
    for i in range(1, len(steps)):
        j = _source(steps, i - 1, steps[i - 1].n_in + steps[i].n_in)
        if j is not None and steps[i - 1].step == steps[i].step:
            sums.append(Sum((j, "kept"), (entering(i - 1), entering(i))))
    return sums


def _largest(cell: Cell, values: dict[Cell, int], hidden: set[Cell], sums: list[Sum]) -> float:
    """Return the largest value of a hidden cell that agrees with all shown ones."""
    from scipy.optimize import linprog

    place = {c: k for k, c in enumerate(sorted(hidden))}
    known = np.zeros(len(sums))
    matrix = np.zeros((len(sums), len(place)))
    for r, one in enumerate(sums):
        for c, sign in ((one.total, 1), *((part, -1) for part in one.parts)):
            if c in place:
                matrix[r, place[c]] += sign
            else:
                known[r] -= sign * values[c]
    goal = np.zeros(len(place))
    goal[place[cell]] = -1
    answer = linprog(goal, A_eq=matrix, b_eq=known, bounds=(0, None), method="highs")
    return -float(answer.fun) if answer.status == 0 else float("inf")


def _next(cell: Cell, values: dict[Cell, int], hidden: set[Cell], sums: list[Sum], threshold: int) -> Cell:
    """Choose what else to hide: a large count set aside in a sum linked to the cell, else the total it came from."""
    linked = {cell}
    while more := {c for s in sums if linked & set(s.cells) for c in s.cells if c in hidden} - linked:
        linked |= more
    near = [s for s in sums if linked & set(s.cells)]
    shown = sorted({c for s in near for c in s.cells if c not in hidden}, key=lambda c: (-values[c], c))
    aside = [c for c in shown if c[1] in ("quarantined", "collapsed") and values[c] >= threshold]
    totals = [s.total for s in reversed(near) if s.total not in hidden]
    return (aside + totals + shown)[0]
