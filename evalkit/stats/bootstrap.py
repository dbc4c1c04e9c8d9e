"""Multiplier bootstrap: the law of estimates when every firm, or cluster, counts a random number of times.

A draw is sum_i V_i psi_i with V of mean 0 and variance 1. V is a hash of seed, draw and firm, so it does not depend on
where a firm stands. V takes two values, so a draw needs the sum of psi over the firms with the higher one; psi is
rounded to integers small enough that this sum is exact in any order. With normal V the law is known in closed form:
`stats.bands.sup_t`.
"""

import dataclasses
import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EstimationError
from evalkit.stats.stable_hash import counted
from evalkit.stats.student import quantile

Law = Literal["rademacher", "mammen"]
ROOT5 = math.sqrt(5.0)
POINTS = {"rademacher": (-1.0, 1.0), "mammen": ((1 - ROOT5) / 2, (1 + ROOT5) / 2)}
"""The lower and the higher value of V; they have mean 0 and variance 1, Mammen's third moment 1 too."""
BELOW = {"rademacher": ("<u1", 1 << 7), "mammen": ("<u4", round((ROOT5 - 1) / (2 * ROOT5) * 2**32))}
"""V is high where an unsigned number of this type is below the bound: chances 1/2 and 0.2764."""
EXACT_BITS = 52
ROWS = 2_048
"""Firms worked on at a time, so that their multipliers stay in the processor's cache."""
MOST_DEGENERATE = 0.01
LEAST_ERROR = 1e-12
"""An error this small beside the largest one is rounding; its effect does not count in a band."""


@dataclasses.dataclass(frozen=True, eq=False)
class Drawn:
    """Draws of the deviation of K estimates from their truth.

    Parameters
    ----------
    values : (B, K) float64
        Degenerate draws left out.
    n_degenerate : int
        Draws in which all firms have the same multiplier, so that nothing is reweighted, or that are not finite.
    """

    values: NDArray[np.float64]
    n_degenerate: int


@dataclasses.dataclass(frozen=True, eq=False)
class Unit:
    """What influence is rounded to.

    Parameters
    ----------
    exponent : (K,) int64
        Influence on estimate k is rounded to a multiple of 2**-exponent[k].
    """

    exponent: NDArray[np.int64]

    @classmethod
    def covering(cls, largest: NDArray[np.float64], n: int) -> "Unit":
        """Choose the finest unit in which sums over n firms of values up to `largest` (K,) are exact."""
        size = np.where(largest > 0, largest, 1.0)
        bits = EXACT_BITS - math.ceil(math.log2(max(n, 2)))
        return cls((bits - np.ceil(np.log2(size))).astype(np.int64))


@dataclasses.dataclass(frozen=True, eq=False)
class Partial:
    """Sums over some firms; those of several blocks are added up in any order.

    Parameters
    ----------
    n : int
        Firms with an influence.
    n_high : (B,) int64
        Of these, firms with the higher multiplier in each draw.
    total : (K,) float64
        Sum of influence, in units.
    high : (B, K) float64
        Sum over the firms with the higher multiplier, in units.
    """

    n: int
    n_high: NDArray[np.int64]
    total: NDArray[np.float64]
    high: NDArray[np.float64]

    def __add__(self, other: "Partial") -> "Partial":
        """Return the sums over the firms of both."""
        return Partial(
            self.n + other.n, self.n_high + other.n_high, self.total + other.total, self.high + other.high
        )  # fmt: skip


def block_sums(psi: NDArray[np.float64], key: NDArray[np.uint64], law: Law, n_draws: int, unit: Unit) -> Partial:
    """Add up one block of firms.

    Parameters
    ----------
    psi : (n, K) float64
        Influence of each firm, or cluster, on each estimate; those without any do not count.
    key : (n,) uint64
        Stable hash of each firm and the seed.
    law : {"rademacher", "mammen"}
    n_draws : int
    unit : Unit
    """
    k = psi.shape[1]
    n, n_high = 0, np.zeros(n_draws, np.int64)
    total, high = np.zeros(k), np.zeros((n_draws, k))
    for start in range(0, len(psi), ROWS):
        part, own = psi[start : start + ROWS], key[start : start + ROWS]
        has_say = part.any(axis=1)
        whole = np.rint(np.ldexp(part[has_say], unit.exponent.astype(int)))
        is_high = high_multipliers(own[has_say], law, n_draws)
        n += len(whole)
        n_high += is_high.sum(axis=0)
        total += whole.sum(axis=0)
        high += is_high.T.astype(np.float64) @ whole
    return Partial(n, n_high, total, high)


def high_multipliers(key: NDArray[np.uint64], law: Law, n_draws: int) -> NDArray[np.bool_]:
    """Say in which draws (n, B) each firm has the higher multiplier."""
    lane, bound = BELOW[law]
    return counted(key, n_draws, lane) < bound


def draws(sums: Partial, law: Law, unit: Unit) -> Drawn:
    """Turn the sums over all firms into draws.

    Raises
    ------
    EstimationError
        More than 1 % of draws are degenerate, as with fewer than eight clusters (`E_BOOTSTRAP`).
    """
    low, high = POINTS[law]
    values = np.ldexp(low * sums.total + (high - low) * sums.high, -unit.exponent.astype(int))
    good = (sums.n_high > 0) & (sums.n_high < sums.n) & np.isfinite(values).all(axis=1)
    n_degenerate = int((~good).sum())
    require_draws(n_degenerate, len(good))
    return Drawn(values[good], n_degenerate)


def multiplier_draws(psi: NDArray[np.float64], key: NDArray[np.uint64], law: Law, n_draws: int = 999) -> Drawn:
    """Draw from influence that is held in memory, such as that of clusters; see `block_sums` and `draws`."""
    unit = Unit.covering(np.abs(psi).max(axis=0, initial=0.0), len(psi))
    return draws(block_sums(psi, key, law, n_draws, unit), law, unit)


def require_draws(n_degenerate: int, n_draws: int) -> None:
    """Refuse when more than 1 % of draws say nothing.

    Raises
    ------
    EstimationError
        `E_BOOTSTRAP`, with their number.
    """
    if n_degenerate > MOST_DEGENERATE * n_draws:
        raise EstimationError(
            f"{n_degenerate:,} of {n_draws:,} draws are degenerate, more than {MOST_DEGENERATE:.0%}",
            code="E_BOOTSTRAP", hint="there are too few firms or clusters that differ; use the analytic interval",
        )  # fmt: skip


def critical_value(values: NDArray[np.float64], error: NDArray[np.float64], level: float = 0.95) -> float:
    """Return c such that estimate +- c error covers all K together with probability `level`.

    Parameters
    ----------
    values : (B, K) float64
        Draws of the deviations.
    error : (K,) float64
        Standard errors; effects without one, or with one of 0, do not count.
    level : float
        Coverage of the whole band.

    Reference
    ---------
    Callaway and Sant'Anna (2021), Journal of Econometrics 225(2), section 4.1, algorithm 1.
    """
    use = error > LEAST_ERROR * np.nanmax(error, initial=0.0)
    if not use.any():
        return float(quantile(0.5 + level / 2))
    largest = (np.abs(values[:, use]) / error[use]).max(axis=1)
    return float(np.quantile(largest, level, method="inverted_cdf"))
