"""Order statistics: the extremes are values of single firms, and quantiles near them almost."""

import math
import re

EXTREMES = ("min", "max", "minimum", "maximum", "range", "top", "rank", "smallest", "largest")
"""What is never released."""
QUANTILE = re.compile("[pq][0-9]{1,2}")
"""Part of a name: a percentile."""
FIRMS_BEYOND = 10
"""Fewest firms on either side of a released quantile."""


def is_extreme(statistic: str) -> bool:
    """Say whether a statistic is the value of a single firm: "min", "top_5", "sales_max", "range"."""
    return bool(set(statistic.lower().replace("-", "_").split("_")) & set(EXTREMES))


def quantile_of(statistic: str) -> float | None:
    """Return which quantile (0 to 1) a statistic is by its name: "median", "sales_p90"; None for others."""
    for part in statistic.lower().replace("-", "_").split("_"):
        if part == "median":
            return 0.5
        if QUANTILE.fullmatch(part):
            return int(part[1:]) / 100
    return None


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
