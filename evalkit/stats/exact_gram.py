"""Sums of products of columns that do not depend on the order of rows."""

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.moments import Moments, Partial, Quantum, block_moments, combine

ROWS = 1 << 17
"""Rows rounded at a time."""


def column_moments(
    columns: NDArray[np.float64], cluster: NDArray[np.int64] | None = None, n_second: int = 0
) -> Moments:  # fmt: skip
    """Return the moments of columns without missing values (n, K) by cluster, each column after a leading 1.

    Columns are rounded at 2^-37 of their largest absolute value and added up as integers.

    Parameters
    ----------
    columns : (n, K) float64
    cluster : (n,) int64, optional
        Clusters, from 0; one group without them.
    n_second : int
        Levels of a second way of clustering, 0 for one way.
    """
    reach = np.maximum(columns.max(axis=0, initial=0.0), -columns.min(axis=0, initial=0.0))
    quantum = Quantum.covering(-reach, reach, 1.0)

    def blocks() -> Iterator[Partial]:
        for start in range(0, len(columns), ROWS):
            rows = slice(start, start + ROWS)
            own = columns[rows]
            code = None if cluster is None else cluster[rows]
            yield block_moments(np.ones(len(own)), own, np.zeros(len(own), np.int32), quantum, code)

    return dataclasses.replace(combine(blocks(), quantum), n_second=n_second)


def exact_gram(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of products (K, K) of columns (n, K)."""
    found: NDArray[np.float64] = column_moments(columns).product.sum(axis=0)[1:, 1:]
    return found
