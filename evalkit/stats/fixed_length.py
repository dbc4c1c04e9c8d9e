"""The shortest interval of fixed length for a linear target whose bias is bounded."""

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EstimationError

ROUNDINGS = tuple(10.0**-k for k in range(1, 8))
"""The last one makes the interval longer by at most 1e-7 standard errors per period."""


def shortest_interval(
    free: NDArray[np.float64], fixed: NDArray[np.float64], vcov: NDArray[np.float64],
    to_bias: NDArray[np.float64], bound: float, alpha: float,
) -> tuple[NDArray[np.float64], float]:  # fmt: skip
    """Choose the weights w = fixed + free z of a linear estimator so that its interval is shortest.

    Parameters
    ----------
    free : (n, f) float64
        Directions in which the weights may move.
    fixed : (n,) float64
        Weights they start from.
    vcov : (n, n) float64
        Covariance of the estimates.
    to_bias : (n, n) float64
        The bias of the estimator is (to_bias w)'u; the first entry of u is unbounded, so w must not depend on it, and
        the others lie within `bound`.
    bound : float
        Largest absolute value of the other entries.
    alpha : float
        One less the confidence level.

    Returns
    -------
    w : (n,)
    half_length : float
        The (1 - alpha) point of |N(largest bias, variance)|.

    Raises
    ------
    EstimationError
        The search did not end (`E_CONVERGENCE`).
    """
    from scipy.linalg import null_space

    towards = to_bias[0] @ free
    start = fixed - free @ towards * (to_bias[0] @ fixed) / (towards @ towards)
    moves = free @ null_space(towards[None, :])
    if moves.shape[1]:
        start = start - moves @ np.linalg.solve(moves.T @ vcov @ moves, moves.T @ vcov @ start)
    if moves.shape[1] and bound > 0:
        start = _shortest(start, moves, vcov, bound * to_bias[1:], alpha)
    bias, error = bound * float(np.abs(to_bias[1:] @ start).sum()), float(np.sqrt(start @ vcov @ start))
    return start, half_length(bias, error, alpha)[0]


def half_length(bias: float, error: float, alpha: float) -> tuple[float, float, float]:
    """Return the (1 - alpha) point h of |N(bias, error^2)|, and its derivatives by bias and by error."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    t = bias / error
    high = t + norm.isf(alpha / 2) + 1.0
    c = float(brentq(lambda x: norm.sf(x - t) + norm.sf(x + t) - alpha, 0.0, high, xtol=1e-14, rtol=1e-14))
    upper, lower = norm.pdf(c - t), norm.pdf(c + t)
    by_bias = float((upper - lower) / (upper + lower))
    return c * error, by_bias, c - t * by_bias


def _shortest(
    start: NDArray[np.float64], moves: NDArray[np.float64], vcov: NDArray[np.float64],
    to_bias: NDArray[np.float64], alpha: float,
) -> NDArray[np.float64]:  # fmt: skip
    """Search over the weights, with |r| rounded at 0 to sqrt(r^2 + e^2) for ever smaller e.

    The length is convex in the weights; in units of the first error the rounding costs at most e per part of the bias.
    """
    from scipy.optimize import minimize

    unit = float(np.sqrt(start @ vcov @ start))
    spread, part = vcov / unit**2, to_bias / unit
    root = np.linalg.cholesky(moves.T @ spread @ moves)
    moves = np.linalg.solve(root, moves.T).T

    def length(z: NDArray[np.float64], rounding: float) -> tuple[float, NDArray[np.float64]]:
        w = start + moves @ z
        error, bias = float(np.sqrt(w @ spread @ w)), part @ w
        size = np.sqrt(bias**2 + rounding**2)
        h, by_bias, by_error = half_length(float(size.sum()), error, alpha)
        slope = by_error * (spread @ w) / error + by_bias * (part.T @ (bias / size))
        return h, moves.T @ slope

    z = np.zeros(moves.shape[1])
    for rounding in ROUNDINGS:
        z = minimize(length, z, args=(rounding,), jac=True, method="BFGS", options={"gtol": 1e-10}).x
    if not length(z, ROUNDINGS[-1])[0] <= length(np.zeros_like(z), ROUNDINGS[-1])[0]:
        raise EstimationError("the shortest interval under bounded trends was not found", code="E_CONVERGENCE")
    weights: NDArray[np.float64] = start + moves @ z
    return weights
