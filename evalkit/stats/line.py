"""Controls on a line: each treated firm looks left and right of its score, past controls that are full."""

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.points import Points, Rules

_RADIX = 2**16
"""Sorting integers below this is linear."""
_NONE, _LARGEST = float("inf"), float(np.finfo(float).max)
"""Distance where there is no control, and the widest caliper."""


class Line:
    """Controls of all cells sorted by cell, score and tie; a number is a position in that order.

    Where scores are equal, the control with the smallest tie must come first on the way down too. The way down
    therefore counts through mirrored positions: those of a run of equal scores in reverse.

    Reference
    ---------
    Past full controls in almost constant time: Tarjan (1975), Efficiency of a good but not linear set union algorithm.
    """

    def __init__(self, treated: Points, control: Points, rules: Rules) -> None:
        self.control = _sorted(control)
        cell, score = control.cell[self.control], control.score[self.control]
        low, high = np.searchsorted(cell, treated.cell, "left"), np.searchsorted(cell, treated.cell, "right")
        at = _first_not_below(score, low, high, treated.score)
        self.gap = _nearest_gap(score, treated.score, low, at, high)
        self._score, self._mirror = score.data, _mirror(cell, score).data
        self._tie, self._position = control.tie[self.control].data, self.control.data
        self._own, self._low, self._high = treated.score.tolist(), low.tolist(), high.tolist()
        self._down, self._up = (at - 1).tolist(), at.tolist()
        self._next_down: dict[int, int] = {}
        self._next_up: dict[int, int] = {}
        self._n_uses: dict[int, int] = {}
        self._capacity, self._limits, self._is_limited = rules.capacity, rules.limits, bool(rules.limits.every)
        self._caliper = min(rules.caliper, _LARGEST)

    def next(self, treated: int) -> tuple[float, int] | None:
        """Return distance and number of the nearest control with room that this firm was not offered before."""
        own, low, high = self._own[treated], self._low[treated], self._high[treated]
        down, up = self._down[treated], self._up[treated]
        while True:
            if down in self._next_down:
                down = _root(self._next_down, down)
            if up in self._next_up:
                up = _root(self._next_up, up)
            gap = self._score[up] - own if up < high else _NONE
            control = up
            if down >= low:
                gap_down, lower = own - self._score[down], self._mirror[down]
                if gap_down < gap or (gap_down == gap and self._tie[lower] < self._tie[up]):
                    gap, control = gap_down, lower
            if gap > self._caliper:
                return None
            if control == up:
                up += 1
            else:
                down -= 1
            if not self._is_limited or self._limits.allow(treated, self._position[control]):
                self._down[treated], self._up[treated] = down, up
                return gap, control

    def has_room(self, control: int) -> bool:
        """Say whether a control can serve one more treated firm."""
        return control not in self._next_up

    def use(self, control: int) -> None:
        """Count one more treated firm that a control serves; nobody stops at a full one any more."""
        if self._capacity != 1:
            n_uses = self._n_uses.get(control, 0) + 1
            self._n_uses[control] = n_uses
            if n_uses != self._capacity:
                return
        self._next_up[control] = control + 1
        mirrored = self._mirror[control]
        self._next_down[mirrored] = mirrored - 1


def _root(link: dict[int, int], position: int) -> int:
    """Follow the links past full controls, and shorten the way for the next one."""
    root = position
    while root in link:
        root = link[root]
    while position != root:
        link[position], position = root, link[position]
    return root


def _sorted(control: Points) -> NDArray[np.int64]:
    """Return the order of controls by cell, score and tie."""
    order = np.argsort(control.score)
    if control.cell.max(initial=0) < _RADIX:
        order = order[np.argsort(control.cell[order].astype(np.uint16), kind="stable")]
    else:
        order = order[np.argsort(control.cell[order], kind="stable")]
    run = _runs(control.cell[order], control.score[order])
    length = np.bincount(run)
    tied = np.flatnonzero(length[run] > 1)
    rows = order[tied]
    order[tied] = rows[np.lexsort((control.tie[rows], run[tied]))]
    return order


def _runs(cell: NDArray[np.int64], score: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the number of the run of equal cell and score that each position belongs to."""
    differs = np.zeros(len(cell), dtype=bool)
    differs[1:] = (cell[1:] != cell[:-1]) | (score[1:] != score[:-1])
    return np.cumsum(differs)


def _mirror(cell: NDArray[np.int64], score: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each position the one as far from the other end of its run of equal scores."""
    run = _runs(cell, score)
    length = np.bincount(run)
    first = np.cumsum(length) - length
    return (2 * first + length - 1)[run] - np.arange(len(run))


def _nearest_gap(
    score: NDArray[np.float64],
    own: NDArray[np.float64],
    low: NDArray[np.int64],
    at: NDArray[np.int64],
    high: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the distance of each treated firm to the nearest control of its cell; infinite when there is none."""
    gap = np.full(len(own), np.inf)
    below, above = at > low, at < high
    gap[below] = own[below] - score[at[below] - 1]
    gap[above] = np.minimum(gap[above], score[at[above]] - own[above])
    return gap


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
