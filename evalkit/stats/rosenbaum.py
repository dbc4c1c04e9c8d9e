"""How much hidden bias would explain a difference between matched pairs away.

Firms of a pair may differ in something not seen, so that the odds of which one is supported are up to Gamma to 1, not
1 to 1. The signed ranks of the differences are then added up with chances between 1/(1 + Gamma) and
Gamma/(1 + Gamma), which bounds the p-value and the shift that the test would not reject.

Reference
---------
Rosenbaum (2002), Observational Studies, 2nd edition, sections 4.3.3 (signed ranks) and 4.3.4 (estimates).
"""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.student import quantile, tail

STEPS = 60
"""Halvings of an interval: it is then 2^-60 of its width."""


@dataclasses.dataclass(frozen=True, eq=False)
class SignedRanks:
    """Signed ranks of differences; one that is zero has a rank but does not count.

    Parameters
    ----------
    positive : float
        Sum of the ranks of positive differences; ties share their mean rank.
    total, square : float
        Sums of all ranks and of their squares.
    """

    positive: float
    total: float
    square: float

    @classmethod
    def of(cls, difference: NDArray[np.float64]) -> "SignedRanks":
        """Rank the differences (n,) of pairs by their size."""
        from scipy.stats import rankdata

        rank = np.where(difference != 0, rankdata(np.abs(difference)), 0.0)
        return cls(float(rank[difference > 0].sum()), float(rank.sum()), float((rank**2).sum()))

    def z(self, chance: float) -> float:
        """Return the standardised sum of positive ranks when each difference is positive with this chance."""
        spread = math.sqrt(chance * (1 - chance) * self.square)
        return (self.positive - chance * self.total) / spread if spread else 0.0

    def p_values(self, gamma: float) -> tuple[float, float]:
        """Return the least and greatest one-sided p-value of positive differences under bias up to gamma."""
        chance = gamma / (1 + gamma)
        return float(tail(self.z(1 - chance))), float(tail(self.z(chance)))

    def breakdown(self, alpha: float) -> float:
        """Return the gamma at which the greatest one-sided p-value is alpha; below 1 when it is larger without bias.

        The chance p solves (T - p A)^2 = z^2 p (1 - p) B with T the positive, A all ranks and B their squares.
        """
        bend = float(quantile(1 - alpha)) ** 2 * self.square
        a, b, c = self.total**2 + bend, 2 * self.positive * self.total + bend, self.positive**2
        chance = 2 * c / (b + math.sqrt(max(b * b - 4 * a * c, 0.0))) if c else 0.0
        return chance / (1 - chance) if chance < 1 else math.inf


def shifts(difference: NDArray[np.float64], gamma: float) -> tuple[float, float]:
    """Return the least and greatest Hodges-Lehmann estimate of a shift of all differences under bias up to gamma.

    The estimate is where the sum of positive ranks of what is left equals its expectation.
    """
    chance = gamma / (1 + gamma)
    low, high = (_balanced(difference, share) for share in (chance, 1 - chance))
    return low, high


def _balanced(difference: NDArray[np.float64], chance: float) -> float:
    """Return the shift at which the share of positive ranks passes a chance: it falls as the shift rises."""
    low, high = float(difference.min()), float(difference.max())
    for _ in range(STEPS):
        middle = (low + high) / 2
        ranks = SignedRanks.of(difference - middle)
        if ranks.total and ranks.positive > chance * ranks.total:
            low = middle
        else:
            high = middle
    return (low + high) / 2
