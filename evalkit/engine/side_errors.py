"""Corrections of group-time effects with covariates for few treated firms: what the passes before influence find."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.entrants import Entrants
from evalkit.engine.local import map_rows
from evalkit.engine.paths import clusters
from evalkit.stats.arms import Arm, Firms, Pool, by_pool
from evalkit.stats.cluster import Correction, require_clusters, satterthwaite
from evalkit.stats.doubly_robust import Regression, Scores, Solved, Sums
from evalkit.stats.regression import correction_with
from evalkit.stats.scratch import Scratch, chunks
from evalkit.stats.side_leverage import Loaded, Side, control_loads, factors, loaded, sides


@dataclasses.dataclass(frozen=True, eq=False)
class Solution:
    """All arms, solved."""

    arms: Sequence[Arm]
    scores: Scores | None
    sums: Sums
    regressions: dict[Pool, Regression]
    solved: Sequence[Solved]

    def loads(
        self, firms: Firms, part: slice, scratch: Scratch
    ) -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.float64]]]:
        """Yield each arm with the loads and omega / W (m,) of some comparison firms."""
        for pool, members in by_pool(self.arms):
            found = control_loads(firms, pool, members, self.solved, self.scores, (part, scratch))
            yield from zip(members, *found, strict=True)


@dataclasses.dataclass(frozen=True, eq=False)
class SideErrors:
    """The correction of all arms.

    Parameters
    ----------
    solution : Solution
    correction : {"cr2", "cr3"}
    sides : list of (Side, Side)
        The cohort's and the comparison firms' side of each arm.
    counts : (G, arms) int64
        Firms of each cohort in order behind each arm: as many of equal weight as theirs count for.
    cluster : (n,) int64 or None
        Clusters above the firm, from 0.
    of_cluster : (arms, 2, clusters) float64 or None
        Factor of each cluster on both sides.
    dof : (arms,) float64 or None
        Degrees of freedom with clusters above the firm.
    """

    solution: Solution
    correction: Correction
    sides: list[tuple[Side, Side]]
    counts: NDArray[np.int64]
    cluster: NDArray[np.int64] | None = None
    of_cluster: NDArray[np.float64] | None = None
    dof: NDArray[np.float64] | None = None

    def scale(self, firms: Firms, part: slice, psi: NDArray[np.float64], scratch: Scratch) -> None:
        """Multiply the influence of some firms on all cells (K, m), cells in the arms' order, with their factors."""
        row, factor = 0, self._factors(firms, part, scratch)
        for arm, own in zip(self.solution.arms, factor, strict=True):
            psi[row : row + len(arm.cells)] *= own
            row += len(arm.cells)

    def _factors(self, firms: Firms, part: slice, scratch: Scratch) -> Iterator[NDArray[np.float64]]:
        for j, treated, control in both_sides(firms, self.solution, self.sides, part, scratch):
            own = np.ones(part.stop - part.start)
            for side, (rows, found) in enumerate((control, treated)):
                if self.cluster is None or self.of_cluster is None:
                    own[rows - part.start] = factors(found, self.sides[j][1 - side], self.correction)
                else:
                    own[rows - part.start] = self.of_cluster[j, 1 - side, self.cluster[rows]]
            yield own


def both_sides(
    firms: Firms, solution: Solution, found: Sequence[tuple[Side, Side]], part: slice, scratch: Scratch
) -> Iterator[tuple[int, tuple[NDArray[np.intp], Loaded], tuple[NDArray[np.intp], Loaded]]]:
    """Yield each arm with its cohort's and its comparison firms among some firms, and what they are loaded with."""
    for j, load, drawn in solution.loads(firms, part, scratch):
        arm = solution.arms[j]
        treated, control = firms.treated(arm, part), np.flatnonzero(firms.is_control(arm.pool, part))
        share = firms.weight[treated] / solution.solved[j].mass
        mine = loaded(firms, treated, found[j][0], share, np.zeros_like(share))
        other = loaded(firms, control + part.start, found[j][1], load[control], drawn[control])
        yield j, (treated, mine), (control + part.start, other)


def side_errors(who: Entrants, solution: Solution) -> SideErrors | None:
    """Prepare the correction that the panel's choice of inference means; None where there is none.

    Raises
    ------
    EstimationError
        All firms are in one cluster (`E_CLUSTERS`).
    """
    firms, panel = who.firms, who.sample.panel
    code, n_second = clusters(panel)
    own = None if code is None else code[who.is_in]
    ways = () if own is None else (own // n_second, own % n_second) if n_second else (own,)
    require_clusters(min((len(np.unique(way)) for way in ways), default=firms.x.n))
    is_treated = firms.cohort > 0
    n_treated = min((len(np.unique(way[is_treated])) for way in ways), default=int(is_treated.sum()))
    chosen = correction_with(n_treated, n_second > 0, panel.inference.correction)
    if chosen == "cr1":
        return None
    square, counts = _spread(firms, solution)
    found = [
        sides(j, solution.sums, solution.regressions[arm.pool], square[j] if solution.scores else None)
        for j, arm in enumerate(solution.arms)
    ]
    plain = SideErrors(solution, chosen, found, counts)
    return plain if own is None else _by_cluster(firms, plain, np.unique(own, return_inverse=True)[1])


def _spread(firms: Firms, solution: Solution) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return S of each arm, and how many firms of equal weight those of each cohort behind an arm count for.

    With T as in `stats.side_leverage` that is (sum T)^2 / sum T^2, less what each of the regressors takes.
    """
    cohorts, n_arms = np.unique(firms.cohort), len(solution.arms)

    def kernel(rows: slice) -> NDArray[np.float64]:
        total, scratch = np.zeros((n_arms, 1 + 2 * len(cohorts))), Scratch()
        for part in chunks(rows):
            weight, place = firms.weight[part], np.searchsorted(cohorts, firms.cohort[part])
            for j, load, drawn in solution.loads(firms, part, scratch):
                own = load**2 / weight
                sums = [np.bincount(place, values, len(cohorts)) for values in (own, own**2)]
                total[j] += np.concatenate([[(drawn**2 / weight).sum()], *sums])
        return total

    total = np.sum(list(map_rows(firms.x.n, kernel)), axis=0)
    once, twice = total[:, 1 : 1 + len(cohorts)], total[:, 1 + len(cohorts) :]
    counts = np.divide(once**2, twice, out=np.zeros_like(once), where=twice > 0)
    whole = slice(0, firms.x.n)
    for j, arm in enumerate(solution.arms):
        n_slopes = np.count_nonzero(np.diag(solution.regressions[arm.pool].inverse)[1:])
        counts[j] *= 1.0 - n_slopes / np.count_nonzero(firms.is_control(arm.pool, whole))
        weight = firms.weight[firms.treated(arm, whole)]
        counts[j, np.searchsorted(cohorts, arm.cohort)] = weight.sum() ** 2 / (weight**2).sum()
    return total[:, 0], np.where(counts > 0, np.maximum(np.rint(counts), 1), 0).astype(np.int64).T


def _by_cluster(firms: Firms, plain: SideErrors, cluster: NDArray[np.int64]) -> SideErrors:
    """Take T and f of whole clusters, one side at a time, for their factors and degrees of freedom."""
    solution, found = plain.solution, plain.sides
    n, size = int(cluster.max()) + 1, max(len(side.kernel) for pair in found for side in pair)

    def kernel(rows: slice) -> NDArray[np.float64]:
        total, scratch = np.zeros((len(found), 2, n, 1 + size)), Scratch()
        for part in chunks(rows):
            for j, *pair in both_sides(firms, solution, found, part, scratch):
                for side, (own, what) in enumerate(pair):
                    np.add.at(total[j, side, :, 0], cluster[own], what.own)
                    np.add.at(total[j, side, :, 1 : 1 + what.f.shape[1]], cluster[own], what.f)
        return total

    total = np.sum(list(map_rows(firms.x.n, kernel)), axis=0)
    factor, dof = np.ones((len(found), 2, n)), np.zeros(len(found))
    for j, pair in enumerate(found):
        q = len(pair[0].kernel)
        sets = [Loaded(total[j, side, :, 0], total[j, side, :, 1 : 1 + q]) for side in (0, 1)]
        own, f, whole = np.zeros(n), np.zeros((n, 2 * q)), np.zeros((2 * q, 2 * q))
        for side, (what, of) in enumerate(zip(sets, pair, strict=True)):
            factor[j, side] = factors(what, of, plain.correction)
            at = slice(side * q, (side + 1) * q)
            own += factor[j, side] ** 2 * what.own
            f[:, at], whole[at, at] = factor[j, side][:, None] * what.f, of.kernel
        dof[j] = satterthwaite(own, f, whole, np.ones(n))
    return dataclasses.replace(plain, cluster=cluster, of_cluster=factor, dof=dof)
