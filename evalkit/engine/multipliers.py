"""The pass of the multiplier bootstrap: the influence of groups applied to their firms, block by block."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import cached_property, reduce

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evalkit.engine.local import map_blocks
from evalkit.engine.paths import path_columns, paths
from evalkit.errors import EstimationError
from evalkit.model.effects import Draws
from evalkit.model.panel import FIRM
from evalkit.model.sample import MatchedSample
from evalkit.stats.bootstrap import Drawn, Law, Partial, Unit, block_sums, draws, multiplier_draws
from evalkit.stats.moments import Moments, cluster_sums
from evalkit.stats.stable_hash import hash_codes, stable_hash


@dataclasses.dataclass(frozen=True)
class Values:
    """What moments are of, read again: what each firm of a block has in their columns.

    Parameters
    ----------
    sample : MatchedSample
        The firms.
    names : sequence of str
        Columns of the panel that are read.
    of : function of (block, first row)
        Returns (n, D) float64, NaN where not observed.
    """

    sample: MatchedSample
    names: Sequence[str]
    of: Callable[[pa.RecordBatch, int], NDArray[np.float64]]

    @classmethod
    def outcomes(cls, sample: MatchedSample) -> "Values":
        """Return those of the moments of a sample: its outcomes."""
        panel = sample.panel
        return cls(sample, path_columns(panel), lambda block, _row: paths(panel, block))


def drawn(
    sample: MatchedSample, moments: Moments, influence: Sequence[NDArray[np.float64]],
    cohorts: NDArray[np.int64] | None = None, scale: float | NDArray[np.float64] = 1.0, values: Values | None = None,
) -> tuple[Draws | None, tuple[str, ...]]:  # fmt: skip
    """Draw the deviation of effects from their truth as the panel's choices of inference say, with caveats by key.

    Parameters
    ----------
    sample : MatchedSample
        The firms.
    moments : Moments
        Their groups.
    influence : sequence of (K, D + 1) float64
        For each group in order, the matrix A with the influence A v of a firm; none, and there are no draws.
    cohorts : (C,) int64, optional
        Cohorts whose mass is drawn too.
    scale : float or (K,) float64
        Factor of the influence.
    values : Values, optional
        What the moments are of. Default: the outcomes.

    Raises
    ------
    EstimationError
        See `bootstrap`.
    """
    chosen = sample.panel.inference
    if chosen.bootstrap == "none" or not len(influence):
        return None, ()
    k, own = len(influence[0]), np.zeros(0, np.int64) if cohorts is None else cohorts
    joined = []
    for cohort, a in zip(moments.cohort, influence, strict=True):
        mass = np.zeros((len(own), a.shape[1]))
        mass[:, 0] = own == cohort
        joined.append(np.concatenate([a, mass]))
    values = values or Values.outcomes(sample)
    found = bootstrap(values, moments, joined, chosen.bootstrap, chosen.draws, chosen.seed or 0)
    return Draws(found.values[:, :k] * scale, found.values[:, k:]), caveats(found, chosen.draws)


def caveats(found: Drawn, n_draws: int) -> tuple[str, ...]:
    """Return the caveat on degenerate draws, if there are any."""
    return (f"degenerate_draws:{found.n_degenerate}/{n_draws}",) if found.n_degenerate else ()


def bootstrap(
    values: Values, moments: Moments, influence: Sequence[NDArray[np.float64]], law: Law = "rademacher",
    n_draws: int = 999, seed: int = 0,
) -> Drawn:  # fmt: skip
    """Draw the deviation of estimates from their truth by random multipliers of firms, or of clusters above them.

    Parameters
    ----------
    values : Values
        What the moments are of.
    moments : Moments
        Groups of the firms, kept apart by cohort, pattern of observed columns and cluster.
    influence : sequence of (K, D + 1) float64
        For each group in order, the matrix A with the influence A v of a firm.
    law : {"rademacher", "mammen"}
        Law of the multipliers.
    n_draws : int
    seed : int
        Key of the multipliers, together with the draw and the firm's id or the cluster's number.

    Raises
    ------
    EstimationError
        Clusters in two ways, or groups of strata (`E_OPTION`); more than 1 % of draws are degenerate (`E_BOOTSTRAP`).

    Reference
    ---------
    Callaway and Sant'Anna (2021), Journal of Econometrics 225(2), section 4.1, algorithm 1; Mammen (1993), Annals of
    Statistics 21(1), section 3.
    """
    refuse_two_ways(moments.n_second)
    if moments.stratum is not None:
        raise EstimationError(
            "multipliers are not drawn with strata", where="inference.bootstrap", code="E_OPTION",
            hint='bootstrap = "none" takes the band in closed form',
        )  # fmt: skip
    if moments.cluster is not None:
        totals = np.array([a @ s for a, s in zip(influence, moments.total, strict=True)])
        key = hash_codes(np.unique(moments.cluster), seed)
        return multiplier_draws(cluster_sums(moments.cluster, totals), key, law, n_draws)
    scores = _Scores(values, moments, list(influence))
    unit = Unit.covering(np.sqrt(np.diag(moments.covariance(influence))), int(moments.n.sum()))

    def kernel(block: pa.RecordBatch, row: int) -> tuple[Partial, int]:
        psi, n = scores(block, row)
        key = stable_hash(pa.chunked_array([block.column(FIRM)]), seed)
        return block_sums(psi, key, law, n_draws, unit), n

    parts, counts = zip(*map_blocks(values.sample.panel, [FIRM, *values.names], kernel), strict=True)
    if sum(counts) != moments.n.sum():
        raise ValueError("groups must be those of the sample: same columns observed, same clusters")
    return draws(reduce(Partial.__add__, parts), law, unit)


def refuse_two_ways(n_second: int) -> None:
    """Refuse clusters in two ways, whose covariance no one multiplier gives.

    Raises
    ------
    EstimationError
        `E_OPTION`.
    """
    if n_second:
        raise EstimationError(
            "multipliers are drawn for firms, or for clusters in one way", where="inference.bootstrap",
            code="E_OPTION", hint='bootstrap = "none" takes the band in closed form',
        )  # fmt: skip


def _product(v: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return A v (n, K) of each row; sums in the order of columns, where BLAS's would depend on the number of rows."""
    found = np.zeros((len(v), len(matrix)))
    for column in np.flatnonzero(matrix.any(axis=0)):
        found += v[:, column, None] * matrix[:, column]
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class _Scores:
    values: Values
    moments: Moments
    matrices: list[NDArray[np.float64]]

    def __call__(self, block: pa.RecordBatch, row: int) -> tuple[NDArray[np.float64], int]:
        """Return A v of each firm of a block (n, K), 0 outside the groups, and how many firms are inside."""
        import pandas as pd

        firms, y = slice(row, row + block.num_rows), self.values.of(block, row) - self.moments.centre
        weight, cohort = self.values.sample.weight[firms], self.values.sample.panel.cohort[firms]
        seen = ~np.isnan(y)
        v = np.concatenate([np.ones((len(y), 1)), np.where(seen, y, 0.0)], axis=1) * weight[:, None]
        code = pd.factorize(np.where(weight > 0, cohort, -1))[0].astype(np.int64)
        for column in seen.T:
            code = pd.factorize(code * 2 + column)[0].astype(np.int64)
        order = np.argsort(code, kind="stable")
        found, n = np.zeros((len(y), len(self.matrices[0]))), 0
        for rows in np.split(order, np.flatnonzero(np.diff(code[order])) + 1):
            group = self._number.get((int(cohort[rows[0]]), seen[rows[0]].tobytes())) if weight[rows[0]] > 0 else None
            if group is not None:
                found[rows] = _product(v[rows], self.matrices[group])
                n += len(rows)
        return found, n

    @cached_property
    def _number(self) -> dict[tuple[int, bytes], int]:
        keys = zip(self.moments.cohort, self.moments.pattern, strict=True)
        return {(int(g), seen.tobytes()): c for c, (g, seen) in enumerate(keys)}
