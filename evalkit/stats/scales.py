"""Effects on the estimation scale put into per cent and into levels."""

import math
from typing import NamedTuple

from evalkit.model.study import Transform

UNKNOWN = math.nan
POINTS = ("share", "binary", "growth")
"""Scales on which an effect is read in percentage points."""


class Triple(NamedTuple):
    """An estimate with its interval; NaN where unknown."""

    estimate: float
    low: float
    high: float

    def times(self, factor: float) -> "Triple":
        """Return the triple times a non-negative factor."""
        return Triple(*(factor * x for x in self))


NOTHING = Triple(UNKNOWN, UNKNOWN, UNKNOWN)


class Scaled(NamedTuple):
    """One effect in per cent of the baseline and in level."""

    percent: Triple
    level: Triple


def scaled(effect: Triple, transform: Transform, baseline: float) -> Scaled:
    """Return an effect in per cent and in level.

    Parameters
    ----------
    effect : Triple
        Estimate and interval on the scale of the transform.
    transform : {"level", "log", "asinh", "growth", "share", "binary"}
        That scale.
    baseline : float
        Mean level of the treated firms in the period before treatment, in the outcome's unit; NaN when unknown.

    Returns
    -------
    Scaled
        `percent`: 100 (exp(b) - 1) for "log", the share of the baseline for "level" when that is positive, else NaN.
        `level`: the outcome's unit for "log" and "level", percentage points for "share", "binary" and "growth" (of
        log growth), asinh units for "asinh". Interval ends are transformed one by one.
    """
    if transform == "log":
        percent = Triple(*(100.0 * _expm1(x) for x in effect))
        return Scaled(percent, percent.times(baseline / 100.0) if baseline > 0 else NOTHING)
    if transform == "level":
        return Scaled(effect.times(100.0 / baseline) if baseline > 0 else NOTHING, effect)
    return Scaled(NOTHING, effect.times(100.0 if transform in POINTS else 1.0))


def _expm1(x: float) -> float:
    try:
        return math.expm1(x)
    except OverflowError:
        return math.inf
