"""How many clusters an effect rests on, counted and in effect."""

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.moments import cluster_sums


def cluster_shares(
    weight: NDArray[np.float64], treated: NDArray[np.bool_], cluster: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the share of each cluster in the weight of treated and of control firms (G, 2).

    Parameters
    ----------
    weight : (n,) float64
        Weights, above 0.
    treated : (n,) bool
        Treated firms; all others are controls.
    cluster : (n,) int64
        Cluster of each firm.
    """
    own = np.stack([np.where(treated, weight, 0.0), np.where(treated, 0.0, weight)], axis=1)
    sums = cluster_sums(cluster, own)
    return np.asarray(sums / sums.sum(axis=0), np.float64)


def effective_clusters(shares: NDArray[np.float64]) -> float:
    """Return the effective number of clusters of a difference of means.

    With gamma_g the variance that cluster g gives the estimate when all its firms move as one, it is G over one plus
    the squared coefficient of variation of gamma. In a regression on a constant and the treatment, gamma_g is the
    squared difference of the cluster's shares in both groups.

    Parameters
    ----------
    shares : (G, 2) float64
        Shares of each cluster in the weight of treated and of control firms.

    Reference
    ---------
    Carter, Schnepel and Steigerwald (2017), Asymptotic behavior of a t-test robust to cluster heterogeneity, Review of
    Economics and Statistics 99(4), equations 3 to 5, with the working covariance of ones that they call conservative.
    """
    gamma = (shares[:, 0] - shares[:, 1]) ** 2
    square = float((gamma**2).sum())
    return float(gamma.sum()) ** 2 / square if square else 0.0
