"""Secondary suppression: further cells that are hidden, so that no cell that a rule hides can be worked out.

For each cell that the attack recovers, and for both directions, the cheapest way to move it as far as it must be able
to move is found by linear programming: other cells move along so that every sum still holds and none falls below zero.
All cells that move are hidden. The moved table is then another table that an outsider must think possible, which proves
the protection: hiding more cells later only adds to what is possible. A second round, from the smallest cell on and
among the cells that the first one hid, drops those hidden in vain.

Reference
---------
Kelly, Golden and Assad (1992), Cell suppression: disclosure protection for sensitive tabular data, Networks 22: the
incremental problem; Fischetti and Salazar (2001), Management Science 47 (7), for the linear programme over any sums.
"""

import math
from collections.abc import Iterable, Set

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DisclosureError
from evalkit.reporting.disclosure.attack import TOLERANCE, audit, matrix, wanted
from evalkit.reporting.disclosure.profiles import Profile
from evalkit.reporting.disclosure.tables import Table, together

NEEDED = 100.0
"""How many times more it costs to hide a cell that readers need."""


def protect(tables: Iterable[Table], profile: Profile) -> frozenset[str]:
    """Return all cells to hide: those that a rule hides, and as few and small others as protect them.

    Parameters
    ----------
    tables : iterable of Table
        All of the report.
    profile : Profile
        `margin` and `threshold` say how far a hidden cell must be able to move.

    Raises
    ------
    DisclosureError
        A cell cannot be protected, whatever else is hidden.
    """
    whole = together(tables)
    recovered = audit([whole], whole.primary, profile).recovered
    if not recovered:
        return whole.primary
    search = _Search(whole, profile)
    order = sorted(recovered, key=lambda name: (-whole.values[name], name))
    return search.hide(order[::-1], search.hide(order, set(whole.values) - whole.known))


class _Search:
    """The linear programme over all cells that are linked to one that a rule hides."""

    def __init__(self, whole: Table, profile: Profile) -> None:
        from scipy.sparse import hstack

        self.whole, self.profile = whole, profile
        self.names = sorted(_reachable(whole))
        self.place = {name: j for j, name in enumerate(self.names)}
        sums = [one for one in whole.sums if one.total in self.place]
        rows = matrix(sums, self.names)
        self.moves = hstack([rows, -rows], format="csr")
        self.values = np.array([whole.values[name] for name in self.names])
        self.costs = np.array([self._cost(name) for name in self.names])

    def hide(self, order: Iterable[str], allowed: Set[str]) -> frozenset[str]:
        """Return cells that protect all that a rule hides, one after the other, taken from those allowed."""
        chosen = np.array([name in self.whole.primary for name in self.names])
        free = np.array([name in allowed for name in self.names])
        for name in order:
            value = self.whole.values[name]
            low, high = wanted(value, self.profile)
            for far in (high - value, low - value):
                if far:
                    chosen |= self._moved(self.place[name], far, np.where(chosen, 0.0, self.costs), free)
        return frozenset(name for name, is_hidden in zip(self.names, chosen, strict=True) if is_hidden)

    def _moved(self, cell: int, far: float, costs: NDArray[np.float64], free: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the cells that move when one moves that far in the cheapest way."""
        from scipy.optimize import linprog

        n = len(self.names)
        up, down = np.where(free, np.inf, 0.0), np.where(free, self.values, 0.0)
        lower = np.zeros(2 * n)
        upper = np.concatenate([up, down])
        own, other = (cell, n + cell) if far > 0 else (n + cell, cell)
        lower[own] = upper[own] = abs(far)
        upper[other] = 0.0
        bounds = np.column_stack([lower, upper])
        right = np.zeros(self.moves.shape[0])
        system = {"A_eq": self.moves, "b_eq": right} if len(right) else {}
        found = linprog(np.concatenate([costs, costs]), bounds=bounds, method="highs", **system)
        if found.status != 0:
            raise DisclosureError("a hidden cell cannot be protected by hiding others", where="release")
        moved = np.abs(found.x[:n] - found.x[n:])
        return np.asarray(moved > TOLERANCE * max(1.0, abs(far)))

    def _cost(self, name: str) -> float:
        """Return what it costs to hide a cell: more for larger ones, and much for those that readers need."""
        own = 1.0 + math.log2(1.0 + self.whole.values[name])
        return own * (NEEDED if name in self.whole.needed else 1.0)


def _reachable(whole: Table) -> set[str]:
    """Return the cells that some chain of sums links to one that a rule hides."""
    by_cell: dict[str, list[int]] = {}
    for r, one in enumerate(whole.sums):
        for name in one.cells:
            by_cell.setdefault(name, []).append(r)
    found, todo = set(whole.primary), list(whole.primary)
    seen: set[int] = set()
    while todo:
        for r in by_cell.get(todo.pop(), []):
            if r not in seen:
                seen.add(r)
                new = set(whole.sums[r].cells) - found
                found |= new
                todo += new
    return found
