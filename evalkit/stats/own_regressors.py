"""Least squares with firm and period effects and regressors that differ between the firms of a group.

A column of the moments beside the outcome's gives each firm's value: one per period of what varies over time, one of
what stands still, which then has a slope for each period. The regression of firm-years is that of group means, plus
what firms deviate from the means of their group, whose sums of products are all that is needed of them.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EstimationError
from evalkit.stats.least_squares import least_squares
from evalkit.stats.moments import Moments
from evalkit.stats.regression import Design
from evalkit.stats.within import Solved, demeaned, period_effects, require_two_periods

LEAST_VARIATION = 1e-7
"""A regressor, or a combination, with less than this share of its size left is collinear: sums of products are rounded
at 1e-16, which is the square of 1e-8."""
MOST_REGRESSORS = 500
"""Regressors of firms that a regression takes; their products are matrices of this size in every group."""


@dataclasses.dataclass(frozen=True)
class Names:
    """Columns of the panel that firms have regressors of.

    Parameters
    ----------
    time_varying : tuple of str
        Numbers by period.
    baseline : tuple of str
        Numbers that stand still; each has a slope for each period.
    """

    time_varying: tuple[str, ...] = ()
    baseline: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.time_varying or self.baseline)

    def n_slopes(self, n_years: int) -> int:
        """Return how many slopes they have beside `n_years` year effects."""
        return len(self.time_varying) + len(self.baseline) * n_years


@dataclasses.dataclass(frozen=True, eq=False)
class Own:
    """What is known of the regressors of firms.

    Parameters
    ----------
    names : Names
    strata : tuple of str
        Categories that keep groups apart.
    moments : tuple of Moments
        For each outcome: its T periods, T of each time-varying regressor, and one of each that stands still, with the
        root of the firm's weight in the place of its weight.
    n_unknown : int
        Firm-periods with an outcome that are left out because a regressor is not observed.
    """

    names: Names
    strata: tuple[str, ...]
    moments: tuple[Moments, ...]
    n_unknown: int


def own_caveats(own: Own | None) -> tuple[str, ...]:
    """Return what a reader must know of regressors of firms: firm-years left out, and what the award may change."""
    if own is None:
        return ()
    lost = (f"firm_years_without_covariate:{own.n_unknown}",) if own.n_unknown else ()
    return (*lost, *(f"time_varying_covariate:{name}" for name in own.names.time_varying))


@dataclasses.dataclass(frozen=True, eq=False)
class OwnFit(Solved):
    """A fitted regression with regressors of firms; see `Solved`.

    Parameters
    ----------
    moments : Moments
        The groups that it was made from.
    seen, beyond : (C, T) bool
        Periods that count, and those that the fit is carried on to.
    periods : (m,) int64
        Position of the periods in which what stands still has a slope.
    slopes : (k,) float64
        Coefficients of the regressors of firms: time-varying ones, then m of each that stands still.
    levers : (p, k) float64
        Rows of the inverse of X'X that lead from the regressors of firms to the p coefficients of interest.
    fitted : (C, T) float64
        What the regressors of groups contribute.
    path : (C, p, T) float64
        What residuals count in the p coefficients: what the inverse of X'X makes of the regressors of groups.
    shared : (C, T, q) float64
        Regressors of groups: the p of interest, then the effects.
    whole_bread : (k + q, k + q) float64
        Inverse of X'X: the p of interest, the k of firms, then the effects.
    """

    moments: Moments
    seen: NDArray[np.bool_]
    beyond: NDArray[np.bool_]
    periods: NDArray[np.int64]
    slopes: NDArray[np.float64]
    levers: NDArray[np.float64]
    fitted: NDArray[np.float64]
    path: NDArray[np.float64]
    shared: NDArray[np.float64]
    whole_bread: NDArray[np.float64]


def fit_own(
    moments: Moments, names: Names, design: Design, seen: NDArray[np.bool_], periods: tuple[int, ...]
) -> OwnFit:
    """Fit y_it = firm_i + period_t + z_ct' b + x_it' c by least squares.

    Parameters
    ----------
    moments : Moments
        As those of `Own`.
    names : Names
        Of the regressors of firms.
    design : Design
        Regressors of the groups.
    seen : (T,) or (C, T) bool
        Periods that count.
    periods : tuple of int
        What the T periods are called in messages.

    Raises
    ------
    EstimationError
        Regressors are collinear (`E_COLLINEAR`, names them); there are more than 500 of firms (`E_TOO_LARGE`); nothing
        is left to estimate from (`E_NO_POST`).
    """
    n_periods, p = design.columns.shape[1:]
    labels = design.names
    has = moments.observed[:, :n_periods] & seen
    use = has.sum(axis=1) >= 2
    has &= use[:, None]
    live = require_two_periods(has)
    maps = own_maps(n_periods, names, live[1:])
    k = maps.shape[1] - 1
    _require_few(k)
    effects = period_effects(live, design.columns.shape) if design.effects is None else design.effects
    shared = np.concatenate([design.columns, effects], axis=2)
    means, spread, size = _parts(moments, maps, has)
    mass = moments.product[:, 0, 0]
    root = np.where(use, np.sqrt(mass), 0.0)
    inner = demeaned(shared, has)
    x = np.concatenate([inner[:, :, :p], means[:, :, :k], inner[:, :, p:]], axis=2) * root[:, None, None]
    rest = np.zeros((k + 1, x.shape[2]))
    factor = _factor(spread, size)
    rest[:, p : p + k] = factor[:, :k]
    stacked = np.concatenate([x.reshape(-1, x.shape[2]), rest])
    right = np.concatenate([(means[:, :, k] * root[:, None]).reshape(-1), factor[:, k]])
    of_group = np.sqrt(np.einsum("ctj,ct,c->j", shared**2, has.astype(float), np.where(use, mass, 0.0)))
    before = np.concatenate([of_group[:p], np.sqrt(size[:k]), of_group[p:]])
    b, bread = least_squares(stacked, right, [*labels[:p], *own_labels(names, live[1:], periods), *labels[p:]], before)
    group = np.r_[0:p, p + k : len(b)]
    counts = np.where(use, moments.n, 0)
    return OwnFit(
        coefficient=b[:p], bread=bread[:p, :p], residual_square=float(((right - stacked @ b) ** 2).sum()),
        n_firms=int(counts.sum()), n_rows=int((counts * has.sum(axis=1)).sum()),
        n_periods=shared.shape[2] - p + 1 + k, moments=moments,
        seen=np.broadcast_to(seen & has.any(axis=0), has.shape), beyond=np.zeros_like(has), periods=live[1:],
        slopes=b[p : p + k], levers=bread[:p, p : p + k], fitted=shared @ b[group],
        path=np.einsum("pj,ctj->cpt", bread[:p, group], shared), shared=shared, whole_bread=bread,
    )  # fmt: skip


def own_maps(n_periods: int, names: Names, slopes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what makes the k regressors of a firm, and its outcome, of its columns in each period: (T, k + 1, U)."""
    n_varying, n_still = len(names.time_varying), len(names.baseline)
    k = n_varying + n_still * len(slopes)
    maps = np.zeros((n_periods, k + 1, n_periods * (1 + n_varying) + n_still))
    every = np.arange(n_periods)
    maps[every, k, every] = 1.0
    for j in range(n_varying):
        maps[every, j, (1 + j) * n_periods + every] = 1.0
    for j in range(n_still):
        place = n_varying + j * len(slopes) + np.arange(len(slopes))
        maps[slopes, place, n_periods * (1 + n_varying) + j] = 1.0
    return maps


def own_labels(names: Names, slopes: NDArray[np.int64], periods: tuple[int, ...]) -> list[str]:
    """Return what the regressors of firms are called."""
    return [*names.time_varying, *(f"{name} in {periods[t]}" for name in names.baseline for t in slopes)]


def _parts(
    moments: Moments, maps: NDArray[np.float64], has: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return within means (C, T, k + 1), products of deviations from them (k + 1, k + 1), and squared sizes (k + 1,).

    Sizes are those before firms' means are taken out.
    """
    n_groups, k = moments.n_groups, maps.shape[1]
    means = np.zeros((n_groups, maps.shape[0], k))
    spread, size = np.zeros((k, k)), np.zeros(k)
    for group in np.flatnonzero(has.any(axis=1)):
        product = moments.product[group]
        mean = product[0, 1:] / product[0, 0]
        deviation = product[1:, 1:] - product[0, 0] * np.outer(mean, mean)
        plain = maps * has[group][:, None, None]
        inner = demeaned(maps.reshape(1, len(maps), -1), has[group][None]).reshape(maps.shape)
        means[group] = inner @ mean
        spread += np.einsum("tju,tku->jk", inner @ deviation, inner, optimize=True)
        size += np.einsum("tju,tju->j", plain @ product[1:, 1:], plain, optimize=True)
    return means, spread, size


def _factor(spread: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a matrix whose product with itself is `spread`, directions that are rounding error taken out."""
    scale = np.sqrt(np.where(np.diag(spread) > LEAST_VARIATION**2 * size, np.diag(spread), np.inf))
    values, vectors = np.linalg.eigh(spread / np.outer(scale, scale))
    kept = np.where(values > LEAST_VARIATION**2 * values[-1], values, 0.0)
    return np.asarray(np.sqrt(kept)[:, None] * vectors.T * np.where(np.isinf(scale), 0.0, scale), np.float64)


def _require_few(k: int) -> None:
    if k > MOST_REGRESSORS:
        raise EstimationError(
            f"{k:,} regressors of firms, more than {MOST_REGRESSORS:,}", where="baseline", code="E_TOO_LARGE",
            hint="name fewer characteristics",
        )  # fmt: skip
