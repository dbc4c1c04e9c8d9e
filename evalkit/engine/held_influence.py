"""From the influence of all firms on all cells, held in memory, to covariance, cohort shares and draws."""

import dataclasses
from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.multipliers import caveats, refuse_two_ways
from evalkit.engine.paths import clusters
from evalkit.model.effects import CohortShares, Draws
from evalkit.model.sample import MatchedSample
from evalkit.stats.bootstrap import Drawn, Partial, Unit, block_sums, draws, multiplier_draws
from evalkit.stats.exact_gram import ROWS, column_moments
from evalkit.stats.moments import Moments, cluster_sums
from evalkit.stats.stable_hash import hash_codes, stable_hash


@dataclasses.dataclass(frozen=True, eq=False)
class Joint:
    """What all cells have together.

    Parameters
    ----------
    vcov : (K, K) float64
    shares : CohortShares
        For aggregation.
    draws : Draws or None
        Of a bootstrap, where the panel asks for one.
    notes : tuple of str
        Caveats by key.
    """

    vcov: NDArray[np.float64]
    shares: CohortShares
    draws: Draws | None
    notes: tuple[str, ...]


def joint(sample: MatchedSample, influence: NDArray[np.float64], cohorts: NDArray[np.int64]) -> Joint:
    """Return covariance, cohort shares and draws; sums are exact, so that the order of firms changes no bit.

    Parameters
    ----------
    sample : MatchedSample
    influence : (K, n_firms) float64
        Of each firm on each cell, 0 where it is in none.
    cohorts : (C,) int64
        Cohorts of the cells in order.

    Raises
    ------
    EstimationError
        See `evalkit.engine.multipliers.bootstrap`.
    """
    k, cohort = len(influence), sample.panel.cohort
    mass = [np.where(cohort == own, sample.weight, 0.0) for own in cohorts]
    code, n_second = clusters(sample.panel)
    columns = [*influence, *mass]
    moments = column_moments(columns, code, n_second)
    chosen = np.eye(k, len(columns) + 1, 1)
    product, total = moments.product.sum(axis=0)[1:, 1:], moments.total.sum(axis=0)[1:]
    vcov = moments.covariance([chosen] * moments.n_groups)
    drawn, told = _drawn(sample, columns, moments, k)
    shares = CohortShares(cohorts, total[k:], np.diag(product)[k:].copy(), product[:k, k:])
    return Joint(vcov, shares, drawn, told)


def _drawn(
    sample: MatchedSample, columns: Sequence[NDArray[np.float64]], moments: Moments, k: int
) -> tuple[Draws | None, tuple[str, ...]]:  # fmt: skip
    """Draw the deviations of all cells and of the masses of cohorts by random multipliers."""
    chosen = sample.panel.inference
    if chosen.bootstrap == "none":
        return None, ()
    refuse_two_ways(moments.n_second)
    law, seed, n = chosen.bootstrap, chosen.seed or 0, chosen.draws
    if moments.cluster is not None:
        sums = cluster_sums(moments.cluster, moments.total[:, 1:])
        found: Drawn = multiplier_draws(sums, hash_codes(np.unique(moments.cluster), seed), law, n)
    else:
        size = np.sqrt(np.diag(moments.product.sum(axis=0))[1:])
        unit, key = Unit.covering(size, sample.panel.n_firms), stable_hash(sample.panel.firm, seed)
        blocks = [slice(start, start + ROWS) for start in range(0, sample.panel.n_firms, ROWS)]
        parts = (block_sums(np.stack([c[b] for c in columns], axis=1), key[b], law, n, unit) for b in blocks)
        found = draws(reduce(Partial.__add__, parts), law, unit)
    return Draws(found.values[:, :k], found.values[:, k:]), caveats(found, n)
