"""Randomisation test of the mean effect on supported firms: the award is dealt out anew, again and again.

The statistic is divided by its standard error in every draw: without that, firms that vary more than others (because
they are larger, say) make the test of a true null reject far too often.
"""

import dataclasses
import operator
from collections.abc import Iterator, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EstimationError
from evalkit.stats.bootstrap import require_draws
from evalkit.stats.threads import one_thread

ROWS = 1 << 16
"""Firms added up at a time."""
TIE = 1e-10
"""A draw this close to the statistic itself counts as large as it."""


@dataclasses.dataclass(frozen=True, eq=False)
class Dealt:
    """Firms, and what the award could have done to each of them.

    Parameters
    ----------
    change : (n, C) float64
        Change of each firm from before to after the award of each cohort, were it in that cohort; NaN when not known.
    weight : (n,) float64
        Positive weights.
    cohort : (n,) int64
        Number of the cohort from 0; -1 for never treated.
    stratum : (n,) int64
        The award is dealt out within strata.
    share : (C,) float64
        Weight of each cohort in the mean effect; they add up to 1.
    """

    change: NDArray[np.float64]
    weight: NDArray[np.float64]
    cohort: NDArray[np.int64]
    stratum: NDArray[np.int64]
    share: NDArray[np.float64]

    @property
    def members(self) -> list[NDArray[np.intp]]:
        """Rows of each cohort."""
        return [np.flatnonzero(self.cohort == c) for c in range(len(self.share))]


@dataclasses.dataclass(frozen=True, eq=False)
class Tested:
    """The mean effect, its standard error, and the share of draws whose statistic is at least as large."""

    estimate: float
    std_error: float
    p_value: float
    n_degenerate: int

    @property
    def statistic(self) -> float:
        """Estimate over standard error."""
        return self.estimate / self.std_error


@dataclasses.dataclass(frozen=True)
class Studentised:
    """A mean effect, its standard error (0 where it has none), and the degrees of freedom of Welch."""

    estimate: float
    std_error: float
    dof: float


def randomisation_test(dealt: Dealt, n_draws: int, seed: int) -> Tested:
    """Compare the studentised mean effect with its law when the award is dealt out at random.

    Every stratum keeps its number of firms of each cohort. Sums over all firms are taken once; a draw needs those of
    its treated firms.

    Parameters
    ----------
    dealt : Dealt
        Firms; each cohort has at least two, and so has the group of never treated ones.
    n_draws : int
    seed : int
        Key of the counter-based generator, with the draw.

    Raises
    ------
    EstimationError
        The mean effect has no standard error (`E_NO_VARIANCE`), or none in more than 1 % of draws (`E_BOOTSTRAP`).

    Reference
    ---------
    Wu and Ding (2021), Journal of the American Statistical Association 116(536), on studentised statistics; Young
    (2019), Quarterly Journal of Economics 134(2); MacKinnon and Webb (2020), Journal of Econometrics 218(2), on few
    treated clusters.
    """
    with one_thread():
        own = _studentised(dealt, _whole(dealt), dealt.members)
    if not own.std_error:
        raise EstimationError("the mean effect has no standard error", code="E_NO_VARIANCE")
    found = studentised_draws(dealt, n_draws, seed)
    largest = np.array([abs(draw.estimate / draw.std_error) for draw in found if draw.std_error])
    n_larger = int((largest >= abs(own.estimate) / own.std_error * (1 - TIE)).sum())
    return Tested(own.estimate, own.std_error, (n_larger + 1) / (len(largest) + 1), n_draws - len(largest))


def studentised_draws(dealt: Dealt, n_draws: int, seed: int) -> list[Studentised]:
    """Deal the award out again and again; draws in which the mean effect has no standard error have one of 0.

    Raises
    ------
    EstimationError
        There are more than 1 % of those (`E_BOOTSTRAP`).
    """
    with one_thread():
        whole = _whole(dealt)
        hands = deals(dealt.cohort, dealt.stratum, n_draws, seed)
        found = [_studentised(dealt, whole, members) for members in hands]
    require_draws(sum(not draw.std_error for draw in found), n_draws)
    return found


def deals(
    cohort: NDArray[np.int64], stratum: NDArray[np.int64], n_draws: int, seed: int
) -> Iterator[list[NDArray[np.intp]]]:  # fmt: skip
    """Deal the award out, draw by draw: rows of each cohort, as many in each stratum as it has (n,)."""
    order = np.argsort(stratum, kind="stable")
    strata = np.split(order, np.flatnonzero(np.diff(stratum[order])) + 1)
    n_cohorts = int(cohort.max(initial=-1)) + 1
    sizes = [np.bincount(cohort[rows] + 1, minlength=n_cohorts + 1)[1:] for rows in strata]
    live = [(rows, size) for rows, size in zip(strata, sizes, strict=True) if size.any()]
    for draw in range(n_draws):
        rng = np.random.Generator(np.random.Philox(key=[seed % 2**64, draw]))
        hands: list[list[NDArray[np.intp]]] = [[] for _ in range(n_cohorts)]
        for rows, size in live:
            chosen = rows[rng.choice(len(rows), int(size.sum()), replace=False)]
            for c, hand in enumerate(np.split(chosen, np.cumsum(size)[:-1])):
                hands[c].append(hand)
        yield [np.concatenate(hand) for hand in hands]


@dataclasses.dataclass(frozen=True, eq=False)
class _Sums:
    """Firms n (C,), and sums of x (2C,) and x x' (2C, 2C), with x weight and weighted change where it is known."""

    n: NDArray[np.int64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]

    @classmethod
    def of(cls, dealt: Dealt, rows: "NDArray[np.intp] | slice") -> "_Sums":
        change, weight = dealt.change[rows], dealt.weight[rows, None]
        seen = np.isfinite(change)
        x = np.concatenate([seen * weight, np.where(seen, change, 0.0) * weight], axis=1)
        return cls(seen.sum(axis=0), x.sum(axis=0), x.T @ x)

    def __add__(self, other: "_Sums") -> "_Sums":
        return _Sums(self.n + other.n, self.first + other.first, self.second + other.second)

    def __sub__(self, other: "_Sums") -> "_Sums":
        return _Sums(self.n - other.n, self.first - other.first, self.second - other.second)


def _whole(dealt: Dealt) -> _Sums:
    """Return the sums over all firms, taken piece by piece."""
    starts = range(0, len(dealt.weight), ROWS)
    return reduce(operator.add, (_Sums.of(dealt, slice(start, start + ROWS)) for start in starts))


def _studentised(dealt: Dealt, whole: _Sums, members: Sequence[NDArray[np.intp]]) -> Studentised:
    """Return the mean effect when these firms are the cohorts; with an error of 0 where there is none."""
    n_cohorts = len(members)
    treated = [_Sums.of(dealt, rows) for rows in members]
    rest = reduce(operator.sub, treated, whole)
    n, first, second = rest.n, rest.first, rest.second
    n_own = np.array([t.n[c] for c, t in enumerate(treated)])
    if min(n.min(), n_own.min()) < 2:
        return Studentised(0.0, 0.0, 1.0)
    own = [_mean_and_variance(t, c, n_cohorts) for c, t in enumerate(treated)]
    mass, mean = first[:n_cohorts], first[n_cohorts:] / first[:n_cohorts]
    slope = np.concatenate([-dealt.share * mean / mass, dealt.share / mass])
    control = float(slope @ second @ slope) * n.min() / (n.min() - 1)
    estimate = sum(share * (m - base) for share, (m, _), base in zip(dealt.share, own, mean, strict=True))
    parts = np.array([control, *(share**2 * v for share, (_, v) in zip(dealt.share, own, strict=True))])
    variance, scale = parts.sum(), second[n_cohorts:, n_cohorts:].trace() / max(first[:n_cohorts].min(), 1.0) ** 2
    if variance <= TIE**1.5 * scale:
        return Studentised(float(estimate), 0.0, 1.0)
    dof = variance**2 / (parts**2 / (np.array([n.min(), *n_own]) - 1)).sum()
    return Studentised(float(estimate), float(np.sqrt(variance)), float(dof))


def _mean_and_variance(sums: _Sums, c: int, n_cohorts: int) -> tuple[float, float]:
    """Return the weighted mean of a cohort's own change, and the variance of that mean."""
    mass, total, n = sums.first[c], sums.first[n_cohorts + c], int(sums.n[c])
    mean, pair = total / mass, [c, n_cohorts + c]
    slope = np.array([-mean, 1.0]) / mass
    return float(mean), float(slope @ sums.second[np.ix_(pair, pair)] @ slope) * n / (n - 1)
