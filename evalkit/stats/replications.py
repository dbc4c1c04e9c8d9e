"""What many replications of one estimate tell: bias, coverage, size, power, and the smallest effect that is found."""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

BIAS_ALLOWED, COVERAGE_ALLOWED, SIZE_ALLOWED = 0.25, 0.03, 0.03
"""Beyond what chance does: a bias of a quarter of a standard error takes 95 % intervals down to 94.3 %, and a nominal
level that is wrong by three points is one that readers are misled by."""
CHANCE = 3.5
"""Standard errors of the simulation itself that are put down to chance; once in two thousand figures."""


@dataclasses.dataclass(frozen=True, eq=False)
class Replications:
    """Estimates of one effect.

    Parameters
    ----------
    truth, estimate, std_error, reach : (R,) float64
        What was planted, what was found, its standard error, and half the width of its interval.
    """

    truth: NDArray[np.float64]
    estimate: NDArray[np.float64]
    std_error: NDArray[np.float64]
    reach: NDArray[np.float64]

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.estimate)

    @property
    def sd(self) -> float:
        """Standard deviation of estimates around what was planted and their own bias."""
        return float(np.std(self.estimate - self.truth, ddof=1))

    @property
    def bias(self) -> float:
        """Mean deviation from what was planted, in standard deviations of the estimates."""
        return float(np.mean(self.estimate - self.truth) / self.sd)

    @property
    def coverage(self) -> float:
        """Share of intervals that hold what was planted."""
        return float(np.mean(np.abs(self.estimate - self.truth) <= self.reach))

    @property
    def ratio(self) -> float:
        """Mean standard error by the standard deviation of the estimates."""
        return float(np.mean(self.std_error)) / self.sd

    @property
    def found(self) -> float:
        """Share of intervals without 0."""
        return float(np.mean(np.abs(self.estimate) > self.reach))

    def detectable(self, power: float) -> float:
        """Return the effect whose interval leaves 0 out with probability `power`: reach plus a normal quantile.

        The reach is that of the intervals themselves, so that it counts the degrees of freedom of small samples.

        Reference
        ---------
        Bloom (1995), Minimum detectable effects, Evaluation Review 19(5).
        """
        from scipy.stats import norm

        return float(np.mean(self.reach) + norm.ppf(power) * self.sd)


def misses(one: Replications, level: float, is_null: bool) -> list[str]:
    """Return what is wrong beyond chance: "bias", "coverage", "size"."""
    allowed = COVERAGE_ALLOWED + CHANCE * math.sqrt(level * (1 - level) / one.n)
    found = ["bias"] if abs(one.bias) > BIAS_ALLOWED + CHANCE / math.sqrt(one.n) else []
    if one.coverage < level - allowed:
        found.append("coverage")
    if is_null and one.found > 1 - level + SIZE_ALLOWED + CHANCE * math.sqrt(level * (1 - level) / one.n):
        found.append("size")
    return found


def is_verified(one: Replications, planned: Replications, power: float) -> bool:
    """Say whether an effect was found as often as was told from `planned`, but for chance.

    The share found has the error of a share; the effect it was told for has that of a standard deviation, which moves
    the share along the normal density.
    """
    from scipy.stats import norm

    slope = float(norm.pdf(norm.ppf(power))) * planned.detectable(power) / planned.sd
    error = math.sqrt(power * (1 - power) / one.n + slope**2 / (2 * planned.n))
    return abs(one.found - power) <= CHANCE * error
