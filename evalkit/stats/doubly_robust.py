"""Sums and influence of doubly robust group-time effects over blocks of firms.

With w the firms' weights, z their outcomes less their own mean, C the comparison firms of a pool and G a cohort:
B = (sum_C w x x')^-1 sum_C w x z' predicts outcomes without the award, omega = w exp(x'gamma) weights comparison firms
to look like the cohort. The effect is the mean of change - predicted change over the cohort (weights w) less the same
over comparison firms (weights omega). All changes are differences of two columns, so every sum is taken once for all
cells; the influence of a firm on a cell follows from few coefficients of the cell. x has a constant first, so that sums
of x w hold the sum of w.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.arms import Arm, Firms, Pool, Scratch, by_pool, chunks
from evalkit.stats.logits import Drawn, Support, draw, odds

Adjustment = Literal["regression", "ipw", "doubly_robust"]
EXTREME = 0.999
"""A treated firm with a propensity score from here on has no comparison firm like it."""


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """Propensity scores of all arms.

    Parameters
    ----------
    beta : (p, arms) float64
        Coefficients of their logits.
    support : sequence of Support
        Where each applies.
    trim : float
        Comparison firms with a score from here on have no weight.
    """

    beta: NDArray[np.float64]
    support: Sequence[Support]
    trim: float

    def draw(
        self, firms: Firms, pool: Pool, members: Sequence[int], part: slice, scratch: Scratch
    ) -> tuple[Drawn, NDArray[np.intp]]:
        """Weight a pool's firms by the scores of its arms; returns how many each of them trims too."""
        found = draw(firms, pool, [self.support[j] for j in members], self.beta[:, members], part, scratch)
        trimmed = np.zeros(len(members), dtype=np.intp)
        for j, (share, drawn) in enumerate(zip(found.share, found.drawn, strict=True)):
            if share.min() <= 1.0 - self.trim:
                high = (share <= 1.0 - self.trim) & (drawn > 0)
                trimmed[j] = np.count_nonzero(high)
                drawn[high] = 0.0
        return found, trimmed


@dataclasses.dataclass(eq=False)
class Sums:
    """Sums over firms for each of the arms, with p regressors and the D columns of outcomes.

    Parameters
    ----------
    x, z : (arms, p), (arms, D)
        Of the cohort's firms, weighted by w.
    control_xx, control_xz : (arms, p, p), (arms, p, D)
        Products over the pool's firms, weighted by w; at the first arm of each pool.
    odds_x, odds_xx, odds_xz : (arms, p), (arms, p, p), (arms, p, D)
        Over the pool's firms, weighted by omega.
    information : (arms, p, p)
        Of the logit.
    n_trimmed, n_extreme : (arms,)
        Comparison firms whose score is too high; firms of the cohort with a score near 1.
    """

    x: NDArray[np.float64]
    z: NDArray[np.float64]
    control_xx: NDArray[np.float64]
    control_xz: NDArray[np.float64]
    odds_x: NDArray[np.float64]
    odds_xx: NDArray[np.float64]
    odds_xz: NDArray[np.float64]
    information: NDArray[np.float64]
    n_trimmed: NDArray[np.intp]
    n_extreme: NDArray[np.intp]

    @classmethod
    def none(cls, n_arms: int, p: int, d: int) -> "Sums":
        """Return sums over no firm."""
        gram, cross = (n_arms, p, p), (n_arms, p, d)
        return cls(
            x=np.zeros((n_arms, p)), z=np.zeros((n_arms, d)), control_xx=np.zeros(gram), control_xz=np.zeros(cross),
            odds_x=np.zeros((n_arms, p)), odds_xx=np.zeros(gram), odds_xz=np.zeros(cross), information=np.zeros(gram),
            n_trimmed=np.zeros(n_arms, np.intp), n_extreme=np.zeros(n_arms, np.intp),
        )  # fmt: skip

    def __iadd__(self, other: "Sums") -> "Sums":
        for field in dataclasses.fields(self):
            getattr(self, field.name)[...] += getattr(other, field.name)
        return self


def sum_block(
    firms: Firms, found: Sequence[Arm], scores: Scores | None, y: NDArray[np.float64], rows: slice
) -> Sums:  # fmt: skip
    """Sum one block of firms.

    Parameters
    ----------
    firms : Firms
        All firms.
    found : sequence of Arm
        Cohorts and their comparison firms.
    scores : Scores or None
        None without propensity scores.
    y : (m, D) float64
        Outcomes of the block's firms.
    rows : slice
        Where the m firms stand among all.
    """
    x, scratch = firms.x, Scratch()
    sums = Sums.none(len(found), len(x.names), y.shape[1])
    for j, arm in enumerate(found):
        _add_treated(sums, j, firms, arm, scores, (y, rows))
    for part in chunks(rows):
        width = part.stop - part.start
        z = centred(y, firms.seen, part, rows.start, scratch)
        weighted = scratch("weighted", len(x.numbers), width)
        for pool, members in by_pool(found):
            own = z if len(pool.columns) == len(z) else z[pool.columns]
            product = scratch("product", len(own), width)
            weight = firms.control_weight(pool, part)
            sums.control_xx[members[0]] += x.gram(part, weight, weighted)
            sums.control_xz[members[0]][:, pool.columns] += x.cross(part, np.multiply(own, weight, out=product))
            if scores is None:
                continue
            drawn, n_trimmed = scores.draw(firms, pool, members, part, scratch)
            sums.n_trimmed[members] += n_trimmed
            sums.odds_x[members] += x.cross(part, drawn.drawn).T
            for j, omega, spread in zip(members, drawn.drawn, drawn.spread, strict=True):
                sums.odds_xx[j] += x.gram(part, omega, weighted)
                sums.odds_xz[j][:, pool.columns] += x.cross(part, np.multiply(own, omega, out=product))
                sums.information[j] += x.gram(part, spread, weighted)
    return sums


def centred(
    y: NDArray[np.float64], seen: NDArray[np.bool_] | None, part: slice, first: int, scratch: Scratch
) -> NDArray[np.float64]:
    """Return outcomes of some firms column by column (D, m), each firm's less its own mean, 0 where not observed.

    Effects are made of changes within firms, so nothing is lost; sums keep the digits that levels would take.
    """
    local = slice(part.start - first, part.stop - first)
    z = scratch("outcome", y.shape[1], part.stop - part.start)
    np.copyto(z, y[local].T)
    own = None if seen is None else seen[part]
    if own is None or own.all():
        z -= z.mean(axis=0)
        return z
    z[~own.T] = 0.0
    z -= z.sum(axis=0) / np.maximum(own.sum(axis=1), 1)
    z[~own.T] = 0.0
    return z


def _add_treated(
    sums: Sums, j: int, firms: Firms, arm: Arm, scores: Scores | None, block: tuple[NDArray[np.float64], slice]
) -> None:
    y, rows = block
    own = firms.treated(arm, rows)
    if not own.size:
        return
    weight = firms.weight[own]
    sums.x[j] = firms.x.sums(own, weight)
    z = y[own - rows.start]
    seen = np.ones_like(z, dtype=bool) if firms.seen is None else firms.seen[own]
    z = np.where(seen, z, 0.0)
    mean = z.sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    sums.z[j] = np.where(seen, z - mean[:, None], 0.0).T @ weight
    if scores is not None:
        share = 1.0 / (1.0 + odds(firms.x, own, scores.beta[:, [j]])[0])
        sums.n_extreme[j] = np.count_nonzero(share <= 1.0 - EXTREME)
        sums.information[j] = firms.x.gram(own, weight * share * (1.0 - share))


@dataclasses.dataclass(frozen=True, eq=False)
class Regression:
    """Outcome regression of a pool: coefficients (p, D), 0 without one, and the inverse of sum w x x' (p, p)."""

    slopes: NDArray[np.float64]
    inverse: NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Solved:
    """Effects of an arm's K cells and the coefficients of their influence.

    Parameters
    ----------
    estimate, treated_mean, control_mean : (K,)
        Effect of each cell; mean residual change of the cohort and of the weighted comparison firms.
    mass, odds_mass : float
        Sums of weights of both sides.
    slopes : (p, D)
        Of the outcome regression, 0 without one.
    along_outcome : (p,)
        Influence of a comparison firm through the outcome regression: -w x'u times its residual change.
    along_score : (p, K)
        Influence of a firm through the propensity score: -w (d - score) x'v, d for the cohort's own.
    """

    estimate: NDArray[np.float64]
    treated_mean: NDArray[np.float64]
    control_mean: NDArray[np.float64]
    mass: float
    odds_mass: float
    slopes: NDArray[np.float64]
    along_outcome: NDArray[np.float64]
    along_score: NDArray[np.float64]


def solve(arm: Arm, j: int, sums: Sums, regression: Regression, support: Support | None) -> Solved:
    """Return the effects of an arm's cells and the coefficients of their influence.

    Parameters
    ----------
    arm : Arm
        Cohort, pool and K cells.
    j : int
        Its number.
    sums : Sums
        Over all blocks.
    regression : Regression
        Of its pool.
    support : Support or None
        Identified columns of its logit; None without one.

    Reference
    ---------
    Sant'Anna and Zhao (2020), equations 2.2, 2.4 and 3.1, theorem A.1 on the influence of estimated nuisance functions;
    the propensity score by maximum likelihood and the regression by least squares.
    """
    slopes, inverse = regression.slopes, regression.inverse
    mass, centre = float(sums.x[j, 0]), sums.x[j] / sums.x[j, 0]
    treated = _change(sums.z[j] / mass - centre @ slopes, arm)
    if support is None:
        none, flat = np.zeros_like(treated), np.zeros((len(centre), len(treated)))
        return Solved(treated, treated, none, mass, np.inf, slopes, inverse @ centre, flat)
    odds_mass = float(sums.odds_x[j, 0])
    left = (sums.odds_xz[j] - sums.odds_xx[j] @ slopes) / odds_mass
    control, drawn = _change(left[0], arm), sums.odds_x[j] / odds_mass
    spread = _change(left, arm) - np.outer(drawn, control)
    used = support.columns
    along = np.zeros_like(spread)
    along[used] = np.linalg.solve(sums.information[j][np.ix_(used, used)], spread[used])
    through = inverse @ (centre - drawn)
    return Solved(treated - control, treated, control, mass, odds_mass, slopes, through, along)


def _change(columns: NDArray[np.float64], arm: Arm) -> NDArray[np.float64]:
    """Return the change of each cell (..., K) from values of all columns (..., D)."""
    found: NDArray[np.float64] = columns[..., arm.at] - columns[..., arm.since]
    return found


def influence(
    firms: Firms, found: Sequence[Arm], scores: Scores | None, solved: Sequence[Solved],
    place: tuple[NDArray[np.float64], slice, int], scratch: Scratch,
) -> NDArray[np.float64]:  # fmt: skip
    """Return the influence of some firms on all cells (K, m), cells in the order of the arms.

    Parameters
    ----------
    firms : Firms
        All firms.
    found : sequence of Arm
        Arms; those of one pool follow each other.
    scores : Scores or None
        None without propensity scores.
    solved : sequence of Solved
        Of each arm.
    place : (m_block, D) float64, slice, int
        Outcomes of a block, the m firms among all, and the number of the block's first.
    scratch : Scratch
        Arrays to work in, the result among them.
    """
    y, part, first = place
    z = centred(y, firms.seen, part, first, scratch)
    width = part.stop - part.start
    psi = scratch("influence", sum(len(arm.cells) for arm in found), width)
    row = 0
    for pool, members in by_pool(found):
        columns, own = pool.columns, [solved[j] for j in members]
        fitted = firms.x.linear(part, own[0].slopes[:, columns], scratch("fitted", len(columns), width))
        left = np.subtract(z if len(columns) == len(z) else z[columns], fitted, out=fitted)
        through = np.stack([s.along_outcome for s in own], axis=1)
        factor = firms.x.linear(part, through, scratch("factor", len(members), width))
        if scores is None:
            drawn = None
            factor *= firms.control_weight(pool, part)
        else:
            drawn, _ = scores.draw(firms, pool, members, part, scratch)
            factor *= drawn.weight
            drawn.drawn[...] /= np.array([s.odds_mass for s in own])[:, None]
            factor += drawn.drawn
        for k, j in enumerate(members):
            rows = slice(row, row + len(found[j].cells))
            change = scratch("change", rows.stop - rows.start, width)
            np.take(left, np.searchsorted(columns, found[j].at), axis=0, out=change, mode="clip")
            change -= np.take(left, np.searchsorted(columns, found[j].since), axis=0, out=psi[rows], mode="clip")
            treated = firms.treated(found[j], part)
            theirs = change[:, treated - part.start]
            change *= factor[k]
            if drawn is None:
                np.negative(change, out=psi[rows])
            else:
                firms.x.linear(part, own[k].along_score, psi[rows])
                psi[rows] *= drawn.scored[k]
                psi[rows] -= change
                psi[rows] += np.multiply(own[k].control_mean[:, None], drawn.drawn[k], out=change)
            beta = None if scores is None else scores.beta[:, [j]]
            psi[rows, treated - part.start] = _treated_influence(firms, treated, own[k], theirs, beta)
            row = rows.stop
    return psi


def _treated_influence(
    firms: Firms, treated: NDArray[np.intp], solved: Solved, change: NDArray[np.float64],
    beta: NDArray[np.float64] | None,
) -> NDArray[np.float64]:  # fmt: skip
    """Return the influence of a cohort's own firms on its cells (K, m)."""
    weight = firms.weight[treated]
    found = (change - solved.treated_mean[:, None]) * (weight / solved.mass)
    if beta is not None:
        found -= weight / (1.0 + odds(firms.x, treated, beta)) * firms.x.linear(treated, solved.along_score)
    return np.asarray(found, np.float64)
