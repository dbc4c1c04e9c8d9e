"""Passes of group-time effects with covariates: who enters, propensity scores, sums, influence."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evalkit.engine.local import map_blocks, map_rows
from evalkit.engine.paths import clusters, path_columns, paths
from evalkit.errors import DesignError, EstimationError, raise_all
from evalkit.model.effects import CohortShares
from evalkit.model.sample import MatchedSample
from evalkit.stats.arms import Arm, Contrast, Firms, Pool, Scratch, arms, by_pool, chunks, observed_throughout
from evalkit.stats.common_support import inverse_on, pool_columns, supports
from evalkit.stats.covariates import any_missing, read_covariates
from evalkit.stats.doubly_robust import Adjustment, Regression, Scores, Solved, Sums, influence, solve, sum_block
from evalkit.stats.logits import Run, fit_logits
from evalkit.stats.moments import clustered
from evalkit.stats.regressors import refuse_collinear, regressors
from evalkit.stats.transforms import transform


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
    """

    sample: MatchedSample
    firms: Firms
    is_in: NDArray[np.bool_]
    notes: tuple[str, ...]

    def counts(self, contrasts: Sequence[Contrast]) -> NDArray[np.int64]:
        """Return the firms on both sides of each cell (K, 2)."""
        whole = slice(0, self.firms.x.n)
        found = np.zeros((len(contrasts), 2), dtype=np.int64)
        for arm in arms(contrasts, self.firms.seen):
            found[arm.cells, 0] = len(self.firms.treated(arm, whole))
            found[arm.cells, 1] = np.count_nonzero(self.firms.is_control(arm.pool, whole))
        return found

    def blocks(self, kernel: Callable[[NDArray[np.float64], slice], Any]) -> Iterator[Any]:
        """Yield `kernel(y, rows)` for each block: outcomes (m, D) of its firms that enter, and their numbers."""
        panel = self.sample.panel

        def on_block(block: pa.RecordBatch, row: int) -> Any:  # noqa: ANN401
            own = self.is_in[row : row + block.num_rows]
            start = int(np.count_nonzero(self.is_in[:row]))
            y = paths(panel, block)
            return kernel(y if own.all() else y[own], slice(start, start + int(np.count_nonzero(own))))

        return map_blocks(panel, path_columns(panel), on_block)


@dataclasses.dataclass(frozen=True, eq=False)
class Adjusted:
    """Effects of all cells with covariates.

    Parameters
    ----------
    estimate : (K,) float64
    vcov : (K, K) float64
        Sum over clusters of the outer products of their influence.
    shares : CohortShares
        For aggregation.
    notes : tuple of str
        Caveats by key.
    """

    estimate: NDArray[np.float64]
    vcov: NDArray[np.float64]
    shares: CohortShares
    notes: tuple[str, ...]


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
    rows = np.flatnonzero(is_in)
    x, constant = regressors(covariates if is_in.all() else [c.take(rows) for c in covariates])
    refuse_collinear(x)
    found = Entrants(sample, Firms(x, weight[is_in], panel.cohort[is_in], None), is_in, ())
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
    seen = np.concatenate(list(who.blocks(lambda y, _: ~np.isnan(y))))
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


def adjusted_effects(
    who: Entrants, contrasts: Sequence[Contrast], adjustment: Adjustment, trim: float
) -> Adjusted:  # fmt: skip
    """Estimate all cells with their joint covariance.

    Parameters
    ----------
    who : Entrants
        Firms.
    contrasts : sequence of Contrast
        K cells with firms on both sides.
    adjustment : {"regression", "ipw", "doubly_robust"}
        Which models are used.
    trim : float
        Comparison firms with a propensity score from here on have no weight.

    Raises
    ------
    DesignError, ManyErrors
        Cohorts that cannot be compared: `E_SEPARATION`, `E_NO_OVERLAP`, `E_COLLINEAR`.
    """
    firms = who.firms
    found = arms(contrasts, firms.seen)
    support, scores = supports(firms, found), None
    if adjustment != "regression":
        scores = Scores(fit_logits(firms, found, support, _in_memory), support, trim)
    sums = _summed(who, found, scores)
    _require_overlap(found, sums)
    regressions = _regressions(firms, found, sums, adjustment)
    solved = [solve(arm, j, sums, regressions[arm.pool], support[j] if scores else None) for j, arm in enumerate(found)]
    vcov, cross = _covariance(who, found, scores, solved)
    back = np.argsort(np.concatenate([arm.cells for arm in found]))
    cohorts = np.array(sorted({arm.cohort for arm in found}), dtype=np.int64)
    own = [firms.weight[firms.rows_of[int(c)]] for c in cohorts]
    mass, square = (np.array([(w**power).sum() for w in own]) for power in (1, 2))
    n_trimmed = int(sums.n_trimmed.max())
    return Adjusted(
        estimate=np.concatenate([s.estimate for s in solved])[back],
        vcov=vcov[np.ix_(back, back)],
        shares=CohortShares(cohorts, mass, square, cross[back]),
        notes=(*who.notes, *((f"trimmed_controls:{n_trimmed}",) if n_trimmed else ())),
    )


def _in_memory(firms: Firms) -> Run:
    return lambda kernel: map_rows(firms.x.n, kernel)


def _summed(who: Entrants, found: Sequence[Arm], scores: Scores | None) -> Sums:
    total: Sums | None = None
    for part in who.blocks(lambda y, rows: sum_block(who.firms, found, scores, y, rows)):
        total = part if total is None else total.__iadd__(part)
    if total is None or not all(np.isfinite(getattr(total, f.name)).all() for f in dataclasses.fields(total)):
        raise EstimationError("outcomes that are not missing are not finite", code="E_NONFINITE")
    return total


def _require_overlap(found: Sequence[Arm], sums: Sums) -> None:
    worst: dict[int, int] = {}
    for arm, n in zip(found, sums.n_extreme.tolist(), strict=True):
        worst[arm.cohort] = max(worst.get(arm.cohort, 0), n)
    errors = [
        DesignError(
            f"{n} of its firms have a propensity score near 1: no comparison firm is like them",
            where=f"cohort {cohort}", code="E_NO_OVERLAP",
            hint="leave a covariate out, drop such firms by matching, or use a wider population of firms",
        )
        for cohort, n in worst.items() if n
    ]  # fmt: skip
    raise_all(errors, "overlap")


def _regressions(
    firms: Firms, found: Sequence[Arm], sums: Sums, adjustment: Adjustment
) -> dict[Pool, Regression]:  # fmt: skip
    fits, errors = {}, list[DesignError]()
    for pool, members in by_pool(found):
        xx, xz = sums.control_xx[members[0]], sums.control_xz[members[0]]
        if adjustment == "ipw":
            fits[pool] = Regression(np.zeros_like(xz), np.zeros_like(xx))
            continue
        cohorts = ", ".join(str(found[j].cohort) for j in members)
        try:
            inverse = inverse_on(xx, pool_columns(firms, pool), firms.x, f"comparison firms of cohort {cohorts}")
        except DesignError as error:
            errors.append(error)
        else:
            fits[pool] = Regression(inverse @ xz, inverse)
    raise_all(errors, "outcome regressions")
    return fits


def _covariance(
    who: Entrants, found: Sequence[Arm], scores: Scores | None, solved: Sequence[Solved]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return covariance (K, K) and the sums of influence times weight over cohorts (K, C), cells in the arms' order."""
    firms = who.firms
    cohorts = sorted({arm.cohort for arm in found})
    code, n_second = clusters(who.sample.panel)
    code = None if code is None else code[who.is_in]

    def kernel(y: NDArray[np.float64], rows: slice) -> "_Influence":
        own, scratch = _Influence.none(sum(len(arm.cells) for arm in found), len(cohorts)), Scratch()
        for part in chunks(rows):
            psi = influence(firms, found, scores, solved, (y, part, rows.start), scratch)
            own.product += psi @ psi.T
            for j, cohort in enumerate(cohorts):
                members = firms.rows_between(cohort, part)
                own.cross[:, j] += psi[:, members - part.start] @ firms.weight[members]
            if code is not None:
                own.add_clusters(code[part], psi)
        return own

    total = _Influence.none(sum(len(arm.cells) for arm in found), len(cohorts))
    for part in who.blocks(kernel):
        total.product += part.product
        total.cross += part.cross
        for cluster, sums in part.by_cluster.items():
            total.by_cluster[cluster] = total.by_cluster.get(cluster, 0.0) + sums
    if code is None:
        return total.product, total.cross
    order = sorted(total.by_cluster)
    return clustered(np.array([total.by_cluster[c] for c in order]), np.array(order), n_second), total.cross


@dataclasses.dataclass(eq=False)
class _Influence:
    """Sums of influence over firms: products (K, K), times weight by cohort (K, C), and by cluster (K,)."""

    product: NDArray[np.float64]
    cross: NDArray[np.float64]
    by_cluster: dict[int, NDArray[np.float64]]

    @classmethod
    def none(cls, n_cells: int, n_cohorts: int) -> "_Influence":
        return cls(np.zeros((n_cells, n_cells)), np.zeros((n_cells, n_cohorts)), {})

    def add_clusters(self, code: NDArray[np.int64], psi: NDArray[np.float64]) -> None:
        order = np.argsort(code, kind="stable")
        found, start = np.unique(code[order], return_index=True)
        sums = np.add.reduceat(psi[:, order], start, axis=1)
        for j, cluster in enumerate(found.tolist()):
            self.by_cluster[cluster] = self.by_cluster.get(cluster, 0.0) + sums[:, j]
