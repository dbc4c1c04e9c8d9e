"""Totals that one or two firms dominate; contributions count by their absolute values.

References
----------
Hundepool et al. (2012), Statistical Disclosure Control, section 4.2; Handbook on Statistical Disclosure Control
(ESSnet, second edition), section 4.2.2: (n,k), p % and (p,q) rules.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from evalkit.reporting.disclosure.profiles import Profile


class Contributions(NamedTuple):
    """The largest contribution to a total, the second largest, and the sum of all others; absolute values."""

    first: float = 0.0
    second: float = 0.0
    others: float = 0.0

    @classmethod
    def of(cls, values: ArrayLike) -> "Contributions":
        """Take one value for each firm; those that are not finite are left out."""
        sizes = np.abs(np.asarray(values, np.float64).ravel())
        sizes = sizes[np.isfinite(sizes)]
        if len(sizes) < 3:
            return cls(*np.sort(sizes)[::-1].tolist())
        split = np.partition(sizes, len(sizes) - 2)
        return cls(float(split[-1]), float(split[-2]), float(split[:-2].sum()))

    def and_also(self, more: "Contributions") -> "Contributions":
        """Return the contributions of two sets of firms together."""
        first, second, third, fourth = sorted((*self[:2], *more[:2]), reverse=True)
        return Contributions(first, second, third + fourth + self.others + more.others)

    @property
    def total(self) -> float:
        """The sum of all."""
        return sum(self)


def is_dominated(found: Contributions, n: int, k: float) -> bool:
    """Say whether the `n` (1 or 2) largest contributions make up at least the share `k` of the total."""
    return found.total > 0 and sum(found[:n]) >= k * found.total


def fails_pq(found: Contributions, p: float, q: float = 1.0) -> bool:
    """Say whether the second largest firm could work out the largest within `p`, knowing the others within `q`.

    With `q` = 1 this is the p % rule: what is left without the two largest is less than `p` times the largest.
    """
    return found.others < p / q * found.first


def fails_dominance(found: Contributions, profile: Profile) -> bool:
    """Say whether a total breaks a rule; a mean does where its total does, a ratio where either part does."""
    return is_dominated(found, profile.dominance_n, profile.dominance_k) or fails_pq(found, profile.p, profile.q)


def is_concentrated(found: Contributions, profile: Profile) -> bool:
    """Say whether one firm, or two, contribute more of an effect than the profile lets them.

    A contribution is what a firm adds to the effect of its arm: weight times change of its outcome. It is not centred:
    deviations from a mean sum to zero, so that none could ever be more than half of their absolute sum.
    """
    one, two = profile.influence_one * found.total, profile.influence_two * found.total
    return found.first > one or found.first + found.second > two
