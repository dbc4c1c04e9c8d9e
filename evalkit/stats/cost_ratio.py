"""What one unit of effect costs, with its interval."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Interval:
    """A value with the ends of its interval; an end that does not exist is NaN."""

    value: float
    low: float
    high: float


def total_effect(level: Interval, n_years: int) -> Interval:
    """Return the effect over all treated firm-years, from the mean effect of one."""
    return Interval(level.value * n_years, level.low * n_years, level.high * n_years)


def cost_of_one(amount: float, total: Interval, unit: float = 1.0) -> Interval:
    """Return the money spent for one unit of effect.

    Parameters
    ----------
    amount : float
        Money spent, above zero; it is known without error.
    total : Interval
        Total effect with its interval.
    unit : float
        How many of what the cost is told for are in one of the effect's units: 1,000 for yen and effects in thousands.

    Returns
    -------
    Interval
        All costs c for which the effect amount / c lies within its interval. An interval that holds zero leaves the
        cost without an upper end, and an effect that is not above zero has no cost: NaN.

    Reference
    ---------
    Fieller (1954), Some problems in interval estimation, Journal of the Royal Statistical Society B 16(2), section 2,
    with a numerator that has no variance: the set is found from the interval of the denominator.
    """

    def cost(effect: float) -> float:
        return amount / (effect * unit) if effect > 0 else math.nan

    value = cost(total.value)
    return Interval(value, math.nan if math.isnan(value) else cost(total.high), cost(total.low))
