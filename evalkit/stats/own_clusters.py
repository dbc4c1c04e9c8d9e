"""CR2 and CR3 beside regressors of firms for clusters of firms; see `own_leverage`."""

import dataclasses
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.cluster import rest_power, satterthwaite
from evalkit.stats.limbs import MAGNITUDE_BITS, exact_sums
from evalkit.stats.own_leverage import Firms, Leverage, Tally, loaded

_BITS = MAGNITUDE_BITS - 1


def cluster_grams(leverage: Leverage, firms: Firms) -> Tally:
    """Add up the products V'V of each cluster: by cluster, of numbers that are at most 1, in units of 2^-37."""
    found: Tally = {}
    if firms.cluster is None:
        return found
    for rows, v in leverage.rows(firms):
        q = np.rint(np.ldexp(np.sqrt(firms.weight[rows, None, None]) * v, _BITS))
        clusters = firms.cluster[rows]
        order = np.argsort(clusters, kind="stable")
        codes, starts = np.unique(clusters[order], return_index=True)
        for code, own in zip(codes.tolist(), np.split(order, starts[1:]), strict=True):
            sums = exact_sums(np.ascontiguousarray(q[own].reshape(-1, v.shape[2]).T))
            found[code] = [found[code][0] + sums if code in found else sums]
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class ClusterLeverage:
    """What a fit takes out of the residuals of each cluster of firms.

    Parameters
    ----------
    leverage : Leverage
        Of the firms.
    clusters : (G,) int64
        In ascending order.
    gram : (G, Q, Q) float64
        V'V of each.
    """

    leverage: Leverage
    clusters: NDArray[np.int64]
    gram: NDArray[np.float64]

    @classmethod
    def of(cls, leverage: Leverage, grams: Tally) -> "ClusterLeverage":
        """Turn exact sums into numbers."""
        clusters = sorted(grams)
        gram = [grams[code][0].product * 2.0 ** (-2 * _BITS) for code in clusters]
        return cls(leverage, np.array(clusters, dtype=np.int64), np.array(gram))

    @cached_property
    def turn(self) -> NDArray[np.float64]:
        """What makes corrected loads of V (G, Q, p): (I - V'V)^a of the coefficients."""
        size, axes = np.linalg.eigh(self.gram)
        p = len(self.leverage.size)
        along = np.swapaxes(axes[:, :p], 1, 2) @ self.leverage.pick
        return np.asarray(axes @ (rest_power(size, self.leverage.power)[:, :, None] * along), np.float64)

    def scores(self, firms: Firms) -> tuple[NDArray[np.float64], Tally]:
        """Return the corrected influence (n, p) of firms at a weight of 1; degrees of freedom need nothing more."""
        found = np.zeros((len(firms.rest), len(self.leverage.size)))
        place = np.searchsorted(self.clusters, np.zeros(0) if firms.cluster is None else firms.cluster)
        for rows, v in self.leverage.rows(firms):
            found[rows] = loaded(v @ self.turn[place[rows]], firms.rest[rows])
        return found, {}

    def degrees(self, _tally: Tally) -> NDArray[np.float64]:
        """Return the degrees of freedom (p,) of Satterthwaite."""
        turn = self.turn / self.leverage.size
        score = self.gram @ turn
        own, kernel = (turn * score).sum(axis=1), -np.eye(self.gram.shape[1])
        return np.array(
            [satterthwaite(own[:, j], score[:, :, j], kernel, np.ones(len(own))) for j in range(own.shape[1])]
        )
