"""Regressions of several outcomes with firm and period effects, with their joint covariance.

What regression estimators differ in is the regressors of each group of firms; all else is here.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EstimationError
from evalkit.stats.moments import Moments
from evalkit.stats.within import Fit, fit

Covariance = Literal["clustered", "homoskedastic"]


@dataclasses.dataclass(frozen=True, eq=False)
class Design:
    """Regressors of one outcome.

    Parameters
    ----------
    columns : (C, T, p) float64
        Value of each regressor for each group of firms and period; firm and period effects are added.
    names : list of str
        What the p regressors are called in messages.
    """

    columns: NDArray[np.float64]
    names: list[str]


@dataclasses.dataclass(frozen=True, eq=False)
class Regression:
    """Coefficients of all outcomes one after the other.

    Parameters
    ----------
    estimate : (K,) float64
    vcov : (K, K) float64
        Joint over outcomes when clustered; outcomes are taken as unrelated under equal variances.
    influence : list of (K, D + 1) float64
        For each group, the matrix A with the firm's influence A v (without the small-sample factor); empty under
        equal variances.
    dof : float
        Degrees of freedom of the t distribution.
    """

    estimate: NDArray[np.float64]
    vcov: NDArray[np.float64]
    influence: list[NDArray[np.float64]]
    dof: float


def regress(moments: Moments, designs: Sequence[Design], covariance: Covariance = "clustered") -> Regression:
    """Fit y_it = firm_i + period_t + z_ct' b for each outcome.

    Parameters
    ----------
    moments : Moments
        Groups of firms; the D columns are outcomes x periods.
    designs : sequence of Design
        One per outcome, in the order of the columns.
    covariance : {"clustered", "homoskedastic"}
        Clustered by firm with the small-sample factor G/(G-1) * (N-1)/(N-K), where K counts the regressors and the
        period effects but not the firm effects nested in the clusters; or the textbook formula.

    Raises
    ------
    EstimationError
        Regressors are not identified (`E_COLLINEAR`); equal variances asked for with weights (`E_OPTION`).
    """
    if covariance == "homoskedastic" and (moments.total[:, 0] != moments.n).any():
        raise EstimationError(
            "equal variances cannot be assumed of a weighted sample", where="covariance", code="E_OPTION"
        )
    width = moments.observed.shape[1] // len(designs)
    fits = [fit(moments, slice(o * width, (o + 1) * width), d.columns, d.names) for o, d in enumerate(designs)]
    estimate = np.concatenate([f.coefficient for f in fits])
    if covariance == "homoskedastic":
        vcov, dof = _homoskedastic(fits)
        return Regression(estimate, vcov, [], dof)
    influence = list(_influence(moments, fits, width))
    factor = [np.full(len(f.coefficient), np.sqrt(_small_sample(f))) for f in fits]
    scale = np.concatenate(factor)
    vcov = moments.covariance(influence) * np.outer(scale, scale)
    return Regression(estimate, vcov, influence, float(min(f.n_firms for f in fits) - 1))


def treatable(moments: Moments, first_untreated: int) -> tuple[Moments, int]:
    """Leave out cohorts that have no untreated period; returns how many firms that were.

    Parameters
    ----------
    moments : Moments
        All groups.
    first_untreated : int
        First cohort that is untreated in the first period, anticipation counted.
    """
    keep = (moments.cohort == 0) | (moments.cohort >= first_untreated)
    kept = dataclasses.replace(
        moments, cohort=moments.cohort[keep], observed=moments.observed[keep], n=moments.n[keep],
        total=moments.total[keep], product=moments.product[keep],
    )  # fmt: skip
    return kept, int(moments.n[~keep].sum())


def _influence(moments: Moments, fits: Sequence[Fit], width: int) -> Iterator[NDArray[np.float64]]:
    """Stack the influence matrices of the outcomes, group by group."""
    size = sum(len(f.coefficient) for f in fits)
    for group in range(moments.n_groups):
        a = np.zeros((size, moments.total.shape[1]))
        row = 0
        for o, f in enumerate(fits):
            block = f.influence[group]
            a[row : row + len(block), 0] = block[:, 0]
            a[row : row + len(block), 1 + o * width : 1 + (o + 1) * width] = block[:, 1:]
            row += len(block)
        yield a


def _small_sample(f: Fit) -> float:
    k = len(f.coefficient) + f.n_periods
    return f.n_firms / (f.n_firms - 1) * (f.n_rows - 1) / (f.n_rows - k)


def _homoskedastic(fits: Sequence[Fit]) -> tuple[NDArray[np.float64], float]:
    size = sum(len(f.coefficient) for f in fits)
    vcov, row = np.zeros((size, size)), 0
    dofs: list[int] = []
    for f in fits:
        dof = f.n_rows - f.n_firms - (f.n_periods - 1) - len(f.coefficient)
        stop = row + len(f.coefficient)
        vcov[row:stop, row:stop] = f.bread * f.residual_square / dof
        row = stop
        dofs.append(dof)
    return vcov, float(min(dofs))
