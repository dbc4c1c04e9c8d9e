"""The joint test that several estimates are zero."""

import numpy as np
from numpy.typing import NDArray

RANK_BELOW = 1e-10
"""Directions whose variance is below this share of the largest, on the correlation scale, are rounding."""


def wald(estimate: NDArray[np.float64], vcov: NDArray[np.float64]) -> tuple[float, int, float]:
    """Test that all estimates are zero.

    Parameters
    ----------
    estimate : (K,)
        The estimates.
    vcov : (K, K)
        Their covariance, with a positive diagonal. Where it is singular (fewer clusters than estimates) only the
        directions that have a variance are tested.

    Returns
    -------
    statistic, dof, p_value : float, int, float
        b'V^-1 b, its degrees of freedom (the rank of V), and the upper tail of chi-squared.

    Reference
    ---------
    Wooldridge (2010), Econometric Analysis of Cross Section and Panel Data, section 4.2.3.
    """
    from scipy.stats import chi2

    error = np.sqrt(np.diag(vcov))
    size, direction = np.linalg.eigh(vcov / np.outer(error, error))
    is_real = size > RANK_BELOW * size[-1]
    z = direction[:, is_real].T @ (estimate / error)
    statistic = float((z**2 / size[is_real]).sum())
    dof = int(is_real.sum())
    return statistic, dof, float(chi2.sf(statistic, dof))
