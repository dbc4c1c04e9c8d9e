"""Greedy matching on a line when treated firms choose by their score and each control serves once: one sweep."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.line import first_not_below, nearest_gap, sorted_controls
from evalkit.stats.points import Points, Rules

_NONE, _LARGEST = float("inf"), float(np.finfo(float).max)
"""Distance where there is no control, and the widest caliper."""


class Sweep:
    """Controls of all cells sorted by cell, score and tie; a number is a position in that order.

    When treated firms come from the largest score down, all controls below a frontier are free, and the free ones above
    it lie in intervals of which the last one found is the nearest. So each treated firm looks at two controls only: the
    one below the frontier, and the first one of the last interval. What a turn has used is taken out before the next.
    From the smallest score up, all scores change their sign.
    """

    def __init__(self, treated: Points, control: Points, rules: Rules) -> None:
        if rules.order == "smallest":
            treated, control = (dataclasses.replace(p, score=-p.score) for p in (treated, control))
        self.control = sorted_controls(control)[0]
        score, n_cells = control.score[self.control], int(treated.cell.max(initial=0)) + 1
        start = np.concatenate(([0], np.cumsum(np.bincount(control.cell, minlength=n_cells))))
        low, high = start[treated.cell], start[treated.cell + 1]
        at = first_not_below(score, low, high, treated.score)
        self.gap = nearest_gap(score, treated.score, low, at, high)
        self._bounds = np.stack([at, low, high])
        self._cell, self._own, self._caliper = treated.cell, treated.score, min(rules.caliper, _LARGEST)
        self._score, self._tie, self._left = score, control.tie[self.control], np.arange(len(score))
        is_first = np.ones(len(score), dtype=bool)
        is_first[1:] = (np.diff(control.cell[self.control]) != 0) | (np.diff(score) != 0)
        self._run = None if is_first.all() else np.cumsum(is_first)

    def turn(self, queue: NDArray[np.int64]) -> NDArray[np.int64]:
        """Let each firm of a queue, sorted by cell and choice, take one control; return pairs (n, 2) of numbers."""
        treated, used = self._sweep(queue)
        pairs = np.stack([treated, self._left[used]], axis=1)
        used.sort()
        self._bounds -= np.searchsorted(used, self._bounds)
        is_left = np.ones(len(self._left), dtype=bool)
        is_left[used] = False
        self._score, self._tie, self._left = self._score[is_left], self._tie[is_left], self._left[is_left]
        self._run = None if self._run is None else self._run[is_left]
        return pairs

    def _run_starts(self) -> NDArray[np.intp]:
        """Return where the run of equal scores begins that each control is in."""
        place = np.arange(len(self._left))
        if self._run is None:
            return place
        return np.maximum.accumulate(np.where(np.diff(self._run, prepend=0) > 0, place, 0))

    def _sweep(self, queue: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the firms that get a control, and the place of theirs among the controls that are left.

        Of controls with equal scores in one cell, a run, the one with the smallest tie goes first.
        """
        has_runs, first = self._run is not None, self._run_starts().data
        score, tie, caliper = self._score.data, self._tie.data, self._caliper
        n_used: dict[int, int] = {}
        treated, used = [], []
        cell, frontier = -1, 0
        above: list[tuple[int, int]] = []
        firms = zip(queue.tolist(), self._cell[queue].tolist(), self._own[queue].tolist(),
                    *self._bounds[:, queue].tolist(), strict=True)  # fmt: skip
        for firm, own_cell, own, at, low, high in firms:
            if own_cell != cell:
                cell, frontier, above = own_cell, high, []
            if at < frontier:
                above.append((at, frontier))
                frontier = at
            gap_up = score[above[-1][0]] - own if above else _NONE
            gap_down = own - score[frontier - 1] if frontier > low else _NONE
            if gap_up > caliper and gap_down > caliper:
                continue
            is_down = gap_down < gap_up
            if gap_down == gap_up:
                runs = first[frontier - 1], first[above[-1][0]]
                lower, upper = (tie[run + n_used.get(run, 0)] for run in runs)
                is_down = lower < upper
            if is_down:
                frontier -= 1
                slot = frontier
            else:
                slot, end = above.pop()
                if slot + 1 < end:
                    above.append((slot + 1, end))
            treated.append(firm)
            if has_runs:
                run = first[slot]
                n_before = n_used.get(run, 0)
                n_used[run] = n_before + 1
                slot = run + n_before
            used.append(slot)
        return np.array(treated, dtype=np.int64), np.array(used, dtype=np.int64)
