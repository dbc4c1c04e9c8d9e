"""Matches of the smallest total distance: optimal pairs, and optimal full matching."""

import numpy as np
from numpy.typing import NDArray

Edges = tuple[NDArray[np.int64], NDArray[np.int64]]
_EVEN = 1e-12
"""Share of the largest distance by which sets of equal total distance are told apart: more sets are better."""


def optimal_pairs(gap: NDArray[np.float64], ratio: int) -> Edges:
    """Return the pairs of smallest total distance among those that leave the fewest treated firms without a control.

    With a ratio above 1, they also give as many controls as possible, at most `ratio` to each treated firm.

    Parameters
    ----------
    gap : (a, b) float64
        Distance of each of a treated firms to each of b controls, infinite where they may not be a pair.
    ratio : int
        Controls wanted per treated firm.

    Returns
    -------
    treated, control : (n_pairs,) int64
        Positions, sorted by treated firm and distance. Each control occurs once at most.

    Reference
    ---------
    Rosenbaum (1989), Optimal matching for observational studies. Solved as an assignment of copies of the treated firms
    by Crouse (2016), On implementing 2D rectangular assignment algorithms.
    """
    from scipy.optimize import linear_sum_assignment

    n_treated, n_control = gap.shape
    n_copies = n_treated * ratio
    is_allowed = np.isfinite(gap)
    penalty = 2.0 * n_copies * gap[is_allowed].max(initial=0.0) or 1.0
    cost = np.empty((ratio, n_treated, max(n_control, n_copies)))
    cost[0], cost[1:] = 2.0 * penalty, penalty
    cost[:, :, :n_control] = np.where(is_allowed, gap, cost[:, :, :n_control])
    copy, control = linear_sum_assignment(cost.reshape(n_copies, -1))
    treated = copy % n_treated
    made = control < n_control
    made[made] = is_allowed[treated[made], control[made]]
    treated, control = treated[made], control[made]
    order = np.lexsort((control, gap[treated, control], treated))
    return treated[order], control[order]


def full_match(gap: NDArray[np.float64]) -> Edges:
    """Return the pairs of the optimal full matching: each firm that may be in a pair is in one, at least distance.

    They form sets of one treated firm with one or more controls, or one control with one or more treated firms.

    Parameters
    ----------
    gap : (a, b) float64
        Distance of each of a treated firms to each of b controls, infinite where they may not be in one set.

    Returns
    -------
    treated, control : (n_pairs,) int64
        Positions, sorted by treated firm and control.

    Reference
    ---------
    Rosenbaum (1991), A characterization of optimal designs for observational studies. It is an edge cover of least
    cost, made from a matching: Schrijver (2003), Combinatorial optimization, section 19.3.
    """
    from scipy.optimize import linear_sum_assignment

    is_allowed = np.isfinite(gap)
    rows, columns = np.flatnonzero(is_allowed.any(axis=1)), np.flatnonzero(is_allowed.any(axis=0))
    if not len(rows):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    inner = gap[np.ix_(rows, columns)]
    near_treated, near_control = inner.min(axis=1), inner.min(axis=0)
    extra = inner - near_treated[:, None] - near_control
    treated, control = linear_sum_assignment(np.minimum(extra, _EVEN * near_control.max()))
    chosen = np.zeros(inner.shape, dtype=bool)
    chosen[treated, control] = extra[treated, control] <= 0
    alone = np.flatnonzero(~chosen.any(axis=1))
    left = np.flatnonzero(~chosen.any(axis=0))
    chosen[alone, inner[alone].argmin(axis=1)] = True
    chosen[inner[:, left].argmin(axis=0), left] = True
    treated, control = np.nonzero(chosen)
    treated, control = _without_redundant(treated, control, inner)
    return rows[treated], columns[control]


def limited_full_match(gap: NDArray[np.float64], controls: tuple[int, float], most_treated: float) -> Edges:
    """Return the pairs of the optimal full matching whose sets are limited in size.

    As many firms as possible are placed, then the total distance is least.

    Parameters
    ----------
    gap : (a, b) float64
        Distance of each of a treated firms to each of b controls, infinite where they may not be in one set.
    controls : (int, float)
        Fewest and most controls in a set with one treated firm. A treated firm gets fewer where there are not enough.
    most_treated : float
        Most treated firms in a set with one control.

    Returns
    -------
    treated, control : (n_pairs,) int64
        Positions, sorted by treated firm and control.

    Reference
    ---------
    Hansen (2004), Full matching in an observational study of coaching for the SAT; Hansen and Klopfer (2006), Optimal
    full matching and related designs via network flows. The flow is found as a linear programme, whose vertices are
    integers: Schrijver (2003), Combinatorial optimization, theorem 21.2.
    """
    from scipy.optimize import LinearConstraint, milp
    from scipy.sparse import csr_array, eye_array, hstack

    treated, control = np.nonzero(np.isfinite(gap))
    if not len(treated):
        return treated, control
    n_treated, n_control = gap.shape
    n_arcs, n_firms = len(treated), n_treated + n_control
    cost = gap[treated, control]
    cost = cost / (cost.max() or 1.0)
    place = np.concatenate((treated, control + n_treated)), np.tile(np.arange(n_arcs), 2)
    degree = hstack([csr_array((np.ones(2 * n_arcs), place), shape=(n_firms, n_arcs)), eye_array(n_firms)])
    fewest = np.repeat([float(controls[0]), 1.0], [n_treated, n_control])
    most = np.repeat([float(controls[1]), most_treated], [n_treated, n_control])
    found = milp(
        np.append(cost, np.full(n_firms, 1.0 + n_firms)),
        constraints=LinearConstraint(degree, fewest, most),
        bounds=(0.0, np.append(np.ones(n_arcs), fewest)),
    )
    is_made = found.x[:n_arcs] > 0.5
    return _without_redundant(treated[is_made], control[is_made], gap)


def _without_redundant(treated: NDArray[np.int64], control: NDArray[np.int64], gap: NDArray[np.float64]) -> Edges:
    """Drop pairs whose firms are both in other pairs too, the widest first; only equal distances leave any."""
    n_treated, n_control = np.bincount(treated), np.bincount(control)
    is_kept = np.ones(len(treated), dtype=bool)
    for i in np.lexsort((control, treated, -gap[treated, control])):
        if n_treated[treated[i]] > 1 and n_control[control[i]] > 1:
            is_kept[i] = False
            n_treated[treated[i]] -= 1
            n_control[control[i]] -= 1
    return treated[is_kept], control[is_kept]
