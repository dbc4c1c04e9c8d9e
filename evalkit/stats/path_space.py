"""Controls with a place at each of several lags: distance is the mean over lags of the distances at each."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.points import Points, Rules
from evalkit.stats.space import Found, Space

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

_ROUNDING = 1e-12
"""By how much, relatively, a mean of distances may fall below its bound because of rounding."""


class PathSpace(Space):
    """Controls of all cells, with places (n, L, d).

    A tree holds all lags side by side. Its Euclidean distance is at most the sum of the distances at each lag, so a
    control that the tree has not given yet is further, on the mean, than its last distance over L.
    """

    first = 64

    def __init__(self, treated: Points, control: Points, rules: Rules) -> None:
        self._lags = np.asarray(treated.place).shape[1]
        super().__init__(_side_by_side(treated), _side_by_side(control), rules)

    def _nearest(self, own: NDArray[np.float64], tree: "cKDTree", first: Found) -> float:
        return next(self._rings(own, tree, 0, first))[0]

    def _ranked(self, own: NDArray[np.float64], tree: "cKDTree", found: Found) -> tuple[NDArray[np.float64], float]:
        apart = (tree.data[found[1]] - own).reshape(len(found[1]), self._lags, -1)
        return mean_distance(apart), float(found[0][-1]) / self._lags * (1 - _ROUNDING)


def mean_distance(apart: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over lags of Euclidean lengths (n,) of differences (n, L, d)."""
    return np.asarray(np.sqrt((apart**2).sum(axis=2)).mean(axis=1))


def _side_by_side(points: Points) -> Points:
    place = np.asarray(points.place)
    return dataclasses.replace(points, place=place.reshape(len(place), -1))
