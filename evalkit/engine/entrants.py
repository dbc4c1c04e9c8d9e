"""Which firms of a sample an estimate with covariates can use, and passes over them."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.local import map_items
from evalkit.engine.paths import clusters, map_paths, path_columns
from evalkit.errors import DesignError, EstimationError
from evalkit.model.sample import MatchedSample
from evalkit.stats.arms import Contrast, Firms, arms, observed_throughout
from evalkit.stats.covariates import any_missing, read_covariates
from evalkit.stats.doubly_robust import centre
from evalkit.stats.regressors import refuse_collinear, regressors
from evalkit.stats.transforms import transform

T = TypeVar("T")
Block = tuple[NDArray[np.float64], slice]
HELD_BYTES = 1 << 29
"""Outcomes of up to so many bytes stay in memory between passes."""


@dataclasses.dataclass(frozen=True, eq=False)
class Entrants:
    """The firms of a sample that an estimate with covariates can use.

    Parameters
    ----------
    sample : MatchedSample
        All firms.
    firms : Firms
        Those that enter.
    is_in : (n_firms,) bool
        Which firms of the panel they are.
    notes : tuple of str
        Caveats by key.
    held : list of Block
        Outcomes of all blocks, once they have been read.
    """

    sample: MatchedSample
    firms: Firms
    is_in: NDArray[np.bool_]
    notes: tuple[str, ...]
    held: list[Block] = dataclasses.field(default_factory=list)

    def counts(self, contrasts: Sequence[Contrast]) -> NDArray[np.int64]:
        """Return the firms on both sides of each cell (K, 2)."""
        whole = slice(0, self.firms.x.n)
        found = np.zeros((len(contrasts), 2), dtype=np.int64)
        for arm in arms(contrasts, self.firms.seen):
            found[arm.cells, 0] = len(self.firms.treated(arm, whole))
            found[arm.cells, 1] = np.count_nonzero(self.firms.is_control(arm.pool, whole))
        return found

    def treated_clusters(self, contrasts: Sequence[Contrast]) -> list[int]:
        """Return the clusters that the treated firms of each cell are in (K,), in the way with the fewest."""
        code, n_second = clusters(self.sample.panel)
        if code is None:
            return [int(n) for n in self.counts(contrasts)[:, 0]]
        own, whole = code[self.is_in], slice(0, self.firms.x.n)
        ways = (own // n_second, own % n_second) if n_second else (own,)
        found = np.zeros(len(contrasts), dtype=np.int64)
        for arm in arms(contrasts, self.firms.seen):
            treated = self.firms.treated(arm, whole)
            found[arm.cells] = min(len(np.unique(way[treated])) for way in ways)
        return [int(n) for n in found]

    def blocks(self, kernel: Callable[[NDArray[np.float64], slice], T]) -> Iterator[T]:
        """Yield `kernel(z, rows)` for each block: outcomes of its firms that enter, and their numbers.

        The outcomes (D, m) are each firm's less its own mean, 0 where not observed. Unless they are too many they are
        kept, so that the data are read once.
        """
        if self.held:
            return map_items(self.held, lambda block: kernel(*block))
        return self._read(kernel)

    def _read(self, kernel: Callable[[NDArray[np.float64], slice], T]) -> Iterator[T]:
        def on_block(y: NDArray[np.float64], row: int) -> tuple[T, Block]:
            own = self.is_in[row : row + len(y)]
            start = int(np.count_nonzero(self.is_in[:row]))
            rows = slice(start, start + int(np.count_nonzero(own)))
            z = y.T if own.all() else y.T[:, own]
            centre(z, None if self.firms.seen is None else self.firms.seen[rows])
            return kernel(z, rows), (z, rows)

        fits = self.firms.x.n * len(path_columns(self.sample.panel)) * 8 <= HELD_BYTES
        held = []
        for found, block in map_paths(self.sample, on_block):
            if fits:
                held.append(block)
            yield found
        self.held.extend(held)


def entrants(sample: MatchedSample, names: Sequence[str], first_untreated: int, is_balanced: bool) -> Entrants:
    """Choose the firms that enter and read their covariates and which outcomes they have.

    Parameters
    ----------
    sample : MatchedSample
        Firms with positive weight enter.
    names : sequence of str
        Covariates of the panel; firms that lack one are left out.
    first_untreated : int
        First cohort that is untreated in the first period, anticipation counted; earlier ones are left out.
    is_balanced : bool
        Whether outcomes count only of firms that have them in all periods.

    Raises
    ------
    DesignError
        No firm is left (`E_NO_TREATED`); covariates are collinear (`E_COLLINEAR`).
    EstimationError
        A weight is negative or not finite (`E_WEIGHT`).
    UnknownNameError
        Not a covariate of the panel.
    """
    panel, weight = sample.panel, sample.weight
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise EstimationError("weights must be finite and not negative", code="E_WEIGHT")
    covariates = read_covariates(panel, names)
    treatable = (panel.cohort == 0) | (panel.cohort >= first_untreated)
    missing = any_missing(covariates, panel.n_firms)
    asked = weight > 0
    is_in = asked & treatable & ~missing
    if not is_in.any():
        raise DesignError("no firm with known covariates has a positive weight", code="E_NO_TREATED")
    cohort = panel.cohort
    if not is_in.all():
        rows = np.flatnonzero(is_in)
        covariates, weight, cohort = [c.take(rows) for c in covariates], weight[rows], cohort[rows]
    x, constant = regressors(covariates)
    refuse_collinear(x)
    found = Entrants(sample, Firms(x, weight, cohort, None), is_in, ())
    seen = _seen(found)
    left_out = {
        "always_treated_dropped": int((asked & ~treatable).sum()),
        "missing_covariate": int((asked & treatable & missing).sum()),
        "not_balanced": _keep_balanced(seen, len(panel.periods)) if is_balanced and seen is not None else 0,
    }
    notes = tuple(f"{key}:{n}" for key, n in left_out.items() if n) + tuple(f"constant_regressor:{n}" for n in constant)
    firms = Firms(x, found.firms.weight, found.firms.cohort, seen)
    return dataclasses.replace(found, firms=firms, notes=notes)


def _seen(who: Entrants) -> NDArray[np.bool_] | None:
    """Return the observed columns of outcomes (n, D), None when there is no gap; a panel file says so by itself."""
    panel = who.sample.panel
    if panel.n_missing(path_columns(panel)) == 0:
        ends = [transform(panel.bounds(panel.columns_of(o)), o.transform) for o in panel.outcomes]
        if not np.isnan(ends).any():
            return None
    found = map_paths(who.sample, lambda y, row: ~np.isnan(y[who.is_in[row : row + len(y)]]))
    seen = np.concatenate(list(found))
    return None if seen.all() else seen


def _keep_balanced(seen: NDArray[np.bool_], n_periods: int) -> int:
    """Take out the outcomes that a firm does not have in all periods; returns the firms that lost any."""
    lost = np.zeros(len(seen), dtype=bool)
    for start in range(0, seen.shape[1], n_periods):
        own = seen[:, start : start + n_periods]
        whole = observed_throughout(own)
        lost |= own.any(axis=1) & ~whole
        own &= whole[:, None]
    return int(lost.sum())
