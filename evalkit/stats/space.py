"""Controls in several dimensions: a KD-tree in each cell, asked for more neighbours when those at hand are full."""

import dataclasses
import heapq
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.line import sorted_controls
from evalkit.stats.points import Points, Rules

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

_FACTOR = 4
"""How many times more neighbours are asked for when those at hand do not suffice."""
Found = tuple[NDArray[np.float64], NDArray[np.int64]]
"""A tree's answer: Euclidean distances in order, and positions in the tree."""


class Space:
    """Controls of all cells; a number is a position in their order by cell, place and tie.

    Controls of one cell at the same place stand on one shelf, and trees hold shelves. Neighbours are taken up to, but
    without, the distance of the furthest one that the tree gave: another shelf may be as far.

    Reference
    ---------
    Bentley (1975), Multidimensional binary search trees used for associative searching.
    """

    first = 8
    """Neighbours asked for at first."""

    def __init__(self, treated: Points, control: Points, rules: Rules) -> None:
        self._own, place = np.asarray(treated.place), np.asarray(control.place)
        self.control = sorted_controls(dataclasses.replace(control, score=place[:, 0]))[0]
        cell, place = control.cell[self.control], place[self.control]
        differs = np.ones(len(cell), dtype=bool)
        differs[1:] = (cell[1:] != cell[:-1]) | (place[1:] != place[:-1]).any(axis=1)
        shelves = np.flatnonzero(differs)
        self._start = np.append(shelves, len(cell)).tolist()
        self._front = self._start[:-1].copy()
        self._shelf = (np.cumsum(differs) - 1).data
        self._tie, self._position = control.tie[self.control].data, self.control.data
        self._capacity, self._limits, self._caliper = rules.capacity, rules.limits, rules.caliper
        self._n_uses: dict[int, int] = {}
        self.gap = np.full(len(treated.cell), np.inf)
        self._streams: list[Iterator[tuple[float, int]]] = [iter(())] * len(treated.cell)
        self._plant(treated.cell, cell[shelves], place[shelves])

    def next(self, treated: int) -> tuple[float, int] | None:
        """Return distance and number of the nearest control with room that this firm was not offered before."""
        return next(self._streams[treated], None)

    def has_room(self, control: int) -> bool:
        """Say whether a control can serve one more treated firm."""
        return self._capacity is None or self._n_uses.get(control, 0) < self._capacity

    def use(self, control: int) -> None:
        """Count one more treated firm that a control serves; the front of a shelf passes full ones."""
        self._n_uses[control] = self._n_uses.get(control, 0) + 1
        shelf = self._shelf[control]
        front, end = self._front[shelf], self._start[shelf + 1]
        while front < end and not self.has_room(front):
            front += 1
        self._front[shelf] = front

    def _plant(self, treated_cell: NDArray[np.int64], cell: NDArray[np.int64], place: NDArray[np.float64]) -> None:
        """Make the tree of each cell that has treated firms, and ask it for their first neighbours."""
        from scipy.spatial import cKDTree

        for number in np.unique(treated_cell).tolist():
            low, high = np.searchsorted(cell, [number, number + 1])
            if low == high:
                continue
            tree = cKDTree(place[low:high])
            treated = np.flatnonzero(treated_cell == number)
            gap, found = tree.query(self._own[treated], min(self.first, tree.n))
            gap, found = gap.reshape(len(treated), -1), found.reshape(len(treated), -1)
            for i, firm in enumerate(treated.tolist()):
                first = gap[i], found[i]
                self.gap[firm] = self._nearest(self._own[firm], tree, first)
                self._streams[firm] = self._stream(firm, tree, int(low), first)

    def _stream(self, treated: int, tree: "cKDTree", low: int, first: Found) -> Iterator[tuple[float, int]]:
        """Give the controls with room within the caliper and limits, nearest first, equal distances by tie."""
        for gap, shelves in self._rings(self._own[treated], tree, low, first):
            if gap > self._caliper:
                return
            for control in heapq.merge(*map(self._open, shelves), key=self._tie.__getitem__):
                if self.has_room(control) and self._limits.allow(treated, self._position[control]):
                    yield gap, control

    def _open(self, shelf: int) -> Iterator[int]:
        """Give the controls of a shelf that have room when they are asked for."""
        control = self._front[shelf]
        while control < self._start[shelf + 1]:
            if self.has_room(control):
                yield control
            control = max(control + 1, self._front[shelf])

    def _nearest(self, own: NDArray[np.float64], tree: "cKDTree", first: Found) -> float:
        """Return the distance to the nearest shelf of a tree, `first` being its first answer."""
        del own, tree
        return float(first[0][0])

    def _ranked(self, own: NDArray[np.float64], tree: "cKDTree", found: Found) -> tuple[NDArray[np.float64], float]:
        """Return distances (k,) to the shelves that a tree gave, and the least that any other shelf can have."""
        del own, tree
        return found[0], float(found[0][-1])

    def _rings(
        self, own: NDArray[np.float64], tree: "cKDTree", low: int, found: Found
    ) -> Iterator[tuple[float, list[int]]]:  # fmt: skip
        """Give groups of shelves at equal distance, nearest first."""
        done = -1.0
        while True:
            gap, least = self._ranked(own, tree, found)
            last = np.inf if len(gap) == tree.n else least
            usable = (gap > done) & (gap < last)
            for distance in np.unique(gap[usable]):
                yield float(distance), (found[1][usable & (gap == distance)] + low).tolist()
            if len(gap) == tree.n:
                return
            done = float(gap[usable].max()) if usable.any() else done
            distances, positions = tree.query(own, min(_FACTOR * len(gap), tree.n))
            found = np.atleast_1d(distances), np.atleast_1d(positions)
