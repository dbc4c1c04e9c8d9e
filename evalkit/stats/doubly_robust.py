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
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.arms import Arm, Firms, Pool, by_pool
from evalkit.stats.logits import Drawn, Support, draw, odds
from evalkit.stats.regressors import Regressors
from evalkit.stats.scratch import Scratch, chunks

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
    firms: Firms, found: Sequence[Arm], scores: Scores | None, z: NDArray[np.float64], rows: slice
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
    z : (D, m) float64
        Outcomes of the block's firms as `centre` leaves them.
    rows : slice
        Where the m firms stand among all.
    """
    x, scratch = firms.x, Scratch()
    sums = Sums.none(len(found), len(x.names), len(z))
    for j, arm in enumerate(found):
        _add_treated(sums, j, firms, arm, scores, (z, rows))
    for part in chunks(rows):
        for pool, members in by_pool(found):
            own = z[:, part.start - rows.start : part.stop - rows.start]
            own = own if len(pool.columns) == len(z) else own[pool.columns]
            weight = firms.control_weight(pool, part)[None]
            sums.control_xx[members[0]] += x.grams(part, weight, scratch)[0]
            sums.control_xz[members[0]][:, pool.columns] += x.crosses(part, weight, own, scratch)[0]
            if scores is None:
                continue
            drawn, n_trimmed = scores.draw(firms, pool, members, part, scratch)
            sums.n_trimmed[members] += n_trimmed
            sums.odds_x[members] += x.cross(part, drawn.drawn).T
            sums.odds_xx[members] += x.grams(part, drawn.drawn, scratch)
            for j, cross in zip(members, x.crosses(part, drawn.drawn, own, scratch), strict=True):
                sums.odds_xz[j][:, pool.columns] += cross
            sums.information[members] += x.grams(part, drawn.spread, scratch)
    return sums


def centre(z: NDArray[np.float64], seen: NDArray[np.bool_] | None) -> None:
    """Take each firm's own mean out of its outcomes (D, m), and put 0 where not observed (`seen` (m, D)).

    Effects are made of changes within firms, so nothing is lost; sums keep the digits that levels would take.
    """
    for part in chunks(slice(0, z.shape[1])):
        own = z[:, part]
        is_seen = None if seen is None else seen[part]
        if is_seen is None or is_seen.all():
            own -= own.mean(axis=0)
            continue
        own[~is_seen.T] = 0.0
        own -= own.sum(axis=0) / np.maximum(is_seen.sum(axis=1), 1)
        own[~is_seen.T] = 0.0


def _add_treated(
    sums: Sums, j: int, firms: Firms, arm: Arm, scores: Scores | None, block: tuple[NDArray[np.float64], slice]
) -> None:
    z, rows = block
    own = firms.treated(arm, rows)
    if not own.size:
        return
    weight = firms.weight[own]
    sums.x[j] = firms.x.sums(own, weight)
    sums.z[j] = z[:, own - rows.start] @ weight
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
    place : (D, m_block) float64, slice, int
        Outcomes of a block as `centre` leaves them, the m firms among all, and the number of the block's first.
    scratch : Scratch
        Arrays to work in, the result among them.
    """
    z, part, first = place
    z = z[:, part.start - first : part.stop - first]
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
            change = _changes(found[j], columns)
            treated = firms.treated(found[j], part)
            beta = None if scores is None else scores.beta[:, [j]]
            theirs = _treated_influence(firms, treated, own[k], change @ left[:, treated - part.start], beta)
            rest = _Rest(
                change, left, factor[k], *((None, None) if drawn is None else (drawn.scored[k], drawn.drawn[k]))
            )
            _control_influence(firms.x, part, own[k], rest, psi[rows], scratch)
            psi[rows, treated - part.start] = theirs
            row = rows.stop
    return psi


def _changes(arm: Arm, columns: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the matrix (K, q) that takes changes of an arm's cells from a pool's columns."""
    found, cell = np.zeros((len(arm.cells), len(columns))), np.arange(len(arm.cells))
    found[cell, np.searchsorted(columns, arm.at)] = 1.0
    found[cell, np.searchsorted(columns, arm.since)] = -1.0
    return found


class _Rest(NamedTuple):
    """What the influence of comparison firms on an arm's cells is made of.

    Parameters
    ----------
    change : (K, q) float64
        Takes changes from columns.
    left : (q, m) float64
        Columns less their prediction.
    factor : (m,) float64
        How a change that is left over counts.
    scored, drawn : (m,) float64, or None
        w s, and omega over its sum; None without a score.
    """

    change: NDArray[np.float64]
    left: NDArray[np.float64]
    factor: NDArray[np.float64]
    scored: NDArray[np.float64] | None
    drawn: NDArray[np.float64] | None


def _control_influence(
    x: Regressors, part: slice, solved: Solved, rest: _Rest, out: NDArray[np.float64], scratch: Scratch
) -> None:
    """Write the influence of comparison firms on an arm's cells (K, m): few functions of a firm times coefficients."""
    q, n = len(rest.left), len(x.numbers)
    basis = scratch("basis", q + n + 1, out.shape[1])
    np.multiply(rest.left, rest.factor, out=basis[:q])
    if rest.scored is None or rest.drawn is None:
        np.matmul(-rest.change, basis[:q], out=out)
        return
    np.multiply(x.numbers[:, part], rest.scored, out=basis[q:-1])
    basis[-1] = rest.drawn
    np.matmul(np.column_stack([-rest.change, solved.along_score[:n].T, solved.control_mean]), basis, out=out)
    if x.codes:
        by_level = solved.along_score.copy()
        by_level[:n] = 0.0
        out += rest.scored * x.linear(part, by_level)


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
