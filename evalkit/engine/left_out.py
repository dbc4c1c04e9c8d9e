"""What becomes of an overall effect when some firms are left out, told in steps."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EvalkitError
from evalkit.model.check import Case
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.aggregate import aggregate

STEPS = (0.0, 0.25, 0.5, 1.0, 2.0)
"""A move is told as the largest of these standard errors that it reaches: exact ones would tell what the firms left out
are like."""


@dataclasses.dataclass(frozen=True)
class Overall:
    """An overall effect, its standard error and p-value, and whether its interval leaves zero out."""

    estimate: float
    error: float
    p_value: float
    is_significant: bool

    def move(self, again: float) -> dict[str, Any]:
        """Return how far the effect moved (`errors_moved`, in steps), and whether a significant one has `turned`."""
        return {
            "errors_moved": max(step for step in STEPS if abs(again - self.estimate) / self.error >= step),
            "turned": self.is_significant and again * self.estimate <= 0,
        }


def overall(effects: Effects, outcome: str) -> Overall | None:
    """Return the overall effect on an outcome; None when it has no standard error."""
    try:
        row = aggregate(effects.of(outcome)).table.iloc[0]
    except EvalkitError:
        return None
    names = ("estimate", "std_error", "p_value", "conf_low", "conf_high")
    estimate, error, p_value, low, high = (float(row[name]) for name in names)
    is_known = bool(np.isfinite([estimate, error]).all()) and error > 0
    return Overall(estimate, error, p_value, low > 0 or high < 0) if is_known else None


def without(case: Case, effects: Effects, out: NDArray[np.intp], outcome: str) -> float | None:
    """Estimate without the firms in some rows; None where that cannot be done."""
    weight = case.sample.weight.copy()
    weight[out] = 0.0
    sample: MatchedSample = dataclasses.replace(case.sample, weight=weight)
    try:
        found = aggregate(case.estimate_again(sample, effects).of(outcome)).table
    except EvalkitError:
        return None
    again = float(found["estimate"].iloc[0])
    return again if np.isfinite(again) else None
