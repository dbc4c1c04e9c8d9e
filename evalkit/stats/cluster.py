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
from evalkit.stats.moments import Moments, cluster_sums, cluster_ways
from evalkit.stats.within import Fit

Correction = Literal["cr1", "cr2", "cr3"]
ABSORBED = 1e-9
"""Leverage this close to 1 leaves nothing of a residual to correct: the direction is fitted exactly."""
POWER = {"cr2": -0.5, "cr3": -1.0}
LEAST_DOF = 1.0


@dataclasses.dataclass(frozen=True, eq=False)
class Linear:
    """An estimate that is linear in outcomes, and what its fit takes out of them.

    The rows of a firm are its outcomes, weighted by the root of its weight so that a working model of equal and
    independent errors u holds, less what firm effects take out. With z_i what is known of the rows of firm i and
    s = sum_j z_j'u_j, the estimate errs by E's, and the residuals of the firm are r_i = u_i - z_i L s. All firms of a
    group share z.

    Parameters
    ----------
    z : (C, R, Q) float64
        Of each group, 0 in rows that are not observed; orthogonal to firm effects.
    lever : (Q, Q) float64
        L. In least squares z are the regressors X and L = (X'X)^-1. Where coefficients are sums of w_i'u_i with other
        weights w, z is X beside w, and L takes X to w.
    pick : (Q, K) float64
        E.
    fitted : (C, R) float64
        What the fit makes of outcomes, but for firm effects.
    """

    z: NDArray[np.float64]
    lever: NDArray[np.float64]
    pick: NDArray[np.float64]
    fitted: NDArray[np.float64]

    @classmethod
    def of(
        cls, x: NDArray[np.float64], weight: NDArray[np.float64], fitted: NDArray[np.float64], n_first: int
    ) -> "Linear":
        """Return the estimate with P coefficients: sums of `weight` (C, R, P) times outcomes, which x (C, R, P) fits.

        The effects are the coefficients after the `n_first` ones.
        """
        p = x.shape[2]
        lever, pick = np.zeros((2 * p, 2 * p)), np.zeros((2 * p, p - n_first))
        lever[:p, p:] = np.eye(p)
        pick[p + n_first :] = np.eye(p - n_first)
        return cls(np.concatenate([x, weight], axis=2), lever, pick, fitted)

    def influence(self, load: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the matrices A (C, K, R + 1) of an influence that is `load` (C, K, R) times residuals."""
        own = -np.einsum("ckr,cr->ck", load, self.fitted)
        return np.concatenate([own[:, :, None], load], axis=2)

    @property
    def load(self) -> NDArray[np.float64]:
        """What outcomes count in the effects (C, K, R)."""
        return np.asarray(np.swapaxes(self.z @ self.pick, 1, 2), np.float64)


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


def require_clusters(n: int) -> None:
    """Refuse fewer than two clusters.

    Raises
    ------
    EstimationError
        `E_CLUSTERS`.
    """
    if n < 2:
        raise EstimationError(
            "all firms are in one cluster", where="covariates.clusters", code="E_CLUSTERS",
            hint="cluster by firm, or by something with more groups",
        )  # fmt: skip


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
    scale = small_sample(n, fit.n_rows, len(fit.coefficient) + fit.n_periods)
    if correction == "cr1":
        return Robust(fit.influence, scale, np.full(len(fit.coefficient), n - 1.0))
    bread, p = fit.whole_bread, len(fit.coefficient)
    return corrected(moments, Linear(fit.inner, bread, bread[:, :p], fit.fitted), correction)


def small_sample(n: int, n_rows: int, k: int) -> float:
    """Return the root of the factor of CR1 with n clusters and k regressors and period effects.

    Raises
    ------
    EstimationError
        Fewer than two clusters (`E_CLUSTERS`).
    """
    require_clusters(n)
    return float(np.sqrt(n / (n - 1) * (n_rows - 1) / (n_rows - k)))


def require_two_clusters(cluster: NDArray[np.int64], n_second: int) -> None:
    """Refuse firms that are all in one cluster (n,), in one of two ways where there are two.

    Raises
    ------
    EstimationError
        `E_CLUSTERS`.
    """
    for way in cluster_ways(cluster, n_second):
        require_clusters(1 if (way == way[:1]).all() else 2)


def corrected(moments: Moments, linear: Linear, correction: Correction) -> Robust:
    """Correct the influence of an estimate that is linear in outcomes for what its fit takes out of residuals.

    In a cluster i of firms residuals have the covariance B = I + z_i K z_i', K = L N L' - L - L', N = sum_j z_j'z_j.
    CR2 multiplies them by B^(-1/2), so that the variance is unbiased whenever errors are equal and independent; CR3 by
    (I - z_i L z_i')^-1, which makes them what they would be had the cluster been left out of the fit. In least squares
    K = -(X'X)^-1, and both are the usual CR2 and CR3. Rows that the fit meets exactly have no say.

    Parameters
    ----------
    moments : Moments
        Groups; firms of one group with different weights are corrected for the group's mean weight.
    linear : Linear
        The estimate.
    correction : {"cr1", "cr2", "cr3"}
        CR1 leaves residuals as they are and takes the normal law.

    Reference
    ---------
    Pustejovsky and Tipton (2018), section 2.2 with equation 11 for fits that are not least squares of the working
    model, and section 3.1 on degrees of freedom.
    """
    if correction == "cr1":
        return Robust(linear.influence(linear.load), 1.0, np.full(linear.pick.shape[1], np.inf))
    gram = _gram(moments, linear.z, np.arange(moments.n_groups))
    kernel = linear.lever @ gram @ linear.lever.T - linear.lever - linear.lever.T
    change, power = kernel if correction == "cr2" else -linear.lever, POWER[correction]
    turned = _by_firm if moments.cluster is None else _by_cluster
    load = turned(moments, linear, change, power)
    return Robust(linear.influence(load), 1.0, _satterthwaite(moments, linear.z, load, kernel))


def _gram(moments: Moments, z: NDArray[np.float64], groups: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the products z'z (Q, Q) of all firms of some groups."""
    rows = (np.sqrt(moments.total[groups, :1, None]) * z[groups]).reshape(-1, z.shape[2])
    return np.asarray(rows.T @ rows, np.float64)


def _by_firm(moments: Moments, linear: Linear, change: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    """Return the corrected load (C, K, R), firm by firm: the matrix of a firm is R x R and the same for its group."""
    weight = (moments.total[:, 0] / moments.n)[:, None, None]
    left = np.eye(linear.z.shape[1]) + weight * (linear.z @ change @ np.swapaxes(linear.z, 1, 2))
    return np.asarray(linear.load @ _power(left, power), np.float64)


def _by_cluster(moments: Moments, linear: Linear, change: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    """Return the corrected load (C, K, R), clusters of firms: only the directions of z in a cluster need correction.

    With z'z = R^2 in a cluster, z = U R and (I + z M z')^a = I - U U' + U (I + R M R)^a U'; the load lies in U.
    """
    clusters, place = np.unique(moments.ways[0], return_inverse=True)
    gram = np.array([_gram(moments, linear.z, np.flatnonzero(place == g)) for g in range(len(clusters))])
    scale = np.sqrt(np.maximum(np.einsum("gqq->q", gram), np.finfo(float).tiny))
    size, axes = np.linalg.eigh(gram / np.outer(scale, scale))
    kept = size > ABSORBED * np.maximum(size[:, -1:], np.finfo(float).tiny)
    half = np.sqrt(np.where(kept, size, 1.0))
    turn = np.swapaxes(axes, 1, 2)
    root = (axes * np.where(kept, half, 0.0)[:, None, :]) @ turn
    back = (axes * np.where(kept, 1 / half, 0.0)[:, None, :]) @ turn
    left = np.eye(len(scale)) + root @ (change * np.outer(scale, scale)) @ root
    matrix = (linear.pick * scale[:, None]).T @ root @ _power(left, power) @ back / scale
    return np.asarray(matrix[place] @ np.swapaxes(linear.z, 1, 2), np.float64)


def _power(left: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    """Return matrices (C, R, R), what a fit leaves of residuals, to a power, 0 in directions of which it leaves none.

    To -1/2 they are symmetric and have no negative size.
    """
    if power == -1.0:
        u, size, v = np.linalg.svd(left)
        return np.asarray(np.swapaxes(v, 1, 2) * rest_power(1.0 - size, power)[:, None, :] @ np.swapaxes(u, 1, 2))
    size, axes = np.linalg.eigh(left)
    return np.asarray((axes * rest_power(1.0 - size, power)[:, None, :]) @ np.swapaxes(axes, 1, 2))


def rest_power(leverage: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    """Return (1 - leverage) to a power, 0 where the fit takes everything."""
    left = 1.0 - leverage
    found: NDArray[np.float64] = np.where(left > ABSORBED, np.maximum(left, ABSORBED) ** power, 0.0)
    return found


def _satterthwaite(
    moments: Moments, z: NDArray[np.float64], load: NDArray[np.float64], kernel: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the degrees of freedom of each effect (K,) with corrected loads a_i: own is a_i'a_i and f_i = z_i'a_i."""
    n, weight = moments.n.astype(float), moments.total[:, 0] / moments.n
    found = np.zeros(load.shape[1])
    for k in range(len(found)):
        f, own = weight[:, None] * (load[:, k, None] @ z)[:, 0], weight * (load[:, k] ** 2).sum(axis=1)
        if moments.cluster is None:
            found[k] = satterthwaite(own, f, kernel, n)
        else:
            f, own = (cluster_sums(moments.ways[0], (n * part.T).T) for part in (f, own))
            found[k] = satterthwaite(own, f, kernel, np.ones(len(own)))
    return found


def satterthwaite(
    own: NDArray[np.float64], f: NDArray[np.float64], kernel: NDArray[np.float64], n: NDArray[np.float64]
) -> float:
    """Return the degrees of freedom of a variance that is a sum of squared scores.

    When errors are equal and independent two scores have the covariance p_ij = [i = j] own_i + f_i'K f_j; degrees of
    freedom are (sum_i p_ii)^2 / sum_ij p_ij^2.

    Parameters
    ----------
    own, f : (G,), (G, Q) float64
        Of each kind of score.
    kernel : (Q, Q) float64
        K.
    n : (G,) float64
        Scores of each kind.
    """
    shared = ((f @ kernel) * f).sum(axis=1)
    total = kernel @ (f.T * n) @ f
    square = (n * ((own + shared) ** 2 - shared**2)).sum() + (total * total.T).sum()
    return float(max((n * (own + shared)).sum() ** 2 / square, LEAST_DOF)) if square > 0 else LEAST_DOF
