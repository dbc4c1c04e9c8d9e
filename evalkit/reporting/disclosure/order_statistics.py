"""Order statistics: the extremes are values of single firms, and quantiles near them almost."""

import math

EXTREMES = ("min", "max", "minimum", "maximum", "range", "top", "rank", "smallest", "largest")
"""What is never released."""
FIRMS_BEYOND = 10
"""Fewest firms on either side of a released quantile."""


def is_extreme(statistic: str) -> bool:
    """Say whether a statistic is the value of a single firm: "min", "top_5", "sales_max", "range"."""
    return bool(set(statistic.lower().replace("-", "_").split("_")) & set(EXTREMES))


def too_few_beyond(n: int, quantile: float) -> bool:
    """Say whether fewer than ten of `n` firms lie below or above a quantile (0 to 1).

    Raises
    ------
    ValueError
        The quantile is not between 0 and 1.
    """
    if not 0 <= quantile <= 1:
        raise ValueError("a quantile lies between 0 and 1")
    share = min(quantile, 1 - quantile)
    beyond = n * share
    return beyond < FIRMS_BEYOND and not math.isclose(beyond, FIRMS_BEYOND)
