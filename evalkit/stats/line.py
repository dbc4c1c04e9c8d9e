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
    therefore counts through mirrored positions: those of a run of equal scores in reverse. Each position links to the
    next one that is not full; on the way down, position p has the link p + 1, and link 0 is the end.

    Reference
    ---------
    Past full controls in almost constant time: Tarjan (1975), Efficiency of a good but not linear set union algorithm.
    """

    def __init__(self, treated: Points, control: Points, rules: Rules) -> None:
        self.control, mirror = sorted_controls(control)
        score = control.score[self.control]
        start = np.concatenate(([0], np.cumsum(np.bincount(control.cell, minlength=treated.cell.max(initial=0) + 1))))
        low, high = start[treated.cell], start[treated.cell + 1]
        at = first_not_below(score, low, high, treated.score)
        self.gap = nearest_gap(score, treated.score, low, at, high)
        self._score, self._mirror = score.data, mirror.data
        self._tie, self._position = control.tie[self.control].data, self.control.data
        self._own, self._low, self._high = treated.score.tolist(), low.tolist(), high.tolist()
        self._down, self._up = at.tolist(), at.tolist()
        self._next_down, self._next_up = np.arange(len(score) + 1).data, np.arange(len(score) + 1).data
        self._n_uses: dict[int, int] = {}
        self._capacity, self._limits, self._is_limited = rules.capacity, rules.limits, bool(rules.limits.every)
        self._caliper = min(rules.caliper, _LARGEST)

    def next(self, treated: int) -> tuple[float, int] | None:
        """Return distance and number of the nearest control with room that this firm was not offered before."""
        own, low, high = self._own[treated], self._low[treated], self._high[treated]
        down, up = self._down[treated], self._up[treated]
        while True:
            if self._next_down[down] != down:
                down = _root(self._next_down, down)
            if self._next_up[up] != up:
                up = _root(self._next_up, up)
            gap = self._score[up] - own if up < high else _NONE
            control = up
            if down > low:
                gap_down, lower = own - self._score[down - 1], self._mirror[down - 1]
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
        return self._next_up[control] == control

    def use(self, control: int) -> None:
        """Count one more treated firm that a control serves; nobody stops at a full one any more."""
        if self._capacity != 1:
            n_uses = self._n_uses.get(control, 0) + 1
            self._n_uses[control] = n_uses
            if n_uses != self._capacity:
                return
        self._next_up[control] = control + 1
        mirrored = self._mirror[control]
        self._next_down[mirrored + 1] = mirrored


def _root(link: "memoryview[int]", position: int) -> int:
    """Follow the links past full controls, and shorten the way for the next one."""
    root = link[position]
    while link[root] != root:
        root = link[root]
    while position != root:
        link[position], position = root, link[position]
    return root


def sorted_controls(control: Points) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the order of controls by cell, score and tie, and for each position its mirror in its run of equals.

    Where controls have places, those of equal score come by place before they come by tie.
    """
    order = np.argsort(control.score)
    key = control.cell[order]
    order = order[np.argsort(key.astype(np.uint16) if key.max(initial=0) < _RADIX else key, kind="stable")]
    cell, score = control.cell[order], control.score[order]
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (cell[1:] != cell[:-1]) | (score[1:] != score[:-1])
    mirror = np.arange(len(order))
    tied = np.flatnonzero(~(is_first & np.append(is_first[1:], True)))
    if len(tied):
        first = np.flatnonzero(is_first[tied])
        length = np.diff(np.append(first, len(tied)))
        places = () if control.place is None else control.place[order[tied]].T
        order[tied] = order[tied][np.lexsort((control.tie[order[tied]], *places, np.repeat(first, length)))]
        mirror[tied] = np.repeat(2 * tied[first] + length - 1, length) - tied
    return order, mirror


def nearest_gap(
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


def first_not_below(
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
