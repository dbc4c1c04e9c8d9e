"""Balance within cohorts and within subclasses: groups that are alike on the whole may differ in their parts."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.model.sample import MatchedSample
from evalkit.stats.balance import Groups, is_share, spread, weighted_variance
from evalkit.stats.covariates import Covariate


@dataclasses.dataclass(frozen=True)
class Part:
    """Balance of one cohort or subclass.

    Parameters
    ----------
    part : int
        The cohort, or the number of the subclass.
    n_treated, n_control : int
        Firms that stay.
    effective_controls : float
        Kish's effective number of the controls.
    max_smd : float
        Largest absolute difference of means after matching, over the standard deviation of all treated firms.
    covariate, level : str
        Where it is.
    """

    part: int
    n_treated: int
    n_control: int
    effective_controls: float
    max_smd: float
    covariate: str
    level: str


@dataclasses.dataclass(frozen=True, eq=False)
class Members:
    """Firms of each part, with the weight they have in it; a firm may stand in several parts.

    Parameters
    ----------
    rows : (m,) int64
        Row numbers in the panel.
    part : (m,) int64
        Position of the part.
    weight : (m,) float64
        Weight there, above 0.
    """

    rows: NDArray[np.int64]
    part: NDArray[np.int64]
    weight: NDArray[np.float64]

    @classmethod
    def alone(cls, weight: NDArray[np.float64]) -> "Members":
        """Return the members of a single part, from weights of all firms (n_firms,)."""
        rows = np.flatnonzero(weight)
        return cls(rows, np.zeros(len(rows), dtype=np.int64), weight[rows])


def cohort_balance(sample: MatchedSample, covariates: Sequence[Covariate], groups: Groups) -> list[Part]:
    """Compare the treated firms of each cohort with their own controls.

    Those are the controls of its pairs; where there are cells, the controls of each cell in proportion to the cohort's
    treated firms in it; otherwise all controls with their weights.

    Parameters
    ----------
    sample : MatchedSample
        The sample.
    covariates : sequence of Covariate
        Of all firms of the panel.
    groups : Groups
        Treated and control firms, and weights.
    """
    kept, cohort = groups.treated & (groups.weight > 0), sample.panel.cohort
    spreads = [_spread(covariate, groups) for covariate in covariates]
    found = []
    for label in np.unique(cohort[kept]):
        own = kept & (cohort == label)
        treated = Members.alone(np.where(own, groups.weight, 0.0))
        control = Members.alone(_cohort_controls(sample, groups, kept, own))
        found += _parts(np.array([label]), treated, control, list(zip(covariates, spreads, strict=True)))
    return found


def subclass_balance(sample: MatchedSample, covariates: Sequence[Covariate], groups: Groups) -> list[Part]:
    """Compare treated and control firms within each subclass or cell of a sample."""
    kept = (groups.weight > 0) & (sample.subclass >= 0)
    labels = np.unique(sample.subclass[kept])
    treated, control = (
        Members(rows, np.searchsorted(labels, sample.subclass[rows]), groups.weight[rows])
        for rows in (np.flatnonzero(kept & group) for group in (groups.treated, groups.control))
    )
    return _parts(labels, treated, control, [(covariate, _spread(covariate, groups)) for covariate in covariates])


def _cohort_controls(
    sample: MatchedSample, groups: Groups, kept: NDArray[np.bool_], own: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the weight (n_firms,) that controls have for the treated firms in `own`, out of those in `kept`."""
    if sample.pairs.num_rows:
        treated, control = (sample.pairs.column(name).to_numpy() for name in ("treated", "control"))
        n_controls = np.bincount(treated, minlength=len(own))
        is_own = own[treated]
        share = groups.weight[treated] / n_controls[treated]
        return np.bincount(control[is_own], share[is_own], len(own)).astype(np.float64)
    weight = np.where(groups.control, groups.weight, 0.0)
    if not (sample.subclass >= 0).any():
        return weight
    mass, whole = (
        np.bincount(sample.subclass[firms] + 1, groups.weight[firms], int(sample.subclass.max()) + 2)
        for firms in (own, kept)
    )
    of_cell = np.divide(mass, whole, out=np.zeros(len(mass)), where=whole > 0)
    return np.asarray(weight * of_cell[sample.subclass + 1])


def _parts(
    labels: NDArray[np.int32],
    treated: Members,
    control: Members,
    covariates: Sequence[tuple[Covariate, NDArray[np.float64]]],
) -> list[Part]:
    """Find the least balanced term of each part; terms that a part lacks in one group do not count."""
    n = len(labels)
    worst, named = np.full(n, np.nan), [("", "")] * n
    for covariate, deviation in covariates:
        gap = np.abs(_means(covariate, treated, n) - _means(covariate, control, n))
        distance = np.divide(gap, deviation, out=np.where(gap > 0, np.inf, gap), where=deviation > 0)
        at = np.nan_to_num(distance, nan=-1.0, posinf=np.inf).argmax(axis=1)
        largest = distance[np.arange(n), at]
        for i in np.flatnonzero((largest > worst) | (np.isnan(worst) & ~np.isnan(largest))):
            worst[i] = largest[i]
            named[i] = (covariate.name, covariate.levels[at[i]] if covariate.levels else "")
    n_treated, n_control = (np.bincount(m.part, minlength=n) for m in (treated, control))
    mass = np.bincount(control.part, control.weight, n)
    square = np.bincount(control.part, control.weight**2, n)
    effective = np.divide(mass**2, square, out=np.zeros(n), where=square > 0)
    return [
        Part(int(labels[i]), int(n_treated[i]), int(n_control[i]), float(effective[i]), float(worst[i]), *named[i])
        for i in range(n)
    ]


def _means(covariate: Covariate, members: Members, n_parts: int) -> NDArray[np.float64]:
    """Return weighted means, or shares of levels, by part (n_parts, terms); NaN where nothing is known."""
    known = ~covariate.is_missing[members.rows]
    rows, part, weight = members.rows[known], members.part[known], members.weight[known]
    total = np.bincount(part, weight, n_parts).astype(np.float64)
    total[total == 0] = np.nan
    if covariate.levels is None:
        return np.asarray(np.bincount(part, weight * covariate.values[rows], n_parts) / total)[:, None]
    n_levels = len(covariate.levels)
    sums = np.bincount(part * n_levels + covariate.values[rows], weight, n_parts * n_levels)
    return np.asarray(sums.reshape(n_parts, n_levels) / total[:, None])


def _spread(covariate: Covariate, groups: Groups) -> NDArray[np.float64]:
    """Return what the difference of each term is divided by (terms,), as for the sample as a whole."""
    known = ~covariate.is_missing
    both = [group & known for group in (groups.treated, groups.control)]
    if covariate.levels is None and not is_share(covariate.values[known]):
        treated, control = (weighted_variance(covariate.values[g], np.ones(int(g.sum()))) for g in both)
        return np.array([spread(treated, control)])
    shares = [_means(covariate, Members.alone(group.astype(np.float64)), 1)[0] for group in both]
    if groups.is_raw:
        return np.ones(len(shares[0]))
    return np.array([spread(p * (1.0 - p), q * (1.0 - q)) for p, q in zip(*shares, strict=True)])
