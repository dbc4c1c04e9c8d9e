"""Many specifications of one effect: what they have in common, and whether any survives a joint test."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Specification:
    """One way to estimate: its choices by name, the effect in per cent with its interval, and the p-value."""

    choices: dict[str, str]
    estimate: float
    low: float
    high: float
    p_value: float

    def to_row(self) -> dict[str, Any]:
        """Return choices and numbers side by side."""
        numbers = {"estimate": self.estimate, "conf_low": self.low, "conf_high": self.high, "p_value": self.p_value}
        return {**self.choices, **numbers}


@dataclasses.dataclass(frozen=True)
class Curve:
    """What all specifications say together.

    Parameters
    ----------
    median, lowest, highest : float
        Of the estimates, in per cent.
    share_positive : float
        Share of estimates above 0.
    n_significant : int
        Intervals without 0.
    p_value : float
        Smallest p-value times the number of specifications: the test that no specification has an effect. It holds
        whatever the dependence between specifications, and is cautious as they are alike.
    """

    median: float
    lowest: float
    highest: float
    share_positive: float
    n_significant: int
    p_value: float


def curve(specifications: Sequence[Specification]) -> Curve:
    """Sum up specifications.

    Reference
    ---------
    Simonsohn, Simmons and Nelson (2020), Specification curve analysis, Nature Human Behaviour 4; Holm (1979),
    Scandinavian Journal of Statistics 6(2), for the joint test.
    """
    estimate: NDArray[np.float64] = np.array([s.estimate for s in specifications])
    n_significant = sum(s.low > 0 or s.high < 0 for s in specifications)
    p_value = min(1.0, min(s.p_value for s in specifications) * len(specifications))
    return Curve(
        float(np.median(estimate)), float(estimate.min()), float(estimate.max()), float((estimate > 0).mean()),
        n_significant, p_value,
    )  # fmt: skip


def thinned(specifications: Sequence[Specification], most: int) -> list[Specification]:
    """Return all in order of their estimates, or `most` of them evenly spread over that order, ends included."""
    ordered = sorted(specifications, key=lambda s: (s.estimate, sorted(s.choices.items())))
    if len(ordered) <= most:
        return ordered
    return [ordered[i] for i in np.unique(np.linspace(0, len(ordered) - 1, most).round().astype(int))]
