"""Cluster-robust covariance of regressions from group moments: CR1, CR2 and CR3, and their degrees of freedom.

All firms of a group share their regressors, so they share the adjustment of their residuals too; only sums over groups
remain. Effects of firms and periods count as regressors: periods are columns, firms are taken out of both sides, which
is the same where firms lie within clusters.
"""

import dataclasses
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EstimationError
from evalkit.stats.moments import Moments, cluster_sums
from evalkit.stats.within import Fit

Correction = Literal["cr1", "cr2", "cr3"]
ABSORBED = 1e-9
"""Leverage this close to 1 leaves nothing of a residual to correct: the direction is fitted exactly."""
POWER = {"cr2": -0.5, "cr3": -1.0}
LEAST_DOF = 1.0


@dataclasses.dataclass(frozen=True, eq=False)
class Robust:
    """What a correction makes of a fit.

    Parameters
    ----------
    influence : (C, p, T + 1) float64
        Matrix A of each group: the corrected influence of a firm is A v.
    scale : float
        Factor of the influence: the root of the small-sample factor of CR1, 1 otherwise.
    dof : (p,) float64
        Degrees of freedom of the t distribution of each coefficient.
    """

    influence: NDArray[np.float64]
    scale: float
    dof: NDArray[np.float64]


def n_clusters(moments: Moments, fit: Fit) -> int:
    """Return the number of clusters that have a say in a fit: firms, or in the way with the fewest."""
    has_say = np.abs(fit.inner).sum(axis=(1, 2)) > 0
    return min((len(np.unique(way[has_say])) for way in moments.ways), default=fit.n_firms)


def n_treated_clusters(moments: Moments) -> int:
    """Return the number of clusters with a treated firm, in the way with the fewest."""
    return clusters_among(moments, moments.cohort > 0)


def clusters_among(moments: Moments, groups: NDArray[np.bool_]) -> int:
    """Return the number of clusters that some groups (C,) of firms are in, in the way with the fewest."""
    return min((len(np.unique(way[groups])) for way in moments.ways), default=int(moments.n[groups].sum()))


def robust(moments: Moments, fit: Fit, correction: Correction) -> Robust:
    """Correct the influence of a fit for what the fit takes out of residuals.

    Parameters
    ----------
    moments : Moments
        Groups; firms of one group with different weights are corrected for the group's mean weight.
    fit : Fit
        A regression on them.
    correction : {"cr1", "cr2", "cr3"}
        CR1: the factor G/(G-1) (N-1)/(N-K), where K counts regressors and period effects but not the firm effects
        nested in clusters (the default of the R package fixest; linearmodels leaves the factor out, which is smaller by
        its root), and G - 1 degrees of freedom; the only one for clusters in two ways, with the smaller G. CR2:
        residuals times (I - H)^(-1/2), unbiased when errors are equal and independent, with the degrees of freedom of
        Satterthwaite under that model. CR3: times (I - H)^-1, the jackknife; degrees of freedom as CR2's.

    Raises
    ------
    EstimationError
        Fewer than two clusters (`E_CLUSTERS`).

    Reference
    ---------
    Bell and McCaffrey (2002), Survey Methodology 28(2); Pustejovsky and Tipton (2018), Journal of Business and Economic
    Statistics 36(4), sections 2.2 and 3.1, and theorem 2 on effects that are taken out; Cameron and Miller (2015),
    Journal of Human Resources 50(2), section 2.
    """
    n = n_clusters(moments, fit)
    if n < 2:
        raise EstimationError(
            "all firms are in one cluster", where="covariates.clusters", code="E_CLUSTERS",
            hint="cluster by firm, or by something with more groups",
        )  # fmt: skip
    if correction == "cr1" or moments.n_second:
        k = len(fit.coefficient) + fit.n_periods
        factor = n / (n - 1) * (fit.n_rows - 1) / (fit.n_rows - k)
        return Robust(fit.influence, float(np.sqrt(factor)), np.full(len(fit.coefficient), n - 1.0))
    if moments.cluster is None:
        return _by_firm(moments, fit, POWER[correction])
    return _by_cluster(moments.cluster, moments, fit, POWER[correction])


def _by_firm(moments: Moments, fit: Fit, power: float) -> Robust:
    """Correct firm by firm; the hat matrix of a firm is T x T and the same for its group."""
    p, bread = len(fit.coefficient), fit.whole_bread
    weight = moments.total[:, 0] / moments.n
    hat = weight[:, None, None] * np.einsum("ctp,pq,csq->cts", fit.inner, bread, fit.inner)
    leverage, vectors = np.linalg.eigh(hat)
    adjusted = np.einsum("cti,ci,csi->cts", vectors, rest_power(leverage, power), vectors)
    squared = np.einsum("cti,ci,csi->cts", vectors, rest_power(leverage, 2 * power), vectors)
    influence = np.empty_like(fit.influence)
    influence[:, :, 1:] = np.einsum("pq,ctq,cts->cps", bread[:p], fit.inner, adjusted)
    influence[:, :, 0] = -np.einsum("cpt,ct->cp", influence[:, :, 1:], fit.fitted)
    inner = fit.inner * np.sqrt(weight)[:, None, None]
    once = np.einsum("ctp,cts,csq->cpq", inner, adjusted, inner)
    twice = np.einsum("ctp,cts,csq->cpq", inner, squared, inner)
    return Robust(influence, 1.0, _satterthwaite(once, twice, moments.n.astype(float), bread, p))


def _by_cluster(cluster: NDArray[np.int64], moments: Moments, fit: Fit, power: float) -> Robust:
    """Correct clusters of firms; of the hat matrix only its P directions other than 0 are needed."""
    p, bread = len(fit.coefficient), fit.whole_bread
    own = np.einsum("c,ctp,ctq->cpq", moments.total[:, 0], fit.inner, fit.inner)
    gram = cluster_sums(cluster, own)
    size, axes = np.linalg.eigh(gram)
    root = np.einsum("gpi,gi,gqi->gpq", axes, np.sqrt(np.maximum(size, 0.0)), axes)
    kept = size > ABSORBED * np.maximum(size[:, -1:], np.finfo(float).tiny)
    back = np.einsum("gpi,gi,gqi->gpq", axes, np.where(kept, 1 / np.sqrt(np.where(kept, size, 1.0)), 0.0), axes)
    leverage, vectors = np.linalg.eigh(root @ bread @ root)
    extra = np.einsum("gpi,gi,gqi->gpq", vectors, rest_power(leverage, power) - 1.0, vectors)
    turn = np.eye(len(bread)) + root @ extra @ back
    _, place = np.unique(cluster, return_inverse=True)
    path = np.einsum("pq,cqr,ctr->cpt", bread[:p], turn[place], fit.inner)
    influence = np.empty_like(fit.influence)
    influence[:, :, 1:] = path
    influence[:, :, 0] = -np.einsum("cpt,ct->cp", path, fit.fitted)
    once = gram + root @ extra @ root
    more = np.einsum("gpi,gi,gqi->gpq", vectors, rest_power(leverage, 2 * power) - 1.0, vectors)
    twice = gram + root @ more @ root
    return Robust(influence, 1.0, _satterthwaite(once, twice, np.ones(len(gram)), bread, p))


def rest_power(leverage: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    """Return (1 - leverage) to a power, 0 where the fit takes everything."""
    left = 1.0 - leverage
    found: NDArray[np.float64] = np.where(left > ABSORBED, np.maximum(left, ABSORBED) ** power, 0.0)
    return found


def _satterthwaite(
    once: NDArray[np.float64], twice: NDArray[np.float64], n: NDArray[np.float64], bread: NDArray[np.float64], p: int
) -> NDArray[np.float64]:
    """Return the degrees of freedom of each coefficient when errors are equal and independent.

    With X_i the regressors of a cluster and A_i its correction, `once` is X_i'A_i X_i and `twice` X_i'A_i^2 X_i for
    each of the n clusters of a kind (g, P, P). The variance of a coefficient is a quadratic form in the errors, whose
    matrix over clusters has q_ij = [i = j] b'X_i'A_i^2 X_i b - r_i'B r_j with r_i = X_i'A_i X_i b; degrees of freedom
    are (sum_i q_ii)^2 / sum_ij q_ij^2.
    """
    r = once @ bread[:, :p]
    own = np.einsum("pk,gpq,qk->gk", bread[:, :p], twice, bread[:, :p])
    shared = np.einsum("gpk,pq,gqk->gk", r, bread, r)
    root = np.linalg.cholesky(bread)
    s = np.einsum("qp,gqk->gkp", root, r)
    total = np.einsum("g,gkp,gkq->kpq", n, s, s)
    trace = (n[:, None] * (own - shared)).sum(axis=0)
    square = (n[:, None] * ((own - shared) ** 2 - shared**2)).sum(axis=0) + (total**2).sum(axis=(1, 2))
    return np.asarray(np.maximum(trace**2 / square, LEAST_DOF), np.float64)
