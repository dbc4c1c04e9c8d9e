"""What both sides of group-time effects with covariates take out of residuals, for few treated firms.

Given covariates and propensity scores an effect is a weighted sum of changes: the load a of a firm of the cohort is w
over their sum, that of a comparison firm omega over its sum W plus w x'u (see `stats.doubly_robust`). Residuals are
taken from the regression's prediction x'B and from the mean of their side. With changes of variance 1/w, independent,
and X the inverse of sum w x x' over the comparison firms, the sums i, j of loaded residuals of two sets of firms have
the covariance [i = j] T_i + f_i'K f_j, where T = sum a^2 / w and f = (V, A, O) has

- V = sum a (x - m), in the metric of X, with m the mean of the side where residuals are taken from one;
- A = sum a;
- O = sum a omega / (w W), for comparison firms weighted by omega only.

For the cohort f'K f = |V|^2 - A^2 / sum w; for comparison firms weighted by omega -|V|^2 - 2 A O + A^2 S with
S = sum omega^2 / w / W^2; for a regression alone -|V|^2, its hat values. Sets of the two sides are unrelated, as
residuals of least squares are to its coefficients. CR2 divides what a set adds to the effect by the root of
1 + f'K f / T, so that its square has the right mean; CR3 by 1 - f'J f / T, the set's say in what its own residuals are
taken from (for one firm the jackknife at given scores). What the scores' own estimation adds is of a lower order, and
multiplied with the same factor. Without covariates both are those of a difference of means.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.arms import Firms, Pool
from evalkit.stats.cluster import POWER, Correction, rest_power
from evalkit.stats.doubly_robust import Regression, Scores, Solved, Sums
from evalkit.stats.scratch import Scratch


class Side(NamedTuple):
    """One side of an arm: what f is made of, and K and J.

    Parameters
    ----------
    root : (p, r) float64
        X is root root'.
    centre : (r,) float64
        The mean m in the metric of X.
    kernel, lever : (r + 2, r + 2) float64
        K and J.
    """

    root: NDArray[np.float64]
    centre: NDArray[np.float64]
    kernel: NDArray[np.float64]
    lever: NDArray[np.float64]


class Loaded(NamedTuple):
    """T (n,) and f (n, r + 2) of firms, or of sets of them: sums over each."""

    own: NDArray[np.float64]
    f: NDArray[np.float64]


def sides(j: int, sums: Sums, regression: Regression, square: float | None) -> tuple[Side, Side]:
    """Return the cohort's and the comparison firms' side of arm j; `square` is S, None without scores."""
    used = np.flatnonzero(np.diag(regression.inverse))
    r, mass = len(used), sums.x[j, 0]
    root = np.zeros((len(regression.inverse), r))
    root[used] = np.linalg.cholesky(regression.inverse[np.ix_(used, used)])
    along = np.diag(np.r_[np.ones(r), 0.0, 0.0])
    mean = np.zeros_like(along)
    mean[r, r] = 1.0 / mass
    treated = Side(root, root.T @ sums.x[j] / mass, along - mean, mean)
    if square is None:
        return treated, Side(root, np.zeros(r), -along, along)
    centre = root.T @ sums.odds_x[j] / sums.odds_x[j, 0]
    kernel, lever = -along, along.copy()
    kernel[r, r] = square
    kernel[r, r + 1] = kernel[r + 1, r] = -1.0
    lever[r, :r] = lever[:r, r] = centre / 2
    lever[r, r + 1] = lever[r + 1, r] = 0.5
    return treated, Side(root, centre, kernel, lever)


def control_loads(
    firms: Firms, pool: Pool, members: Sequence[int], solved: Sequence[Solved], scores: Scores | None,
    place: tuple[slice, Scratch],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Return the loads and omega / W of a pool's firms (arms, m), 0 outside the pool."""
    part, scratch = place
    load = firms.x.linear(part, np.stack([solved[j].along_outcome for j in members], axis=1))
    load = load * firms.control_weight(pool, part)
    if scores is None:
        return load, np.zeros_like(load)
    drawn = scores.draw(firms, pool, members, part, scratch)[0].drawn
    drawn = drawn / np.array([[solved[j].odds_mass] for j in members])
    return load + drawn, drawn


def loaded(
    firms: Firms, rows: NDArray[np.intp], side: Side, load: NDArray[np.float64], drawn: NDArray[np.float64]
) -> Loaded:  # fmt: skip
    """Return T and f of single firms with their loads and omega / W (m,)."""
    weight = firms.weight[rows]
    along = firms.x.linear(rows, side.root).T - side.centre
    return Loaded(load**2 / weight, np.column_stack([along, np.ones(len(rows)), drawn / weight]) * load[:, None])


def factors(found: Loaded, side: Side, correction: Correction) -> NDArray[np.float64]:
    """Return what the residuals of each firm or set (n,) are multiplied with; 1 where it has no load."""
    matrix = -side.kernel if correction == "cr2" else side.lever
    taken = ((found.f @ matrix) * found.f).sum(axis=1)
    share = np.divide(taken, found.own, out=np.zeros_like(taken), where=found.own > 0)
    return rest_power(share, POWER[correction])
