"""Greedy nearest neighbours within cells: treated firms choose one after the other, or the closest pair comes first."""

import dataclasses
import heapq
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.line import Line
from evalkit.stats.path_space import PathSpace
from evalkit.stats.points import Order, Points, Rules
from evalkit.stats.space import Space
from evalkit.stats.sweep import Sweep


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


class Supply(Protocol):
    """Controls in the order in which each treated firm prefers them; full ones are passed over."""

    control: NDArray[np.int64]
    """Position in the group of controls of each number that `next` gives."""
    gap: NDArray[np.float64]

    def next(self, treated: int) -> tuple[float, int] | None:
        """Return distance and number of the nearest control with room that this firm was not offered before."""

    def has_room(self, control: int) -> bool:
        """Say whether a control can serve one more treated firm."""

    def use(self, control: int) -> None:
        """Count one more treated firm that a control serves."""


def nearest_neighbours(treated: Points, control: Points, rules: Rules) -> Neighbours:
    """Match treated firms greedily with the nearest free control of their cell.

    A treated firm never gets the same control twice. Equal distances and equal scores are decided by `tie`.

    Parameters
    ----------
    treated, control : Points
        The two groups.
    rules : Rules
        Ratio, caliper, capacity, order and limits.

    Returns
    -------
    Neighbours
        The pairs, and each treated firm's distance to the nearest control at all.

    Reference
    ---------
    Rubin (1973), Matching to remove bias in observational studies; Rosenbaum (2020), Modern algorithms for matching
    in observational studies, section 3 (greedy matching).
    """
    supply = _supply(treated, control, rules)
    waiting = _queue(treated, rules.order)
    waiting = waiting[supply.gap[waiting] <= rules.caliper]
    waiting = waiting[np.argsort(treated.cell[waiting], kind="stable")]
    wanted = np.broadcast_to(rules.ratio, len(treated.tie))
    tie = treated.tie.tolist() if rules.order == "closest" else []
    turns = []
    for turn in range(int(wanted.max(initial=0))):
        queue = waiting[wanted[waiting] > turn]
        if isinstance(supply, Sweep):
            made = supply.turn(queue)
        else:
            found = _closest_first(supply, queue.tolist(), tie) if tie else _in_turn(supply, queue.tolist())
            made = np.asarray(found, dtype=np.int64).reshape(-1, 2)
        turns.append(made)
        waiting = turns[-1][:, 0]
    pairs = np.concatenate(turns) if turns else np.zeros((0, 2), dtype=np.int64)
    turn_of = np.repeat(np.arange(len(turns), dtype=np.int32), [len(made) for made in turns])
    return Neighbours(pairs[:, 0], supply.control[pairs[:, 1]], turn_of, supply.gap)


def _supply(treated: Points, control: Points, rules: Rules) -> Supply | Sweep:
    if treated.place is not None:
        return (Space if treated.place.ndim == 2 else PathSpace)(treated, control, rules)
    is_sweep = rules.order in ("largest", "smallest") and rules.capacity == 1 and not rules.limits.every
    return Sweep(treated, control, rules) if is_sweep else Line(treated, control, rules)


def _queue(treated: Points, order: Order) -> NDArray[np.int64]:
    if order == "data":
        return np.arange(len(treated.tie))
    if order in ("random", "closest"):
        return np.argsort(treated.tie, kind="stable")
    return np.lexsort((treated.tie, treated.score if order == "smallest" else -treated.score))


def _in_turn(supply: Supply, queue: list[int]) -> list[tuple[int, int]]:
    """Let each firm of the queue take the nearest control with room."""
    made = []
    for treated in queue:
        found = supply.next(treated)
        if found is not None:
            supply.use(found[1])
            made.append((treated, found[1]))
    return made


def _closest_first(supply: Supply, queue: list[int], tie: list[int]) -> list[tuple[int, int]]:
    """Make the pair with the smallest distance first, then the next one, until each firm of the queue had its turn."""
    made, heap = [], []
    for treated in queue:
        found = supply.next(treated)
        if found is not None:
            heap.append((found[0], tie[treated], treated, found[1]))
    heapq.heapify(heap)
    while heap:
        _, _, treated, control = heapq.heappop(heap)
        if supply.has_room(control):
            supply.use(control)
            made.append((treated, control))
            continue
        found = supply.next(treated)
        if found is not None:
            heapq.heappush(heap, (found[0], tie[treated], treated, found[1]))
    return made
