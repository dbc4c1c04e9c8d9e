"""Differences of mean changes between two sets of firms, corrected for few firms, from group moments.

A difference of means is a regression on two indicators, so what CR2 and CR3 do to residuals is plain: each cluster's
are divided by the root of 1 - h (or 1 - h), where h is its share of the weight of its side. With firms as clusters and
equal weights the variance is that of Welch's test.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.model.effects import Parts
from evalkit.stats.averages import welch_dof
from evalkit.stats.cluster import LEAST_DOF, POWER, clusters_among, require_clusters, rest_power
from evalkit.stats.moments import Moments
from evalkit.stats.regression import Choice, chosen_correction


@dataclasses.dataclass(frozen=True, eq=False)
class MeanContrast:
    """One effect: how much more the firms of one side changed than those of the other.

    Parameters
    ----------
    change : (D,) float64
        Weight of each column of outcomes in the change of a firm.
    treated, control : (C,) bool
        The groups on each side; both have firms.
    """

    change: NDArray[np.float64]
    treated: NDArray[np.bool_]
    control: NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, eq=False)
class Contrasted:
    """Effects, and what goes with them into `Effects`.

    Parameters
    ----------
    estimate : (K,) float64
    vcov : (K, K) float64
    influence : list of (K, D + 1) float64
        For each group, the matrix A with the (corrected) influence A v of a firm.
    dof : float or (K,) float64
        Degrees of freedom; infinite without a correction.
    parts : Parts or None
        By cohort, when corrected and firms are the clusters.
    """

    estimate: NDArray[np.float64]
    vcov: NDArray[np.float64]
    influence: list[NDArray[np.float64]]
    dof: float | NDArray[np.float64]
    parts: Parts | None = None

    @property
    def is_corrected(self) -> bool:
        """Whether intervals hold with few treated firms too."""
        return isinstance(self.dof, np.ndarray)


def contrast_means(moments: Moments, contrasts: Sequence[MeanContrast], correction: Choice = "auto") -> Contrasted:
    """Estimate K contrasts with their joint covariance.

    Parameters
    ----------
    moments : Moments
        Groups; firms of one group with different weights are corrected for the group's mean weight.
    contrasts : sequence of MeanContrast
    correction : {"auto", "cr1", "cr2", "cr3"}
        "cr1" leaves residuals as they are and takes the normal law; "auto" does so from 50 treated clusters on.
        "cr2" and "cr3" correct, with the degrees of freedom of Welch and Satterthwaite (firms), or those of Bell and
        McCaffrey for equal and independent errors (clusters above). Clusters in two ways are not corrected.

    Raises
    ------
    EstimationError
        All firms are in one cluster (`E_CLUSTERS`).

    Reference
    ---------
    Welch (1947), Biometrika 34(1-2); Bell and McCaffrey (2002), Survey Methodology 28(2); Imbens and Kolesar (2016),
    Review of Economics and Statistics 98(4), section II, on two means.
    """
    require_clusters(clusters_among(moments, np.ones(moments.n_groups, dtype=bool)))
    chosen = chosen_correction(moments, correction)
    k = len(contrasts)
    influence = np.zeros((moments.n_groups, k, moments.total.shape[1]))
    estimate, dof = np.zeros(k), np.full(k, np.inf)
    for row, contrast in enumerate(contrasts):
        value = moments.total[:, 1:] @ contrast.change
        shares = [_shares(moments, side) for side in (contrast.treated, contrast.control)]
        for side, sign, share in zip((contrast.treated, contrast.control), (1.0, -1.0), shares, strict=True):
            mass = moments.total[side, 0].sum()
            mean = value[side].sum() / mass
            estimate[row] += sign * mean
            left = 1.0 if chosen == "cr1" else rest_power(share[side], POWER[chosen])
            scale = sign / mass * np.broadcast_to(left, side.sum())
            influence[side, row, 1:] = scale[:, None] * contrast.change
            influence[side, row, 0] = -scale * mean
        if chosen != "cr1" and moments.cluster is not None:
            dof[row] = _dof(moments, contrast, shares, POWER[chosen])
    matrices = list(influence)
    if chosen == "cr1":
        return Contrasted(estimate, moments.covariance(matrices), matrices, np.inf)
    if moments.cluster is not None:
        return Contrasted(estimate, moments.covariance(matrices), matrices, dof)
    parts = cohort_parts(moments, matrices, np.array([c.treated | c.control for c in contrasts]).T)
    return Contrasted(estimate, moments.covariance(matrices), matrices, welch_dof(parts), parts)


def _shares(moments: Moments, side: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the share of a side's weight (C,) that the cluster of each group has; of one firm without clusters."""
    mass = np.where(side, moments.total[:, 0], 0.0)
    if moments.cluster is None:
        return np.asarray(mass / moments.n / mass.sum(), np.float64)
    _, place = np.unique(moments.cluster, return_inverse=True)
    return np.asarray(np.bincount(place, mass)[place] / mass.sum(), np.float64)


def _dof(
    moments: Moments, contrast: MeanContrast, shares: Sequence[NDArray[np.float64]], power: float
) -> float:  # fmt: skip
    """Return the degrees of freedom with clusters above the firm when errors of firms are equal and independent.

    With h a cluster's share of a side of weight W and f its correction, scores have the covariance
    p_ij = sum over sides of f_i f_j ([i = j] h_i - h_i h_j) / W; degrees of freedom are (sum p_ii)^2 / sum p_ij^2.
    """
    first = np.unique(moments.ways[0], return_index=True)[1]
    own, x = np.zeros(len(first)), []
    for side, share in zip((contrast.treated, contrast.control), shares, strict=True):
        h, mass = share[first], moments.total[side, 0].sum()
        left = rest_power(h, power)
        own += left**2 * h * (1 - h) / mass
        x.append(left * h / np.sqrt(mass))
    shared = np.array(x)
    square = (own**2).sum() + ((shared @ shared.T) ** 2).sum() - ((shared**2).sum(axis=0) ** 2).sum()
    return float(max(own.sum() ** 2 / square, LEAST_DOF)) if square > 0 else LEAST_DOF


def cohort_parts(
    moments: Moments, influence: Sequence[NDArray[np.float64]], behind: NDArray[np.bool_]
) -> Parts:  # fmt: skip
    """Split the covariance of effects by cohort, with the firms of the groups (C, K) behind each."""
    cohorts, place = np.unique(moments.cohort, return_inverse=True)
    k = behind.shape[1]
    vcov, n = np.zeros((len(cohorts), k, k)), np.zeros((len(cohorts), k), np.int64)
    for g, a, q in zip(place, influence, moments.product, strict=True):
        vcov[g] += a @ q @ a.T
    np.add.at(n, place, np.where(behind, moments.n[:, None], 0))
    return Parts(vcov, n)
