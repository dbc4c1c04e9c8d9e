"""Regressions of several outcomes with firm and period effects, with their joint covariance.

What regression estimators differ in is the regressors of each group of firms; all else is here.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EstimationError
from evalkit.stats.cluster import Correction, Robust, n_treated_clusters, robust
from evalkit.stats.moments import Moments
from evalkit.stats.within import Solved, fit, period_effects

if TYPE_CHECKING:
    from evalkit.stats.own_regressors import Own

Covariance = Literal["clustered", "cr1", "cr2", "cr3", "homoskedastic"]
Choice = Literal["auto", "cr1", "cr2", "cr3"]
MOST_EFFECTS = 2_000
"""Effects of strata and periods that a regression solves for; they are columns of one matrix."""
ENOUGH_TREATED = 50
"""Treated clusters from which CR1 keeps its size; below, CR2 with Bell and McCaffrey's degrees of freedom does."""


@dataclasses.dataclass(frozen=True, eq=False)
class Design:
    """Regressors of one outcome.

    Parameters
    ----------
    columns : (C, T, p) float64
        Value of each regressor for each group of firms and period; firm and period effects are added.
    names : list of str
        What the p regressors, and the first of the effects, are called in messages.
    effects : (C, T, q) float64 or None
        Columns of effects in place of those of the periods, trends of cohorts before them.
    """

    columns: NDArray[np.float64]
    names: list[str]
    effects: NDArray[np.float64] | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    """What a regression estimator asks of a sample, and what its coefficients are called.

    Parameters
    ----------
    moments : Moments
        Groups of firms.
    designs : list of Design
        One per outcome.
    labels : dict of column to values
        Labels of the K coefficients, for `Effects`.
    n_dropped : int
        Firms left out because they have no untreated period.
    cohorts : tuple of int
        Cohorts with coefficients of their own; empty when coefficients are for all cohorts.
    own : Own or None
        Regressors that differ between the firms of a group.
    """

    moments: Moments
    designs: list[Design]
    labels: dict[str, list[object]]
    n_dropped: int
    cohorts: tuple[int, ...] = ()
    own: "Own | None" = None


@dataclasses.dataclass(frozen=True, eq=False)
class Regression:
    """Coefficients of all outcomes one after the other.

    Parameters
    ----------
    estimate : (K,) float64
    vcov : (K, K) float64
        Joint over outcomes when clustered; outcomes are taken as unrelated under equal variances.
    influence : list of (K, D + 1) float64
        For each group, the matrix A with the firm's influence A v (without the small-sample factor of CR1); empty
        under equal variances.
    dof : (K,) float64
        Degrees of freedom of the t distribution of each coefficient.
    scale : (K,) float64
        Small-sample factor of the influence: the root of that of CR1, 1 otherwise.
    is_corrected : bool
        Whether residuals were corrected (CR2, CR3), so that intervals hold with few treated firms too.
    """

    estimate: NDArray[np.float64]
    vcov: NDArray[np.float64]
    influence: list[NDArray[np.float64]]
    dof: NDArray[np.float64]
    scale: NDArray[np.float64]
    is_corrected: bool = False


def regress(
    moments: Moments, designs: Sequence[Design], covariance: Covariance = "clustered", correction: Choice = "auto"
) -> Regression:
    """Fit y_it = firm_i + period_t + z_ct' b for each outcome.

    Parameters
    ----------
    moments : Moments
        Groups of firms; the D columns are outcomes x periods.
    designs : sequence of Design
        One per outcome, in the order of the columns.
    covariance : {"clustered", "cr1", "cr2", "cr3", "homoskedastic"}
        Robust to clusters with the correction below or the one named, or the textbook formula with equal variances.
    correction : {"auto", "cr1", "cr2", "cr3"}
        What "clustered" means, see `stats.cluster.robust`; "auto" takes CR1 from 50 treated clusters on, CR2 below.

    Raises
    ------
    EstimationError
        Regressors are not identified (`E_COLLINEAR`); equal variances asked for with weights (`E_OPTION`); all firms
        in one cluster (`E_CLUSTERS`).
    """
    if covariance == "homoskedastic":
        require_equal_weights(moments)
    width = moments.observed.shape[1] // len(designs)
    fits = [
        fit(moments, slice(o * width, (o + 1) * width), d.columns, d.names, d.effects) for o, d in enumerate(designs)
    ]
    if covariance == "homoskedastic":
        return homoskedastic(fits)
    estimate = np.concatenate([f.coefficient for f in fits])
    chosen = chosen_correction(moments, correction if covariance == "clustered" else covariance)
    return joint(moments, estimate, [robust(moments, f, chosen) for f in fits], chosen)


def joint(
    moments: Moments, estimate: NDArray[np.float64], found: Sequence[Robust], correction: Correction
) -> Regression:  # fmt: skip
    """Join the coefficients of all outcomes, in the order of the columns, with their joint covariance."""
    influence = list(_influence(moments, found, moments.observed.shape[1] // len(found)))
    scale = np.concatenate([np.full(len(r.dof), r.scale) for r in found])
    vcov = moments.covariance(influence) * np.outer(scale, scale)
    dof = np.concatenate([r.dof for r in found])
    return Regression(estimate, vcov, influence, dof, scale, correction != "cr1")


def chosen_correction(moments: Moments, correction: Choice) -> Correction:
    """Return the correction that is meant with the clusters of some groups."""
    return correction_with(n_treated_clusters(moments), bool(moments.n_second), correction)


def correction_with(n_treated: int, in_two_ways: bool, correction: Choice) -> Correction:
    """Return the correction that is meant: by "auto" CR1 with at least 50 treated clusters and CR2 with fewer.

    Clusters in two ways have CR1 alone.
    """
    if in_two_ways:
        return "cr1"
    if correction != "auto":
        return correction
    return "cr1" if n_treated >= ENOUGH_TREATED else "cr2"


def stratum_effects(moments: Moments, outcome: int, n_periods: int) -> NDArray[np.float64] | None:
    """Return period effects of each stratum (C, T, q), None without strata.

    Raises
    ------
    EstimationError
        There are more than 2,000 of them (`E_TOO_LARGE`).
    """
    if moments.stratum is None:
        return None
    seen = moments.observed[:, outcome * n_periods : (outcome + 1) * n_periods]
    use = seen & (seen.sum(axis=1) >= 2)[:, None]
    pairs = [
        (s, t) for s in np.unique(moments.stratum) for t in np.flatnonzero(use[moments.stratum == s].any(axis=0))[1:]
    ]
    if len(pairs) > MOST_EFFECTS:
        raise EstimationError(
            f"{len(pairs):,} effects of strata and periods, more than {MOST_EFFECTS:,}", where="strata",
            code="E_TOO_LARGE", hint="choose strata with fewer levels",
        )  # fmt: skip
    effects = np.zeros((moments.n_groups, n_periods, len(pairs)))
    for j, (s, t) in enumerate(pairs):
        effects[moments.stratum == s, t, j] = 1.0
    return effects


def with_trends(design: Design, moments: Moments, outcome: int, last: int) -> Design:
    """Return a design with a linear trend of each cohort that is treated by the `last` period.

    Without firms that are untreated until then, the last cohort's path is the one that others' trends depart from.
    """
    n_periods = design.columns.shape[1]
    treated = (moments.cohort > 0) & (moments.cohort <= last)
    cohorts = np.unique(moments.cohort[treated])[: None if not treated.all() else -1]
    trends = (moments.cohort[:, None, None] == cohorts) * np.arange(n_periods, dtype=float)[:, None]
    effects = design.effects
    if effects is None:
        seen = moments.observed[:, outcome * n_periods : (outcome + 1) * n_periods]
        has = seen & (seen.sum(axis=1) >= 2)[:, None]
        effects = period_effects(np.flatnonzero(has.any(axis=0)), design.columns.shape)
    names = [*design.names, *(f"the trend of cohort {c}" for c in cohorts)]
    return dataclasses.replace(design, names=names, effects=np.concatenate([trends, effects], axis=2))


def clusters_seen(moments: Moments, outcome: int, n_periods: int, n_firms: int) -> int:
    """Return the clusters with a firm that has two periods of an outcome, in the way with the fewest: or the firms."""
    seen = moments.observed[:, outcome * n_periods : (outcome + 1) * n_periods].sum(axis=1) >= 2
    return min((len(np.unique(way[seen])) for way in moments.ways), default=n_firms)


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
    return moments.take(keep), int(moments.n[~keep].sum())


def _influence(moments: Moments, found: Sequence[Robust], width: int) -> Iterator[NDArray[np.float64]]:
    """Stack the influence matrices of the outcomes, group by group."""
    size = sum(len(r.dof) for r in found)
    for group in range(moments.n_groups):
        a = np.zeros((size, moments.total.shape[1]))
        row = 0
        for o, r in enumerate(found):
            block = r.influence[group]
            a[row : row + len(block), 0] = block[:, 0]
            a[row : row + len(block), 1 + o * width : 1 + (o + 1) * width] = block[:, 1:]
            row += len(block)
        yield a


def require_equal_weights(moments: Moments) -> None:
    """Refuse weights, with which variances cannot be taken as equal (`E_OPTION`)."""
    if (moments.total[:, 0] != moments.n).any():
        raise EstimationError(
            "equal variances cannot be assumed of a weighted sample", where="covariance", code="E_OPTION"
        )


def homoskedastic(fits: Sequence[Solved]) -> Regression:
    """Return the coefficients of all outcomes with the textbook formula; outcomes are taken as unrelated."""
    estimate = np.concatenate([f.coefficient for f in fits])
    vcov, row = np.zeros((len(estimate), len(estimate))), 0
    dofs: list[float] = []
    for f in fits:
        dof = f.n_rows - f.n_firms - (f.n_periods - 1) - len(f.coefficient)
        stop = row + len(f.coefficient)
        vcov[row:stop, row:stop] = f.bread * f.residual_square / dof
        row = stop
        dofs += [float(dof)] * len(f.coefficient)
    return Regression(estimate, vcov, [], np.array(dofs), np.ones(len(dofs)))
