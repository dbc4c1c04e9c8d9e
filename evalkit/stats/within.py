"""Least squares with firm and period effects, from group moments.

Regressors that depend only on cohort and period are the same for all firms of a group, so the regression of firm-years
equals the weighted regression of group means on the same regressors, and the firm-clustered sandwich follows from the
groups' products.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EstimationError
from evalkit.stats.least_squares import least_squares
from evalkit.stats.moments import Moments


@dataclasses.dataclass(frozen=True, eq=False)
class Solved:
    """What every fitted regression of one outcome has.

    Parameters
    ----------
    coefficient : (p,) float64
        Of the regressors of interest.
    bread : (p, p) float64
        Their part of the inverse of X'X.
    residual_square : float
        Sum of squared residuals (of a weighted one for weights of 1 only, in `Fit`).
    n_firms, n_rows : int
        Distinct firms and firm-years with at least two observed periods.
    n_periods : int
        Periods with data, or all other regressors and one.
    """

    coefficient: NDArray[np.float64]
    bread: NDArray[np.float64]
    residual_square: float
    n_firms: int
    n_rows: int
    n_periods: int


@dataclasses.dataclass(frozen=True, eq=False)
class Fit(Solved):
    """A fitted regression on the regressors of groups; see `Solved`.

    Parameters
    ----------
    influence : (C, p, T + 1) float64
        Matrix A of each group: the firm's influence is A v with v = (w, w y).
    inner : (C, T, P) float64
        All P regressors, period effects after the p of interest, less their means over each group's observed periods.
    whole_bread : (P, P) float64
        Inverse of X'X of all of them.
    fitted : (C, T) float64
        Their contribution to the outcome, 0 where not observed.
    """

    influence: NDArray[np.float64]
    inner: NDArray[np.float64]
    whole_bread: NDArray[np.float64]
    fitted: NDArray[np.float64]


def fit(
    moments: Moments, columns: slice, design: NDArray[np.float64], names: list[str],
    effects: NDArray[np.float64] | None = None,
) -> Fit:  # fmt: skip
    """Fit y_it = firm_i + period_t + z_ct' b by least squares.

    Parameters
    ----------
    moments : Moments
        Group moments; firms seen in fewer than two periods say nothing and are left out.
    columns : slice
        The outcome's T columns.
    design : (C, T, p) float64
        Regressors of each group; period effects are added here.
    names : list of str
        Names of the p regressors, and of the first of the other effects, for messages.
    effects : (C, T, q) float64, optional
        Columns of other effects that take the place of the period effects.

    Raises
    ------
    EstimationError
        The regressors are collinear with each other or with the effects (`E_COLLINEAR`, names them); nothing is left
        to estimate from (`E_NO_POST`).
    """
    seen = moments.observed[:, columns]
    use = seen.sum(axis=1) >= 2
    seen = seen & use[:, None]
    live = require_two_periods(seen)
    n_groups, n_periods, n_regressors = design.shape
    if effects is None:
        effects = period_effects(live, design.shape)
    full = np.concatenate([design, effects], axis=2)
    inner = demeaned(full, seen)
    mass = moments.total[:, 0]
    total = moments.total[:, 1:][:, columns]
    root = np.where(use, np.sqrt(mass), 0.0)
    mean = demeaned((total / mass[:, None])[:, :, None], seen)[:, :, 0]
    x = (inner * root[:, None, None]).reshape(-1, full.shape[2])
    before = np.sqrt(np.einsum("ctj,ct,c->j", full**2, seen.astype(float), np.where(use, mass, 0.0)))
    b, bread = least_squares(x, (mean * root[:, None]).reshape(-1), names, before)
    fitted = full @ b
    influence = np.empty((n_groups, full.shape[2], n_periods + 1))
    influence[:, :, 1:] = np.einsum("ij,ctj->cit", bread, inner)
    influence[:, :, 0] = -np.einsum("cit,ct->ci", influence[:, :, 1:], np.where(seen, fitted, 0.0))
    counts = np.where(use, moments.n, 0)
    return Fit(
        coefficient=b[:n_regressors],
        influence=influence[:, :n_regressors],
        bread=bread[:n_regressors, :n_regressors],
        residual_square=_residual_square(moments, columns, fitted, seen),
        n_firms=int(counts.sum()),
        n_rows=int((counts * seen.sum(axis=1)).sum()),
        n_periods=effects.shape[2] + 1,
        inner=inner,
        whole_bread=bread,
        fitted=np.where(seen, fitted, 0.0),
    )


def require_two_periods(seen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the positions of the periods that some group (C, T) has.

    Raises
    ------
    EstimationError
        There are fewer than two (`E_NO_POST`).
    """
    live = np.flatnonzero(seen.any(axis=0)).astype(np.int64)
    if len(live) < 2:
        raise EstimationError("no firm is observed in two periods", code="E_NO_POST")
    return live


def period_effects(live: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return an indicator of each of some periods but the first, for a design of shape (C, T, p): (C, T, len - 1)."""
    periods = np.zeros((shape[1], len(live) - 1))
    periods[live[1:], np.arange(len(live) - 1)] = 1.0
    return np.broadcast_to(periods, (shape[0], *periods.shape))


def demeaned(
    z: NDArray[np.float64], seen: NDArray[np.bool_], beyond: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:  # fmt: skip
    """Subtract each group's mean over its observed periods, in some others `beyond` them too; zero elsewhere.

    z is (C, T, p).
    """
    weight = seen[:, :, None].astype(float)
    count = np.maximum(weight.sum(axis=1, keepdims=True), 1.0)
    mean = (z * weight).sum(axis=1, keepdims=True) / count
    centred: NDArray[np.float64] = (z - mean) * (weight if beyond is None else (seen | beyond)[:, :, None])
    return centred


def _residual_square(moments: Moments, columns: slice, fitted: NDArray[np.float64], seen: NDArray[np.bool_]) -> float:
    """Return the sum of squared within residuals, from sums of products."""
    product = moments.product[:, 1:, 1:][:, columns, columns]
    total = moments.total[:, 1:][:, columns]
    square = 0.0
    for group in np.flatnonzero(seen.any(axis=1)):
        s = seen[group].astype(float)
        m = np.diag(s) - np.outer(s, s) / s.sum()
        f = fitted[group] * s
        spread = (
            product[group] - np.outer(total[group], f) - np.outer(f, total[group]) + moments.n[group] * np.outer(f, f)
        )
        square += float((m * spread).sum())
    return square
