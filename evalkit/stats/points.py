"""Firms as points to be matched, and the rules of matching them."""

import dataclasses
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.limits import Limits

Order = Literal["largest", "smallest", "closest", "random", "data"]


@dataclasses.dataclass(frozen=True, eq=False)
class Points:
    """Firms of one group.

    Parameters
    ----------
    score : (n,) float64
        What decides who chooses first, and what distance is measured on unless there is a place.
    cell : (n,) int64
        Firms are compared within a cell only; numbered from 0.
    tie : (n,) uint64
        Breaks ties: the smaller one goes first.
    place : (n, d) or (n, L, d) float64, optional
        Coordinates; distance is then Euclidean between places, or the mean of L such distances.
    """

    score: NDArray[np.float64]
    cell: NDArray[np.int64]
    tie: NDArray[np.uint64]
    place: NDArray[np.float64] | None = None

    def take(self, chosen: NDArray[np.bool_]) -> "Points":
        """Return the chosen (n,) firms."""
        place = None if self.place is None else self.place[chosen]
        return Points(self.score[chosen], self.cell[chosen], self.tie[chosen], place)


@dataclasses.dataclass(frozen=True, eq=False)
class Rules:
    """How neighbours are chosen.

    Parameters
    ----------
    ratio : int, or (n_treated,) int64
        Controls wanted per treated firm. All get a first one before anyone gets a second.
    caliper : float
        Largest distance of a pair.
    capacity : int or None
        How many treated firms one control may serve; None for any number.
    order : {"largest", "smallest", "closest", "random", "data"}
        Which treated firm chooses first: by its score, the one with the nearest control, by `tie`, or by position.
    limits : Limits
        What else two firms must fulfil to make a pair.
    """

    ratio: int | NDArray[np.int64] = 1
    caliper: float = np.inf
    capacity: int | None = 1
    order: Order = "largest"
    limits: Limits = dataclasses.field(default_factory=Limits)
