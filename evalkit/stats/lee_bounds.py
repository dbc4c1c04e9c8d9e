"""Bounds on a difference of means when outcomes are missing at different rates in the two groups."""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError


@dataclasses.dataclass(frozen=True, eq=False)
class Arm:
    """One group, those without an outcome too.

    Parameters
    ----------
    value : (n,) float64
        Outcomes, NaN where missing.
    weight : (n,) float64
        Positive weights.
    """

    value: NDArray[np.float64]
    weight: NDArray[np.float64]

    @property
    def is_seen(self) -> NDArray[np.bool_]:
        """Firms (n,) with an outcome."""
        return np.isfinite(self.value)

    @property
    def rate(self) -> float:
        """Weighted share of firms with an outcome."""
        return float(self.weight[self.is_seen].sum() / self.weight.sum())

    @property
    def rate_influence(self) -> NDArray[np.float64]:
        """Influence of each firm (n,) on the rate."""
        return np.asarray(self.weight / self.weight.sum() * (self.is_seen - self.rate), np.float64)


@dataclasses.dataclass(frozen=True, eq=False)
class LeeBounds:
    """Bounds on the effect on firms that have an outcome whether or not they are treated.

    Parameters
    ----------
    low, high : float
        Bounds.
    trimmed : float
        Share cut off from the group with the higher rate.
    influence_treated, influence_control : (n, 2) float64
        Influence of each firm on both bounds; sums of squares are variances.
    """

    low: float
    high: float
    trimmed: float
    influence_treated: NDArray[np.float64]
    influence_control: NDArray[np.float64]


def lee_bounds(treated: Arm, control: Arm) -> LeeBounds:
    """Cut the group with the higher rate of outcomes at either end until the rates are equal.

    Of the group with the higher rate the share 1 - (lower rate)/(higher rate) is there only because of the treatment
    (or its absence). Cutting that share at the top gives the least mean that those who are always there can have,
    cutting it at the bottom the greatest. The value at the cut counts in part, so that ties do no harm.

    Raises
    ------
    DesignError
        A group has no outcome at all (`E_NO_POST`).

    Assumes
    -------
    Treatment is as good as random, and moves being there in one direction only (monotonicity).

    Reference
    ---------
    Lee (2009), Review of Economic Studies 76(3), proposition 1a for the bounds; proposition 3 for their variance, which
    is the sum of squares of the influences here: of the mean within the cut, of the cut, and of the rates.
    """
    if not (treated.is_seen.any() and control.is_seen.any()):
        raise DesignError("a group has no outcome at this time", code="E_NO_POST")
    rates = treated.rate, control.rate
    if rates[0] >= rates[1]:
        cut, kept = _cut_mean(treated, rates[1] / rates[0]), _mean(control)
        ends, own, other = cut.means - kept[0], cut.influence, -np.stack([kept[1]] * 2, axis=1)
        own = own + np.outer(treated.rate_influence, -cut.slope * cut.kept / rates[0])
        other = other + np.outer(control.rate_influence, cut.slope / rates[0])
        return LeeBounds(float(ends[0]), float(ends[1]), 1 - cut.kept, own, other)
    mirrored = lee_bounds(control, treated)
    swapped = [-part[:, ::-1] for part in (mirrored.influence_control, mirrored.influence_treated)]
    return LeeBounds(-mirrored.high, -mirrored.low, mirrored.trimmed, *swapped)


def effect_interval(low: float, high: float, errors: tuple[float, float], level: float) -> tuple[float, float]:
    """Return an interval that holds the effect itself, which lies somewhere between the bounds.

    Parameters
    ----------
    low, high : float
        Bounds.
    errors : (2,) float
        Their standard errors.
    level : float
        Probability, above 0.5.

    Reference
    ---------
    Imbens and Manski (2004), Econometrica 72(6), equations 6 and 7.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    largest = max(errors)
    if largest == 0:
        return low, high
    gap = (high - low) / largest
    reach = brentq(lambda c: norm.cdf(c + gap) - norm.cdf(-c) - level, 0.0, norm.ppf(0.5 + level / 2) + 1.0)
    return low - reach * errors[0], high + reach * errors[1]


@dataclasses.dataclass(frozen=True, eq=False)
class _Cut:
    """Means (2,) of what is left by a cut at the top and at the bottom, their influence, and slope in what is kept."""

    kept: float
    means: NDArray[np.float64]
    influence: NDArray[np.float64]
    slope: NDArray[np.float64]


def _cut_mean(arm: Arm, kept: float) -> _Cut:
    """Return the means of the lowest and of the highest share `kept` of the outcomes that are there."""
    seen = arm.is_seen
    y, w = arm.value[seen], arm.weight[seen]
    influence, means, slope = np.zeros((len(seen), 2)), np.zeros(2), np.zeros(2)
    order, total = np.argsort(y, kind="stable"), w.sum()
    for end, sign in enumerate((1.0, -1.0)):
        z, mass = sign * y[order[:: int(sign)]], w[order[:: int(sign)]] / total
        before = np.cumsum(mass) - mass
        inside = np.clip(kept - before, 0.0, mass)
        mean = math.fsum(inside * z) / kept
        limit = z[max(int(np.searchsorted(before, kept, side="left")) - 1, 0)]
        below = np.minimum(sign * y - limit, 0.0)
        influence[seen, end] = sign * w / total * (below / kept + (limit - mean))
        means[end], slope[end] = sign * mean, sign * (limit - mean) / kept
    return _Cut(kept, means, influence, slope)


def _mean(arm: Arm) -> tuple[float, NDArray[np.float64]]:
    """Return the mean outcome and each firm's influence (n,) on it."""
    seen = arm.is_seen
    total = arm.weight[seen].sum()
    mean = math.fsum(arm.weight[seen] * arm.value[seen]) / total
    return mean, np.where(seen, arm.weight / total * (np.where(seen, arm.value, 0.0) - mean), 0.0)
