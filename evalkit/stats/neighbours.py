"""Greedy nearest neighbours on one score within cells: sorted shelves of controls and a fast way past empty places."""

import dataclasses
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Order = Literal["largest", "smallest", "random"]


@dataclasses.dataclass(frozen=True, eq=False)
class Points:
    """Firms of one group.

    Parameters
    ----------
    score : (n,) float64
        What distance is measured on.
    cell : (n,) int64
        Firms are compared within a cell only.
    tie : (n,) uint64
        Breaks ties: the smaller one goes first.
    """

    score: NDArray[np.float64]
    cell: NDArray[np.int64]
    tie: NDArray[np.uint64]

    def take(self, chosen: NDArray[np.bool_]) -> "Points":
        """Return the chosen (n,) firms."""
        return Points(self.score[chosen], self.cell[chosen], self.tie[chosen])


@dataclasses.dataclass(frozen=True)
class Rules:
    """How neighbours are chosen.

    Parameters
    ----------
    ratio : int
        Controls wanted per treated firm. All get a first one before anyone gets a second.
    caliper : float
        Largest distance of a pair, in units of the score.
    capacity : int or None
        How many treated firms one control may serve; None for any number.
    order : {"largest", "smallest", "random"}
        Which treated firm chooses first, by its score.
    """

    ratio: int = 1
    caliper: float = np.inf
    capacity: int | None = 1
    order: Order = "largest"


@dataclasses.dataclass(frozen=True, eq=False)
class Neighbours:
    """Pairs in the order in which they were made.

    Parameters
    ----------
    treated, control : (n_pairs,) int64
        Positions in the two groups.
    turn : (n_pairs,) int32
        0 for a treated firm's first control.
    gap : (n_treated,) float64
        Distance of each treated firm to the nearest control of its cell, free or not; infinite when the cell has none.
    """

    treated: NDArray[np.int64]
    control: NDArray[np.int64]
    turn: NDArray[np.int32]
    gap: NDArray[np.float64]


def nearest_neighbours(treated: Points, control: Points, rules: Rules) -> Neighbours:
    """Match treated firms greedily with the nearest free control of their cell.

    A treated firm never gets the same control twice. Equal distances and equal scores are decided by `tie`.

    Parameters
    ----------
    treated, control : Points
        The two groups.
    rules : Rules
        Ratio, caliper, capacity and order.

    Returns
    -------
    Neighbours
        The pairs, and each treated firm's distance to the nearest control at all.

    Reference
    ---------
    Rubin (1973), Matching to remove bias in observational studies. Past empty places in almost constant time: Tarjan
    (1975), Efficiency of a good but not linear set union algorithm.
    """
    shelves, place = _shelves(treated, control)
    shelf = _Shelves(shelves, rules.capacity)
    waiting = _queue(treated, rules.order)
    waiting = waiting[place.gap[waiting] <= rules.caliper]
    pairs: list[tuple[int, int, int]] = []
    own: dict[int, tuple[int, ...]] = {}
    score, at, low, high = (a.tolist() for a in (treated.score, place.at, place.low, place.high))
    for turn in range(rules.ratio):
        served = []
        for t in waiting.tolist():
            mine = own.get(t, ())
            found = shelf.nearest(score[t], (low[t], at[t], high[t]), rules.caliper, mine)
            if found >= 0:
                pairs.append((t, found, turn))
                served.append(t)
                if rules.ratio > 1 and rules.capacity != 1:
                    own[t] = (*mine, found)
        waiting = np.asarray(served, dtype=np.int64)
    made = np.asarray(pairs, dtype=np.int64).reshape(-1, 3)
    return Neighbours(made[:, 0], shelves.control[made[:, 1]], made[:, 2].astype(np.int32), place.gap)


def _queue(treated: Points, order: Order) -> NDArray[np.int64]:
    if order == "random":
        return np.argsort(treated.tie, kind="stable")
    return np.lexsort((treated.tie, treated.score if order == "smallest" else -treated.score))


@dataclasses.dataclass(frozen=True, eq=False)
class _Sorted:
    """Controls sorted by cell, score and tie; a shelf is a run of controls with equal cell and score."""

    control: NDArray[np.int64]
    tie: NDArray[np.uint64]
    score: NDArray[np.float64]
    start: NDArray[np.int64]


@dataclasses.dataclass(frozen=True, eq=False)
class _Place:
    """Where each treated firm stands: its cell's shelves [low, high), the first not below it, the nearest distance."""

    low: NDArray[np.int64]
    at: NDArray[np.int64]
    high: NDArray[np.int64]
    gap: NDArray[np.float64]


def _shelves(treated: Points, control: Points) -> tuple[_Sorted, _Place]:
    order = np.lexsort((control.tie, control.score, control.cell))
    cell, score = control.cell[order], control.score[order]
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (cell[1:] != cell[:-1]) | (score[1:] != score[:-1])
    start = np.flatnonzero(is_first)
    cell, score = cell[start], score[start]
    low, high = np.searchsorted(cell, treated.cell, "left"), np.searchsorted(cell, treated.cell, "right")
    at = _first_not_below(score, low, high, treated.score)
    gap = np.full(len(at), np.inf)
    below, above = at > low, at < high
    gap[below] = treated.score[below] - score[at[below] - 1]
    gap[above] = np.minimum(gap[above], score[at[above]] - treated.score[above])
    shelves = _Sorted(order, control.tie[order], score, np.append(start, len(order)))
    return shelves, _Place(low, at, high, gap)


def _first_not_below(
    values: NDArray[np.float64], low: NDArray[np.int64], high: NDArray[np.int64], wanted: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Bisect for all treated firms at once, each within its own range of `values`."""
    low, high = low.copy(), high.copy()
    while (low < high).any():
        middle = (low + high) // 2
        is_below = values[np.minimum(middle, len(values) - 1)] < wanted
        is_open = low < high
        low = np.where(is_open & is_below, middle + 1, low)
        high = np.where(is_open & ~is_below, middle, high)
    return low


class _Shelves:
    """Shelves of controls from which treated firms take, each control up to `capacity` times."""

    def __init__(self, shelves: _Sorted, capacity: int | None) -> None:
        self.score = np.ascontiguousarray(shelves.score).data
        self.tie = np.ascontiguousarray(shelves.tie).data
        self.start = np.ascontiguousarray(shelves.start).data
        self.capacity = capacity
        self.n_uses: dict[int, int] = {}
        self.front: dict[int, int] = {}
        self.lower: dict[int, int] = {}
        self.upper: dict[int, int] = {}

    def nearest(self, score: float, bounds: tuple[int, int, int], caliper: float, own: tuple[int, ...]) -> int:
        """Take the nearest control with room that is not in `own`; -1 when there is none within the caliper."""
        low, at, high = bounds
        left, left_shelf = self._walk(self.lower, at - 1, -1, lambda g: g >= low, own)
        right, right_shelf = self._walk(self.upper, at, 1, lambda g: g < high, own)
        down = score - self.score[left_shelf] if left >= 0 else np.inf
        up = self.score[right_shelf] - score if right >= 0 else np.inf
        if min(down, up) > caliper or (left < 0 and right < 0):
            return -1
        is_left = down < up or (down == up and self.tie[left] < self.tie[right])
        chosen, shelf = (left, left_shelf) if is_left else (right, right_shelf)
        self._use(chosen, shelf)
        return chosen

    def _walk(
        self, link: dict[int, int], shelf: int, step: int, is_inside: Callable[[int], bool], own: tuple[int, ...]
    ) -> tuple[int, int]:
        """Return the first control with room in one direction, and its shelf; -1 when the cell ends."""
        shelf = _root(link, shelf)
        while is_inside(shelf):
            for i in range(self.front.get(shelf, self.start[shelf]), self.start[shelf + 1]):
                if i not in own and (self.capacity is None or self.n_uses.get(i, 0) < self.capacity):
                    return i, shelf
            shelf = _root(link, shelf + step)
        return -1, -1

    def _use(self, control: int, shelf: int) -> None:
        """Count one use; move the shelf's front past full controls, and close the shelf when all are full."""
        if self.capacity is None:
            return
        self.n_uses[control] = self.n_uses.get(control, 0) + 1
        front, end = self.front.get(shelf, self.start[shelf]), self.start[shelf + 1]
        while front < end and self.n_uses.get(front, 0) >= self.capacity:
            front += 1
        self.front[shelf] = front
        if front == end:
            self.lower[shelf], self.upper[shelf] = shelf - 1, shelf + 1


def _root(link: dict[int, int], shelf: int) -> int:
    """Follow the links past closed shelves, and shorten the way for the next one."""
    root = shelf
    while root in link:
        root = link[root]
    while shelf != root:
        link[shelf], shelf = root, link[shelf]
    return root
