"""Whether p-values of effects that cannot be there are what p-values must be."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.randomisation import Dealt, Studentised
from evalkit.stats.student import tail

LEVEL = 0.05
SIGMAS = 3.0
"""Standard errors of the share of rejections that chance is allowed: one check in 370 leaves them."""
LEAST_UNIFORM = 0.001
"""p-value of the test of uniformity from which p-values count as uniform."""
FEWEST = 2
"""A pretended cohort of fewer has no variance."""


def pretended(n_treated: NDArray[np.int64], n: int, n_control: int) -> NDArray[np.int64]:
    """Return the sizes (C,) of pretended cohorts: n in all, at most half of the controls, in the mix of real ones.

    Parameters
    ----------
    n_treated : (C,) int64
        Firms of the real cohorts.
    n : int
        Pretended firms or clusters wanted.
    n_control : int
        Those there are to deal from.

    Returns
    -------
    (C,) int64
        Rounded so that they add up; cohorts that would have one have none.
    """
    exact = n_treated / max(int(n_treated.sum()), 1) * min(n, n_control // 2)
    sizes = np.floor(exact).astype(np.int64)
    left = round(float(exact.sum())) - int(sizes.sum())
    sizes[np.argsort(-(exact - sizes), kind="stable")[:left]] += 1
    return np.where(sizes < FEWEST, 0, sizes)


def untreated(dealt: Dealt) -> Dealt:
    """Return the never treated firms alone, as many of them in pretended cohorts as are to be dealt out.

    Who is in them does not matter: only their numbers are kept when the award is dealt out.
    """
    rows = np.flatnonzero(dealt.cohort < 0)
    own = np.bincount(dealt.cohort[dealt.cohort >= 0], minlength=len(dealt.share))
    sizes = pretended(own, int(own.sum()), len(rows))
    kept = np.flatnonzero(sizes)
    share = dealt.share[kept]
    return Dealt(
        dealt.change[np.ix_(rows, kept)], dealt.weight[rows], first_in(sizes[kept], len(rows)), dealt.stratum[rows],
        share / share.sum(),
    )  # fmt: skip


def first_in(sizes: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return cohort numbers (n,), -1 for none, of cohorts of some sizes (C,)."""
    cohort = np.full(n, -1, np.int64)
    cohort[: sizes.sum()] = np.repeat(np.arange(len(sizes)), sizes)
    return cohort


def two_sided(found: "list[Studentised]") -> NDArray[np.float64]:
    """Return the p-values of effects that have a standard error."""
    told = [one for one in found if one.std_error]
    statistic = np.array([abs(one.estimate) / one.std_error for one in told])
    return np.asarray(2 * tail(statistic, np.array([one.dof for one in told])), np.float64)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How p-values of a true null are spread.

    Parameters
    ----------
    rejected : float
        Share below 5 %.
    low, high : float
        Band of that share that chance allows.
    p_value : float
        Of the test of Kolmogorov and Smirnov that they are uniform.
    """

    rejected: float
    low: float
    high: float
    p_value: float

    @classmethod
    def of(cls, p_values: NDArray[np.float64]) -> "Calibration":
        """Look at independent p-values (n,)."""
        from scipy.stats import kstest

        reach = SIGMAS * float(np.sqrt(LEVEL * (1 - LEVEL) / len(p_values)))
        rejected = float((p_values < LEVEL).mean())
        return cls(rejected, max(LEVEL - reach, 0.0), LEVEL + reach, float(kstest(p_values, "uniform").pvalue))

    @property
    def holds(self) -> bool:
        """Whether tests reject as often as they say."""
        return self.low <= self.rejected <= self.high and self.p_value > LEAST_UNIFORM
