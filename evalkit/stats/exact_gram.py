"""Sums of products of columns that do not depend on the order of rows."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.moments import Moments, Partial, Quantum, block_moments, combine

ROWS = 1 << 17
"""Rows rounded at a time."""


def column_moments(
    columns: Sequence[NDArray[np.float64]], cluster: NDArray[np.int64] | None = None, n_second: int = 0
) -> Moments:  # fmt: skip
    """Return the moments of columns without missing values, K of (n,), by cluster, each column after a leading 1.

    Columns are rounded at 2^-37 of their largest absolute value and added up as integers.

    Parameters
    ----------
    columns : sequence of (n,) float64
    cluster : (n,) int64, optional
        Clusters, from 0; one group without them.
    n_second : int
        Levels of a second way of clustering, 0 for one way.
    """
    reach = np.array([max(float(c.max(initial=0.0)), -float(c.min(initial=0.0))) for c in columns])
    quantum = Quantum.covering(-reach, reach, 1.0)

    def blocks() -> Iterator[Partial]:
        for start in range(0, len(columns[0]), ROWS):
            rows = slice(start, start + ROWS)
            own = np.stack([column[rows] for column in columns], axis=1)
            code = None if cluster is None else cluster[rows]
            yield block_moments(np.ones(len(own)), own, np.zeros(len(own), np.int32), quantum, code)

    return dataclasses.replace(combine(blocks(), quantum), n_second=n_second)


def exact_gram(columns: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the sums of products (K, K) of K columns (n,)."""
    found: NDArray[np.float64] = column_moments(columns).product.sum(axis=0)[1:, 1:]
    return found


def to_unit_range(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring a column to -1 to 1, so that its products keep their digits; one that does not vary becomes 0."""
    low, high = column.min(), column.max()
    return np.asarray((column - (low + high) / 2) / ((high - low) / 2 if high > low else 1.0), np.float64)
