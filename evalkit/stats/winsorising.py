"""Ends of a distribution moved to quantiles."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

DEFINITION: Literal["inverted_cdf"] = "inverted_cdf"
"""A quantile is an observed value: the smallest one that at least that share of values does not exceed."""


def ends(values: NDArray[np.float64], shares: tuple[float, float]) -> tuple[float, float]:
    """Return the quantiles of an array at two shares, over what is known; infinite when nothing is."""
    known = values[~np.isnan(values)]
    if not len(known):
        return -np.inf, np.inf
    low, high = np.quantile(known, np.array(shares), method=DEFINITION)
    return float(low), float(high)
