"""Quantiles that are averages over many firms, so that none of them is a firm's value."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.balance import Groups, is_share
from evalkit.stats.covariates import Covariate
from evalkit.stats.weights import effective_number

SMALLEST_BIN = 10
"""Fewest equally weighted firms that a bin stands for."""
MOST_BINS = 20


def binned_quantiles(x: NDArray[np.float64], weight: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    """Return the mean of a number over each part of equal weight, from the smallest values to the largest.

    Parameters
    ----------
    x : (n,) float64
        A number, in ascending order.
    weight : (n,) float64
        Weights in that order, some above 0. The weight of a firm at the border of two parts is split between them.
    n_bins : int
        Parts of equal weight.

    Returns
    -------
    (n_bins,) float64
        n_bins times the integral of the quantile function over each part.
    """
    share = np.cumsum(weight)
    area = np.cumsum(weight * x) / share[-1]
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    below = np.interp(edges, np.append(0.0, share / share[-1]), np.append(0.0, area))
    return np.asarray(np.diff(below) * n_bins, dtype=np.float64)


def quantile_rows(covariate: Covariate, groups: Groups) -> list[dict[str, Any]]:
    """Return binned quantiles of a number in treated and control firms, before and after matching.

    Parameters
    ----------
    covariate : Covariate
        A number; 0/1 numbers and categories have no rows.
    groups : Groups
        Treated and control firms, and weights.

    Returns
    -------
    list of dict
        `covariate`, `treated_before`, `control_before`, `treated`, `control`: one row per bin, as many bins as the
        smallest effective number of firms allows; none when it allows no two.
    """
    known = ~covariate.is_missing
    if covariate.levels is not None or is_share(covariate.values[known]):
        return []
    weights = groups.take(known).weights()
    n_bins = min(MOST_BINS, int(min(map(effective_number, weights)) // SMALLEST_BIN))
    if n_bins < 2:
        return []
    order = np.argsort(covariate.values[known], kind="stable")
    ordered = covariate.values[known][order]
    columns = [binned_quantiles(ordered, w[order], n_bins).tolist() for w in weights]
    names = ("treated_before", "control_before", "treated", "control")
    return [{"covariate": covariate.name, **dict(zip(names, row, strict=True))} for row in zip(*columns, strict=True)]
