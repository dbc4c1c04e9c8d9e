"""What becomes of untreated firms where many firms around them are treated.

Firms lie in cells. An untreated firm's exposure is the share of treated firms among the others of its cell, so it is
the same for all untreated firms of a cell, and cells with their periods are all that the regression needs.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.least_squares import least_squares
from evalkit.stats.moments import cluster_sums
from evalkit.stats.observed import Observed
from evalkit.stats.wild_bootstrap import ClusterSums

EXPOSURE = 0
"""Column of the exposure among the regressors."""


def exposures(
    cell: NDArray[np.int64], cohort: NDArray[np.int32], amount: NDArray[np.float64], periods: Sequence[int]
) -> NDArray[np.float64]:
    """Return the exposure of untreated firms (cells, T) in each cell and period; 0 where there is no other firm.

    Parameters
    ----------
    cell : (n,) int64
        Cell of each firm, from 0 without gaps.
    cohort : (n,) int32
        First treated period, 0 for never.
    amount : (n,) float64
        What a treated firm counts: 1, or its award over the mean one.
    periods : sequence of int
    """
    ones = np.ones(len(cell))
    others = cluster_sums(cell, ones[:, None])[:, 0] - 1.0
    is_treated = (cohort[:, None] > 0) & (cohort[:, None] <= np.array(periods))
    treated = cluster_sums(cell, np.where(is_treated, amount[:, None], 0.0))
    return np.asarray(np.where(others[:, None] > 0, treated / np.maximum(others, 1.0)[:, None], 0.0), np.float64)


@dataclasses.dataclass(frozen=True, eq=False)
class Changes:
    """Changes of untreated firms since the base period, added up by cell and period.

    Parameters
    ----------
    exposure, weight, total : (cells, T) float64
        Exposure, sum of weights of the untreated firms observed then and in the base period, sum of weighted changes.
    """

    exposure: NDArray[np.float64]
    weight: NDArray[np.float64]
    total: NDArray[np.float64]

    @classmethod
    def of(
        cls, firms: Observed, cell: NDArray[np.int64], exposure: NDArray[np.float64], base: int, after: Sequence[int]
    ) -> "Changes":  # fmt: skip
        """Add up the changes of never-treated firms from a base period to each later one."""
        place = [period - firms.periods[0] for period in after]
        change = firms.y[:, place] - firms.at(base)[:, None]
        counts = np.isfinite(change) & ((firms.cohort == 0) & (firms.weight > 0))[:, None]
        weight = np.where(counts, firms.weight[:, None], 0.0)
        total = cluster_sums(cell, np.where(counts, firms.weight[:, None] * np.where(counts, change, 0.0), 0.0))
        return cls(exposure[:, place], cluster_sums(cell, weight), total)

    @property
    def has_firms(self) -> NDArray[np.bool_]:
        """Cells (cells,) with untreated firms."""
        return np.asarray((self.weight > 0).any(axis=1))

    def regression(self, levels: Sequence[NDArray[np.int64]]) -> ClusterSums:
        """Regress changes on exposure and effects of periods and of levels, with cells as clusters.

        Parameters
        ----------
        levels : sequence of (cells,) int64
            Level of each cell in each classification whose effects are held fixed.

        Raises
        ------
        EstimationError
            Exposure is not identified beside the effects (`E_COLLINEAR`).
        """
        use = self.has_firms
        n_periods = self.exposure.shape[1]
        x = [self.exposure[use], *(np.broadcast_to(d, self.exposure[use].shape) for d in np.eye(n_periods))]
        for level in levels:
            own = level[use]
            x += [np.broadcast_to((own == one)[:, None], x[0].shape) for one in np.unique(own)[1:]]
        design = np.stack(x, axis=2).astype(np.float64)
        design = design[:, :, (np.abs(design) * self.weight[use][:, :, None]).sum(axis=(0, 1)) > 0]
        weight, total = self.weight[use], self.total[use]
        root = np.sqrt(weight)
        flat = (root[:, :, None] * design).reshape(-1, design.shape[2])
        y = np.where(weight > 0, total / np.where(weight > 0, root, 1.0), 0.0).ravel()
        _, bread = least_squares(flat, y, ["exposure"])
        gram = np.einsum("ct,ctp,ctq->cpq", weight, design, design)
        return ClusterSums(gram, np.einsum("ct,ctp->cp", total, design), bread)


def cells_in_effect(sums: ClusterSums, weights: NDArray[np.float64]) -> float:
    """Return the effective number of clusters of a combination of coefficients with the given weights (P,).

    It is (sum of v)^2 / sum of v^2 with v the part of each cluster in the variance when errors are equal and
    independent: 1 where one cluster alone is exposed.

    Reference
    ---------
    Carter, Schnepel and Steigerwald (2017), Review of Economics and Statistics 99(4), equations 3 to 5.
    """
    along = sums.bread @ weights
    part = np.einsum("p,gpq,q->g", along, sums.gram, along)
    return float(part.sum() ** 2 / (part**2).sum())
