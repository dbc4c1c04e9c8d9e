"""Wild cluster bootstrap of one linear combination of regression coefficients, from sums of clusters, without refits.

A draw turns the sign, or the size, of all residuals of a cluster at once. With G clusters, scores z_g = X_g'u_g and
cross products X_g'X_g hold all that a draw's estimate and its clustered variance need; both are polynomials in the
value of the null, so p-values of any null, and with them intervals, cost no more than one.
"""

import dataclasses
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from evalkit.errors import EstimationError
from evalkit.stats.bootstrap import require_draws
from evalkit.stats.moments import Moments, cluster_sums
from evalkit.stats.stable_hash import counted, hash_codes
from evalkit.stats.within import Fit

Law = Literal["rademacher", "webb"]
VALUES = {
    "rademacher": np.array([-1.0, 1.0]),
    "webb": np.array([-np.sqrt(1.5), -1.0, -np.sqrt(0.5), np.sqrt(0.5), 1.0, np.sqrt(1.5)]),
}
ENUMERATED = 11
"""With so many clusters or fewer all 2^G signs are looked at."""
TIE = 1e-10
"""A draw this close to the statistic itself counts as large as it: with all signs alike it is the statistic."""
ROUNDING = 1e-12
"""A variance this small beside the largest one is none."""
PIECE = 512
"""Draws worked on at a time."""
FURTHEST, PRECISION = 2.0**20, 1e-9
"""Standard errors up to which an end of an interval is looked for, and to which it is told."""


@dataclasses.dataclass(frozen=True, eq=False)
class ClusterSums:
    """A regression by clusters.

    Parameters
    ----------
    gram : (G, P, P) float64
        X_g'X_g, firm effects taken out.
    score : (G, P) float64
        X_g'y_g.
    bread : (P, P) float64
        Inverse of the sum of X_g'X_g.
    """

    gram: NDArray[np.float64]
    score: NDArray[np.float64]
    bread: NDArray[np.float64]

    @classmethod
    def of(cls, moments: Moments, fit: Fit, columns: slice) -> "ClusterSums":
        """Add up the groups of one outcome within clusters above the firm, which firm effects lie within."""
        if moments.cluster is None:
            raise ValueError("moments must be kept apart by cluster")
        own = np.einsum("c,ctp,ctq->cpq", moments.total[:, 0], fit.inner, fit.inner)
        score = np.einsum("ctp,ct->cp", fit.inner, moments.total[:, 1:][:, columns])
        has_say = np.isin(moments.cluster, moments.cluster[np.abs(own).sum(axis=(1, 2)) > 0])
        cluster = moments.cluster[has_say]
        return cls(cluster_sums(cluster, own[has_say]), cluster_sums(cluster, score[has_say]), fit.whole_bread)


@dataclasses.dataclass(frozen=True, eq=False)
class Wild:
    """Draws of t of one combination of coefficients, for any null.

    With d the estimate less the null, a draw has t^2 = (n0 + d n1)^2 / (s00 + 2 d s01 + d^2 s11).

    Parameters
    ----------
    estimate, variance : float
        The combination, and its clustered variance without small-sample factor, which is the same in all draws.
    numerator : (2, B) float64
        n0 and n1.
    denominator : (3, B) float64
        s00, s01 and s11.
    is_complete : bool
        Whether all signs were looked at, the sample's own among them.
    """

    estimate: float
    variance: float
    numerator: NDArray[np.float64]
    denominator: NDArray[np.float64]
    is_complete: bool

    def p_value(self, null: float = 0.0, *, is_restricted: bool = True) -> float:
        """Return the share of draws whose |t| is at least that of the sample.

        Parameters
        ----------
        null : float
            Value of the combination under the null.
        is_restricted : bool
            Whether residuals are those of the regression with the null imposed (WCR) or without (WCU).

        Raises
        ------
        EstimationError
            More than 1 % of draws have no variance (`E_BOOTSTRAP`).
        """
        gap = self.estimate - null
        d = gap if is_restricted else 0.0
        square = self.denominator[0] + 2 * d * self.denominator[1] + d**2 * self.denominator[2]
        good = square > ROUNDING * square.max()
        require_draws(int((~good).sum()), len(good))
        drawn = (self.numerator[0] + d * self.numerator[1])[good] ** 2 / square[good]
        n_larger = int((drawn >= gap**2 / self.variance * (1 - TIE)).sum())
        return n_larger / len(drawn) if self.is_complete else (n_larger + 1) / (len(drawn) + 1)

    def interval(self, level: float, *, is_restricted: bool = True) -> tuple[float, float]:
        """Return the values that the test at 1 - level does not reject; infinite where it never does.

        From the estimate outwards to the first value rejected.
        """
        unit = float(np.sqrt(self.variance))

        def keeps(distance: float) -> bool:
            p = self.p_value(self.estimate + distance * unit, is_restricted=is_restricted)
            return p > 1 - level

        return self.estimate - unit * _end(lambda x: keeps(-x)), self.estimate + unit * _end(keeps)


def wild_bootstrap(sums: ClusterSums, weights: NDArray[np.float64], law: Law, n_draws: int, seed: int) -> Wild:
    """Draw the t statistic of a combination of coefficients.

    Parameters
    ----------
    sums : ClusterSums
    weights : (P,) float64
        Of each coefficient.
    law : {"rademacher", "webb"}
        Signs, all 2^G of them with few clusters; or Webb's six points.
    n_draws : int
        Where not all signs are looked at.
    seed : int
        Key of the multipliers, with draw and cluster.

    Raises
    ------
    EstimationError
        The combination has no variance between clusters (`E_NO_VARIANCE`).

    Reference
    ---------
    Cameron, Gelbach and Miller (2008), Review of Economics and Statistics 90(3); MacKinnon, Nielsen and Webb (2023),
    Journal of Applied Econometrics 38(5), section 3, on sums of clusters; Roodman, MacKinnon, Nielsen and Webb (2019),
    Stata Journal 19(1); Webb (2023), Canadian Journal of Economics 56(3), on six points.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        b, d = sums.bread @ sums.score.sum(axis=0), sums.bread @ weights
        path = np.einsum("p,gpq->gq", d, sums.gram)
        residual = np.stack([sums.score - sums.gram @ b, path / (weights @ d)])
        own = residual @ d
        variance = float((own[0] ** 2).sum())
        if not variance > ROUNDING**2 * float(((sums.score @ d) ** 2).sum()):
            raise EstimationError("the effect does not vary between clusters", code="E_NO_VARIANCE")
        shared = np.einsum("gq,khq->kgh", path @ sums.bread, residual)
        multipliers, is_complete = _multipliers(len(own[0]), law, n_draws, seed)
        numerator, denominator = np.empty((2, len(multipliers))), np.empty((3, len(multipliers)))
        for start in range(0, len(multipliers), PIECE):
            v, part = multipliers[start : start + PIECE], slice(start, start + PIECE)
            numerator[:, part] = own @ v.T
            scores = [v * own[k] - v @ shared[k].T for k in (0, 1)]
            for row, (k, j) in enumerate(((0, 0), (0, 1), (1, 1))):
                denominator[row, part] = (scores[k] * scores[j]).sum(axis=1)
    # With all multipliers alike a draw is the sample itself; far from the estimate, rounding would tell them apart.
    alike = (multipliers == multipliers[:, :1]).all(axis=1)
    sign = multipliers[alike, 0]
    numerator[0, alike], numerator[1, alike] = 0.0, sign
    denominator[0, alike], denominator[1:, alike] = sign**2 * variance, 0.0
    return Wild(float(weights @ b), variance, numerator, denominator, is_complete)


def _multipliers(n_clusters: int, law: Law, n_draws: int, seed: int) -> tuple[NDArray[np.float64], bool]:
    """Return the multipliers (B, G) and whether they are all there are."""
    if law == "rademacher" and n_clusters <= ENUMERATED:
        number = np.arange(2**n_clusters)[:, None] >> np.arange(n_clusters)
        return VALUES[law][number & 1], True
    key = hash_codes(np.arange(n_clusters), seed)
    point = counted(key, n_draws, "<u4") % len(VALUES[law])
    return np.ascontiguousarray(VALUES[law][point].T), False


def _end(keeps: Callable[[float], bool]) -> float:
    """Return the distance at which values are first rejected, infinite when none is."""
    inside, outside = 0.0, 1.0
    while keeps(outside):
        inside, outside = outside, 2 * outside
        if outside > FURTHEST:
            return np.inf
    while outside - inside > PRECISION * outside:
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if keeps(middle) else (inside, middle)
    return outside
