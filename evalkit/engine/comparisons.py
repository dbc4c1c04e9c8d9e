"""Passes of group-time effects with covariates: propensity scores, sums, influence, draws."""

import dataclasses
import operator
from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.entrants import Entrants
from evalkit.engine.local import map_rows
from evalkit.engine.multipliers import caveats, refuse_two_ways
from evalkit.engine.paths import clusters
from evalkit.engine.side_errors import SideErrors, Solution, side_errors
from evalkit.errors import DesignError, EstimationError, raise_all
from evalkit.model.effects import CohortShares, Draws, Parts
from evalkit.stats.arms import Arm, Contrast, Firms, Pool, arms, by_pool
from evalkit.stats.averages import welch_dof
from evalkit.stats.bootstrap import Partial, Unit, block_sums, draws, multiplier_draws
from evalkit.stats.common_support import inverse_on, pool_columns, supports
from evalkit.stats.doubly_robust import Adjustment, Regression, Scores, Solved, Sums, influence, solve, sum_block
from evalkit.stats.logits import Run, fit_logits
from evalkit.stats.moments import clustered
from evalkit.stats.scratch import Scratch, chunks
from evalkit.stats.stable_hash import hash_codes, stable_hash


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
    draws : Draws or None
        Of a bootstrap, where the panel asks for one.
    notes : tuple of str
        Caveats by key.
    dof : float or (K,) float64
        Degrees of freedom; infinite without a correction.
    parts : Parts or None
        By cohort, when corrected and firms are the clusters.
    """

    estimate: NDArray[np.float64]
    vcov: NDArray[np.float64]
    shares: CohortShares
    draws: Draws | None
    notes: tuple[str, ...]
    dof: float | NDArray[np.float64] = np.inf
    parts: Parts | None = None

    @property
    def is_corrected(self) -> bool:
        """Whether intervals hold with few treated firms too."""
        return isinstance(self.dof, np.ndarray)


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
    errors = side_errors(who, Solution(found, scores, sums, regressions, solved))
    total = _influence(who, found, scores, solved, errors)
    vcov = total.covariance(clusters(who.sample.panel)[1])
    back = np.argsort(np.concatenate([arm.cells for arm in found]))
    dof, parts = _freedom(found, errors, total, back)
    cohorts = np.array(sorted({arm.cohort for arm in found}), dtype=np.int64)
    own = [firms.weight[firms.rows_of[int(c)]] for c in cohorts]
    mass, square = (np.array([(w**power).sum() for w in own]) for power in (1, 2))
    n_trimmed = int(sums.n_trimmed.max())
    drawn, told = _drawn(who, found, scores, solved, total, errors)
    if drawn is not None:
        drawn = Draws(drawn.effects[:, back], drawn.shares)
    return Adjusted(
        estimate=np.concatenate([s.estimate for s in solved])[back],
        vcov=vcov[np.ix_(back, back)],
        shares=CohortShares(cohorts, mass, square, total.cross[back]),
        draws=drawn,
        notes=(*who.notes, *((f"trimmed_controls:{n_trimmed}",) if n_trimmed else ()), *told),
        dof=dof,
        parts=parts,
    )


def _freedom(
    found: Sequence[Arm], errors: SideErrors | None, total: "_Influence", back: NDArray[np.intp]
) -> tuple[float | NDArray[np.float64], Parts | None]:
    """Return degrees of freedom of all cells, and their parts by cohort where firms are the clusters."""
    if errors is None:
        return np.inf, None
    arm = np.repeat(np.arange(len(found)), [len(a.cells) for a in found])[back]
    if errors.dof is not None:
        return errors.dof[arm], None
    parts = Parts(total.by_cohort[:, back[:, None], back], errors.counts[:, arm])
    return welch_dof(parts), parts


def _in_memory(firms: Firms) -> Run:
    return lambda kernel: map_rows(firms.x.n, kernel)


def _summed(who: Entrants, found: Sequence[Arm], scores: Scores | None) -> Sums:
    total: Sums | None = None
    for part in who.blocks(lambda z, rows: sum_block(who.firms, found, scores, z, rows)):
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
            inverse = inverse_on(xx, pool_columns(firms, pool), firms.x.names, f"comparison firms of cohort {cohorts}")
        except DesignError as error:
            errors.append(error)
        else:
            fits[pool] = Regression(inverse @ xz, inverse)
    raise_all(errors, "outcome regressions")
    return fits


def _influence(
    who: Entrants, found: Sequence[Arm], scores: Scores | None, solved: Sequence[Solved], errors: SideErrors | None
) -> "_Influence":  # fmt: skip
    """Return the sums of influence, cells in the arms' order."""
    firms = who.firms
    cohorts = sorted({arm.cohort for arm in found})
    code, _ = clusters(who.sample.panel)
    code = None if code is None else code[who.is_in]
    n_cells = sum(len(arm.cells) for arm in found)
    labels = np.unique(firms.cohort) if errors is not None and code is None else None

    def kernel(z: NDArray[np.float64], rows: slice) -> "_Influence":
        own, scratch = _Influence.none(n_cells, len(cohorts), labels), Scratch()
        for part in chunks(rows):
            psi = influence(firms, found, scores, solved, (z, part, rows.start), scratch)
            if errors is not None:
                errors.scale(firms, part, psi, scratch)
            own.product += psi @ psi.T
            for g, label in enumerate(() if labels is None else labels):
                mine = psi[:, firms.cohort[part] == label]
                own.by_cohort[g] += mine @ mine.T
            for j, cohort in enumerate(cohorts):
                members = firms.rows_between(cohort, part)
                own.cross[:, j] += psi[:, members - part.start] @ firms.weight[members]
            if code is not None:
                own.add_clusters(code[part], psi)
        return own

    total = _Influence.none(n_cells, len(cohorts), labels)
    for part in who.blocks(kernel):
        total.product += part.product
        total.cross += part.cross
        total.by_cohort += part.by_cohort
        for cluster, sums in part.by_cluster.items():
            total.by_cluster[cluster] = total.by_cluster.get(cluster, 0.0) + sums
    return total


def _drawn(
    who: Entrants,
    found: Sequence[Arm],
    scores: Scores | None,
    solved: Sequence[Solved],
    total: "_Influence",
    errors: SideErrors | None,
) -> tuple[Draws | None, tuple[str, ...]]:
    """Draw the deviations of all cells, in the arms' order, and of the masses of cohorts by random multipliers."""
    chosen, firms = who.sample.panel.inference, who.firms
    if chosen.bootstrap == "none":
        return None, ()
    law, seed = chosen.bootstrap, chosen.seed or 0
    cohorts = np.array(sorted({arm.cohort for arm in found}))
    code, n_second = clusters(who.sample.panel)
    refuse_two_ways(n_second)
    if code is not None:
        order, place = np.unique(code[who.is_in], return_inverse=True)
        mass = [np.bincount(place, np.where(firms.cohort == c, firms.weight, 0.0)) for c in cohorts]
        sums = np.column_stack([np.array([total.by_cluster[c] for c in order.tolist()]), *mass])
        result = multiplier_draws(sums, hash_codes(order, seed), law, chosen.draws)
    else:
        key = stable_hash(who.sample.panel.firm, seed)[who.is_in]
        size = [(firms.weight[firms.rows_of[int(c)]] ** 2).sum() for c in cohorts]
        unit = Unit.covering(np.sqrt(np.concatenate([np.diag(total.product), size])), firms.x.n)

        def kernel(z: NDArray[np.float64], rows: slice) -> Partial:
            parts, scratch = [], Scratch()
            for part in chunks(rows):
                psi = influence(firms, found, scores, solved, (z, part, rows.start), scratch)
                if errors is not None:
                    errors.scale(firms, part, psi, scratch)
                own = np.where(firms.cohort[part, None] == cohorts, firms.weight[part, None], 0.0)
                joined = np.concatenate([psi.T, own], axis=1)
                parts.append(block_sums(joined, key[part], law, chosen.draws, unit))
            return reduce(operator.add, parts)

        result = draws(reduce(operator.add, who.blocks(kernel)), law, unit)
    k = len(total.product)
    return Draws(result.values[:, :k], result.values[:, k:]), caveats(result, chosen.draws)


@dataclasses.dataclass(eq=False)
class _Influence:
    """Sums of influence over firms.

    Parameters
    ----------
    product : (K, K) float64
        Products of influence.
    by_cohort : (G, K, K) float64
        Those of each cohort's firms; none where nobody asks.
    cross : (K, C) float64
        Times weight, by treated cohort.
    by_cluster : dict of int to (K,) float64
    """

    product: NDArray[np.float64]
    by_cohort: NDArray[np.float64]
    cross: NDArray[np.float64]
    by_cluster: dict[int, NDArray[np.float64]]

    @classmethod
    def none(cls, n_cells: int, n_cohorts: int, labels: NDArray[np.int32] | None) -> "_Influence":
        n_labels = 0 if labels is None else len(labels)
        return cls(
            np.zeros((n_cells, n_cells)), np.zeros((n_labels, n_cells, n_cells)), np.zeros((n_cells, n_cohorts)), {}
        )

    def covariance(self, n_second: int) -> NDArray[np.float64]:
        """Return the covariance (K, K), robust to clusters where there are any."""
        order = sorted(self.by_cluster)
        if not order:
            return self.product
        return clustered(np.array([self.by_cluster[c] for c in order]), np.array(order), n_second)

    def add_clusters(self, code: NDArray[np.int64], psi: NDArray[np.float64]) -> None:
        order = np.argsort(code, kind="stable")
        found, start = np.unique(code[order], return_index=True)
        sums = np.add.reduceat(psi[:, order], start, axis=1)
        for j, cluster in enumerate(found.tolist()):
            self.by_cluster[cluster] = self.by_cluster.get(cluster, 0.0) + sums[:, j]
