"""Firms, comparison pools and arms: which firms stand on which side of each group-time cell with covariates."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.regressors import Regressors


@dataclasses.dataclass(frozen=True)
class Contrast:
    """One cell: the change of a cohort between two columns of outcomes, against that of comparison cohorts.

    Parameters
    ----------
    cohort : int
        Treated cohort.
    controls : tuple of int
        Cohorts that are compared with, 0 for never treated.
    at, since : int
        Columns (outcome x period) of the change.
    """

    cohort: int
    controls: tuple[int, ...]
    at: int
    since: int


@dataclasses.dataclass(frozen=True, eq=False)
class Pool:
    """Comparison firms that several cells have in common.

    Parameters
    ----------
    controls : tuple of int
        Their cohorts.
    needs : tuple of int
        Columns that a firm must be observed in, those that all firms have left out.
    columns : (q,) int
        Columns of outcomes in use.
    """

    controls: tuple[int, ...]
    needs: tuple[int, ...]
    columns: NDArray[np.intp]


@dataclasses.dataclass(frozen=True, eq=False)
class Arm:
    """One cohort against one pool, with all its cells.

    Parameters
    ----------
    pool : Pool
        Comparison firms.
    cohort : int
        Treated cohort.
    cells : (K,) int
        Numbers of the cells in the order in which they were asked for.
    at, since : (K,) int
        The two columns of outcomes of each cell.
    """

    pool: Pool
    cohort: int
    cells: NDArray[np.intp]
    at: NDArray[np.intp]
    since: NDArray[np.intp]


@dataclasses.dataclass(frozen=True, eq=False)
class Firms:
    """The firms that enter, in panel order.

    Parameters
    ----------
    x : Regressors
        Covariates, p columns.
    weight : (n,) float64
        Positive weights.
    cohort : (n,) int32
        Cohorts, 0 for never treated.
    seen : (n, D) bool, or None
        Observed columns of outcomes; None when all firms have all.
    rows_of : dict of int to (m,) int
        The firms of each treated cohort, in order.
    """

    x: Regressors
    weight: NDArray[np.float64]
    cohort: NDArray[np.int32]
    seen: NDArray[np.bool_] | None
    rows_of: dict[int, NDArray[np.intp]] = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        treated = np.flatnonzero(self.cohort)
        own = self.cohort[treated]
        object.__setattr__(self, "rows_of", {int(c): treated[own == c] for c in np.unique(own)})

    def thinned(self, step: int) -> "Firms":
        """Return all treated firms and every `step`-th other one, with `step` times its weight."""
        chosen = self.cohort != 0
        chosen[np.flatnonzero(~chosen)[::step]] = True
        rows = np.flatnonzero(chosen)
        numbers, codes = self.x.numbers[:, rows], tuple(code[rows] for code in self.x.codes)
        weight = self.weight[rows] * np.where(self.cohort[rows] == 0, step, 1)
        x = dataclasses.replace(self.x, numbers=numbers, codes=codes)
        return Firms(x, weight, self.cohort[rows], None if self.seen is None else self.seen[rows])

    def control_weight(self, pool: Pool, rows: slice) -> NDArray[np.float64]:
        """Return the weights (m,) of some firms in a pool, 0 for those outside."""
        return np.where(self.is_control(pool, rows), self.weight[rows], 0.0)

    def is_control(self, pool: Pool, rows: slice) -> NDArray[np.bool_]:
        """Say which firms (m,) are in a pool."""
        cohort = self.cohort[rows]
        inside: NDArray[np.bool_] = cohort == pool.controls[0]
        for other in pool.controls[1:]:
            inside |= cohort == other
        if self.seen is not None:
            for column in pool.needs:
                inside &= self.seen[rows, column]
        return inside

    def treated(self, arm: Arm, rows: slice) -> NDArray[np.intp]:
        """Return the numbers of the firms of an arm's cohort among some firms."""
        found = self.rows_between(arm.cohort, rows)
        if self.seen is not None:
            for column in arm.pool.needs:
                found = found[self.seen[found, column]]
        return found

    def rows_between(self, cohort: int, rows: slice) -> NDArray[np.intp]:
        """Return the numbers of a cohort's firms among some firms."""
        own = self.rows_of[cohort]
        return own[np.searchsorted(own, rows.start) : np.searchsorted(own, rows.stop)]


def arms(contrasts: Sequence[Contrast], seen: NDArray[np.bool_] | None) -> list[Arm]:
    """Bring cells with the same firms on both sides together; arms of one pool follow each other.

    Parameters
    ----------
    contrasts : sequence of Contrast
        All cells.
    seen : (n, D) bool, or None
        Observed columns; None when all firms have all.
    """
    first: dict[bytes, int] = {}
    same = [] if seen is None else [first.setdefault(np.packbits(own).tobytes(), j) for j, own in enumerate(seen.T)]
    everywhere = {j for j in first.values() if seen is not None and seen[:, j].all()}
    pools: dict[tuple[tuple[int, ...], tuple[int, ...]], list[int]] = {}
    for k, c in enumerate(contrasts):
        apart = {same[c.at], same[c.since]} - everywhere if same else set()
        pools.setdefault((c.controls, tuple(sorted(apart))), []).append(k)
    found = []
    for (controls, needs), members in pools.items():
        used = np.unique([(contrasts[k].at, contrasts[k].since) for k in members])
        pool = Pool(controls, needs, used)
        for cohort in dict.fromkeys(contrasts[k].cohort for k in members):
            own = np.array([k for k in members if contrasts[k].cohort == cohort])
            at, since = (np.array([getattr(contrasts[k], side) for k in own]) for side in ("at", "since"))
            found.append(Arm(pool, cohort, own, at, since))
    return found


def observed_throughout(seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which rows (n,) have all the periods (n, T) that any row has."""
    live = np.flatnonzero(seen.any(axis=0))
    return np.asarray(seen[:, live].all(axis=1), dtype=bool)


def by_pool(found: Sequence[Arm]) -> list[tuple[Pool, list[int]]]:
    """Return pools in order, each with the numbers of its arms."""
    groups: dict[Pool, list[int]] = {}
    for j, arm in enumerate(found):
        groups.setdefault(arm.pool, []).append(j)
    return list(groups.items())
