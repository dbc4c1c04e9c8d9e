"""Changes of outcomes in matched sets: one cell's effect and each firm's influence on it.

Sums are taken over sorted values, so that neither the order of firms nor their names change a bit.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.moments import clustered


@dataclasses.dataclass(frozen=True, eq=False)
class CohortSets:
    """The matched sets of one award cohort.

    Parameters
    ----------
    cohort : int
        First treated period.
    treated, control : (m,), (p,) int64
        Rows of firms in the panel; a control may occur in several sets.
    treated_set, control_set : (m,), (p,) int64
        The set of each, from 0.
    treated_weight, control_weight : (m,), (p,) float64
        Weights within the set.
    until : (p,) int64
        Last period in which a control counts.
    """

    cohort: int
    treated: NDArray[np.int64]
    control: NDArray[np.int64]
    treated_set: NDArray[np.int64]
    control_set: NDArray[np.int64]
    treated_weight: NDArray[np.float64]
    control_weight: NDArray[np.float64]
    until: NDArray[np.int64]

    @property
    def firms(self) -> NDArray[np.int64]:
        """Rows of all its firms, each once, sorted."""
        return np.union1d(self.treated, self.control)


@dataclasses.dataclass(frozen=True, eq=False)
class SetEffect:
    """The effect of one cell.

    Parameters
    ----------
    estimate : float
        Mean over treated firms of their change less the weighted mean change of their set.
    influence : (n,) float64
        Of each of the cohort's firms, in the order of `CohortSets.firms`.
    n_treated, n_control : int
        Distinct firms that enter.
    """

    estimate: float
    influence: NDArray[np.float64]
    n_treated: int
    n_control: int


def set_effect(sets: CohortSets, change: NDArray[np.float64], year: int) -> SetEffect | None:
    """Compare the changes of treated firms with those of their sets in one period.

    Controls whose change is not known, or that no longer count, leave their set, and the others of the set share its
    weight; a treated firm whose set is empty leaves too. Influence takes weights as given: with K_c the weight of a
    control over all sets and D its change, psi_i = (D_i - mean_c - effect) / M and psi_c = -K_c (D_c - mean_c) / M,
    where mean_c is the controls' mean with weights K.

    Parameters
    ----------
    sets : CohortSets
        Who is compared with whom.
    change : (n,) float64
        Change of the outcome of each of `sets.firms` up to the period, NaN when not known.
    year : int
        The period.

    Returns
    -------
    SetEffect or None
        None when no treated firm and control are left.

    Reference
    ---------
    Imai, Kim and Wang (2023), equation 8 (the estimator).
    """
    firms = sets.firms
    at_treated, at_control = np.searchsorted(firms, sets.treated), np.searchsorted(firms, sets.control)
    ours, others = change[at_treated], change[at_control]
    own = np.where(np.isfinite(ours), sets.treated_weight, 0.0)
    given = np.where(np.isfinite(others) & (year <= sets.until), sets.control_weight, 0.0)
    n_sets = int(max(sets.treated_set.max(initial=0), sets.control_set.max(initial=0))) + 1
    mass, supply = (grouped_sum(*x, n_sets) for x in ((sets.treated_set, own), (sets.control_set, given)))
    is_whole = (mass > 0) & (supply > 0)
    own = np.where(is_whole[sets.treated_set], own, 0.0)
    share = np.divide(mass, supply, out=np.zeros(n_sets), where=is_whole)
    given = given * share[sets.control_set]
    total = sorted_sum(own)
    if not total:
        return None
    used = [own > 0, given > 0]
    means = [sorted_sum(w[u] * d[u]) / total for w, u, d in zip((own, given), used, (ours, others), strict=True)]
    influence = np.zeros(len(firms))
    ours_moved = own[used[0]] * (ours[used[0]] - means[0])
    others_moved = grouped_sum(at_control[used[1]], given[used[1]], len(firms))
    np.add.at(influence, at_treated[used[0]], ours_moved / total)
    is_control = others_moved > 0
    influence[is_control] -= others_moved[is_control] * (change[is_control] - means[1]) / total
    n_control = int(is_control.sum())
    return SetEffect(means[0] - means[1], influence, int(used[0].sum()), n_control)


def covariance(
    parts: list[tuple[NDArray[np.int64], NDArray[np.float64]]], cluster: NDArray[np.int64] | None, n_second: int
) -> NDArray[np.float64]:
    """Return the covariance (K, K) of all cells, clustered by firm or by what firms belong to.

    Parameters
    ----------
    parts : list of (n_g,) int64 and (n_g, K_g) float64
        Rows of a cohort's firms and their influence on its cells; cohorts share firms.
    cluster : (n_firms,) int64 or None
        Cluster of each firm of the panel; None when each is its own.
    n_second : int
        Levels of a second way of clustering, 0 for one way.
    """
    if cluster is not None:
        codes = np.unique(np.concatenate([cluster[rows] for rows, _ in parts]))
        by_cluster = [
            np.stack([grouped_sum(np.searchsorted(codes, cluster[rows]), p, len(codes)) for p in psi.T], axis=1)
            for rows, psi in parts
        ]
        return clustered(np.concatenate(by_cluster, axis=1), codes, n_second)
    ends = np.cumsum([0, *(psi.shape[1] for _, psi in parts)])
    vcov = np.zeros((ends[-1], ends[-1]))
    for g, (rows, psi) in enumerate(parts):
        for h, (other_rows, other) in enumerate(parts[: g + 1]):
            _, mine, theirs = np.intersect1d(rows, other_rows, assume_unique=True, return_indices=True)
            both = np.concatenate([psi[mine], other[theirs]], axis=1)
            both = both[np.lexsort(both.T)]
            block = both[:, : psi.shape[1]].T @ both[:, psi.shape[1] :]
            vcov[ends[g] : ends[g + 1], ends[h] : ends[h + 1]] = block
            vcov[ends[h] : ends[h + 1], ends[g] : ends[g + 1]] = block.T
    return (vcov + vcov.T) / 2


def sorted_sum(values: NDArray[np.float64]) -> float:
    """Return the sum of values (n,), the same for any order of them."""
    return float(np.sort(values).sum())


def grouped_sum(group: NDArray[np.int64], values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return the sum of values (m,) in each of n groups, the same for any order of them."""
    order = np.lexsort((values, group))
    return np.bincount(group[order], values[order], n).astype(np.float64)
