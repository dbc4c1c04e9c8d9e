"""Group moments of firm paths: read the data once, then every fixed-effects specification is free.

Firms that share cohort and pattern of observed periods form a group. With v_i = (w_i, w_i y_i1, ..., w_i y_iD) a group
keeps n, the sum S = sum v_i and the sum of products Q = sum v_i v_i'. Every linear estimator and its firm-clustered
covariance follow from these.

The sums are exact: each column of v is rounded once to a multiple of a power of two and added up as integers (see
`limbs`). So threads, blocks, file splits and row order cannot change a bit.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.limbs import MAGNITUDE_BITS, Adder, Sums, exact_sums
from evalkit.stats.scratch import Scratch, chunks

RARE_ROWS = 256
"""Groups with fewer rows in a block wait until their rows from all blocks are together."""

_PATTERN_BITS = 32
"""Columns whose pattern is coded at once; a cohort or an earlier code fits beside them in 63 bits."""

_LOOK_AT = 512
"""Rows of a block from which the most common group is guessed."""

Key = tuple[int, int, bytes]
"""Cohort, cluster, pattern of observed columns."""
NO_CLUSTER = -1


@dataclasses.dataclass(frozen=True)
class Quantum:
    """Centre and rounding unit of each column of v.

    Parameters
    ----------
    centre : (D,) float64
        Subtracted from y before weighting (a multiple of a power of two).
    exponent : (D + 1,) int
        Column j of v is rounded to a multiple of 2**-exponent[j]; column 0 is the weight.
    """

    centre: NDArray[np.float64]
    exponent: NDArray[np.int64]

    @classmethod
    def covering(cls, low: NDArray[np.float64], high: NDArray[np.float64], largest_weight: float) -> "Quantum":
        """Choose the finest unit for values within [low, high] (D,) and weights up to `largest_weight`."""
        middle, half = (low + high) / 2, (high - low) / 2
        step = 2.0 ** np.floor(np.log2(np.maximum(np.maximum(np.abs(low), np.abs(high)), 2.0**-60)) - 20)
        centre = np.round(middle / step) * step
        reach = np.concatenate([[1.0], np.maximum(half + np.abs(middle - centre), 2.0**-40)]) * largest_weight
        return cls(centre, (MAGNITUDE_BITS - 1 - np.ceil(np.log2(reach))).astype(np.int64))


@dataclasses.dataclass
class Partial:
    """Exact integer sums of one block, and the rows of rare groups: numbers of their keys (m,), and v' (D + 1, m)."""

    sums: dict[Key, Sums]
    rare_keys: list[Key]
    rare_code: NDArray[np.int64]
    rare_rows: NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Moments:
    """Group moments of D outcome-periods.

    Parameters
    ----------
    cohort : (C,) int64
        Cohort of each group, 0 for never treated.
    observed : (C, D) bool
        Which columns the group's firms have.
    n : (C,) int64
        Distinct firms.
    total : (C, D + 1) float64
        Sums of v; column 0 is the sum of weights. Columns not observed are 0.
    product : (C, D + 1, D + 1) float64
        Sums of v v'.
    centre : (D,) float64
        Value subtracted from each column of y.
    cluster : (C,) int64 or None
        Cluster of each group where clusters are larger than firms; None when each firm is its own.
    n_second : int
        With clusters in two ways, a cluster is first * n_second + second; otherwise 0.
    stratum : (C,) int64 or None
        Stratum of each group, where groups are kept apart by strata too.
    whole : (C, D) bool or None
        What the firms have, where some of it is treated as not observed.
    """

    cohort: NDArray[np.int64]
    observed: NDArray[np.bool_]
    n: NDArray[np.int64]
    total: NDArray[np.float64]
    product: NDArray[np.float64]
    centre: NDArray[np.float64]
    cluster: NDArray[np.int64] | None = None
    n_second: int = 0
    stratum: NDArray[np.int64] | None = None
    whole: NDArray[np.bool_] | None = None

    @property
    def pattern(self) -> NDArray[np.bool_]:
        """Columns that the firms of each group have (C, D), left out or not."""
        return self.observed if self.whole is None else self.whole

    @property
    def ways(self) -> "tuple[NDArray[np.int64], ...]":
        """Clusters (C,) in each way; none when each firm is its own."""
        return () if self.cluster is None else cluster_ways(self.cluster, self.n_second)

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.cohort)

    def with_strata(self, n_strata: int, has_clusters: bool) -> "Moments":
        """Take the cluster of each group apart into cluster and stratum: it was cluster * n_strata + stratum."""
        if self.cluster is None:
            return self
        cluster = self.cluster // n_strata if has_clusters else None
        return dataclasses.replace(self, cluster=cluster, stratum=self.cluster % n_strata)

    def take(self, keep: NDArray[np.bool_]) -> "Moments":
        """Return some of the groups (C,)."""
        return dataclasses.replace(
            self, cohort=self.cohort[keep], observed=self.observed[keep], n=self.n[keep], total=self.total[keep],
            product=self.product[keep], cluster=None if self.cluster is None else self.cluster[keep],
            stratum=None if self.stratum is None else self.stratum[keep],
            whole=None if self.whole is None else self.whole[keep],
        )  # fmt: skip

    def without(self, unseen: NDArray[np.bool_]) -> "Moments":
        """Return the moments as if the columns marked for each group (C, D) had not been observed."""
        seen = self.observed & ~unseen
        keep = np.concatenate([np.ones((self.n_groups, 1), dtype=bool), seen], axis=1)
        return dataclasses.replace(
            self,
            observed=seen,
            whole=self.pattern,
            total=np.where(keep, self.total, 0.0),
            product=np.where(keep[:, :, None] & keep[:, None, :], self.product, 0.0),
        )

    def covariance(self, influence: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Sum the outer products of the clusters' influence values.

        Parameters
        ----------
        influence : iterable of (K, D + 1)
            For each group in order, the matrix A with influence psi_i = A v_i.

        Returns
        -------
        (K, K)
            sum_c A_c Q_c A_c' over groups when firms are the clusters; otherwise the sum over clusters of the outer
            product of sum_c A_c S_c over their groups. In two ways: the sum of both less that of their intersections,
            with negative directions, which that can have, at 0 (Cameron, Gelbach and Miller 2011, section 2.3).
        """
        if self.cluster is not None:
            scores = np.array([a @ s for a, s in zip(influence, self.total, strict=True)])
            return clustered(scores, self.cluster, self.n_second)
        total: NDArray[np.float64] | None = None
        for a, q in zip(influence, self.product, strict=True):
            part = a @ q @ a.T
            total = part if total is None else total + part
        if total is None:
            raise ValueError("no groups")
        return (total + total.T) / 2


def clustered(scores: NDArray[np.float64], cluster: NDArray[np.int64], n_second: int) -> NDArray[np.float64]:
    """Return the covariance (K, K) of estimates from the influence of groups (C, K) and their clusters (C,).

    In two ways (`n_second` above 0) a cluster is first * n_second + second.
    """
    parts = [x.T @ x for x in (cluster_sums(way, scores) for way in (*cluster_ways(cluster, n_second), cluster))]
    return _positive(parts[0] + parts[1] - parts[2]) if n_second else parts[0]


def cluster_ways(cluster: NDArray[np.int64], n_second: int) -> tuple[NDArray[np.int64], ...]:
    """Return clusters (n,) in each way; in two ways a cluster is first * n_second + second."""
    return (cluster // n_second, cluster % n_second) if n_second else (cluster,)


def _positive(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put the negative eigenvalues of a symmetric matrix at 0."""
    size, axes = np.linalg.eigh(matrix)
    return np.asarray(matrix if size[0] >= 0 else (axes * np.maximum(size, 0.0)) @ axes.T, np.float64)


def cluster_sums(cluster: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add up the values of groups (C, ...) within clusters (C,); returns (n_clusters, ...), clusters in order."""
    _, place = np.unique(cluster, return_inverse=True)
    sums = np.zeros((place.max(initial=-1) + 1, *values.shape[1:]))
    np.add.at(sums, place, values)
    return sums


def block_moments(
    weight: NDArray[np.float64], y: NDArray[np.float64], cohort: NDArray[np.int32], quantum: Quantum,
    cluster: NDArray[np.int64] | None = None,
) -> Partial:  # fmt: skip
    """Sum one block of firms.

    Parameters
    ----------
    weight : (n,) float64
        Firms with weight 0 are left out.
    y : (n, D) float64
        Outcome-periods, NaN where not observed.
    cohort : (n,) int32
        Cohorts, 0 for never treated.
    quantum : Quantum
        Rounding unit.
    cluster : (n,) int64, optional
        Clusters larger than firms, from 0.
    """
    keep = weight > 0
    if not keep.all():
        weight, y, cohort = weight[keep], y[keep], cohort[keep]
        cluster = None if cluster is None else cluster[keep]
    seen = ~np.isnan(y)
    code = _codes(cohort, seen, cluster)
    common = _common(code)
    rest, bounds = _by_group(code, np.flatnonzero(code != common) if common is not None else np.arange(len(code)))
    keys = _keys(rest[bounds[:-1]], cohort, seen, cluster)
    q = _quantised(weight[rest], y[rest].T, quantum)
    sizes = np.diff(bounds)
    sums = {keys[j]: exact_sums(q[:, bounds[j] : bounds[j + 1]]) for j in np.flatnonzero(sizes >= RARE_ROWS)}
    if common is not None:
        (key,) = _keys(np.array([np.argmax(code == common)]), cohort, seen, cluster)
        sums[key] = _all_sums(weight, y, quantum) - exact_sums(q)
    is_rare = np.repeat(sizes < RARE_ROWS, sizes)
    return Partial(sums, keys, np.repeat(np.arange(len(keys)), sizes)[is_rare], q[:, is_rare])


def combine(partials: Iterable[Partial], quantum: Quantum) -> Moments:
    """Add the blocks up and turn the integers into floating moments, groups sorted by cohort and pattern."""
    sums: dict[Key, Sums] = {}
    parts = list(partials)
    for partial in parts:
        for key, value in partial.sums.items():
            sums[key] = sums[key] + value if key in sums else value
    for key, rows in _gathered(parts):
        own = exact_sums(rows)
        sums[key] = sums[key] + own if key in sums else own
    keys = sorted(sums)
    n_columns = len(quantum.exponent)
    unit = np.ldexp(1.0, -quantum.exponent.astype(int))
    observed = [np.unpackbits(np.frombuffer(k[2], np.uint8), count=n_columns - 1) for k in keys]
    cluster = np.array([k[1] for k in keys], dtype=np.int64)
    return Moments(
        cohort=np.array([k[0] for k in keys], dtype=np.int64),
        observed=np.array(observed, dtype=bool).reshape(len(keys), n_columns - 1),
        n=np.array([sums[k].n for k in keys], dtype=np.int64),
        total=np.array([sums[k].total * unit for k in keys]).reshape(len(keys), n_columns),
        product=np.array([sums[k].product * np.outer(unit, unit) for k in keys]).reshape(-1, n_columns, n_columns),
        centre=quantum.centre,
        cluster=cluster if (cluster != NO_CLUSTER).any() else None,
    )


def joined(parts: Sequence[Moments]) -> Moments:
    """Put the groups of several lots of firms, in the same columns, one after the other."""
    clusters = [part.cluster for part in parts if part.cluster is not None]
    return dataclasses.replace(
        parts[0], cohort=np.concatenate([part.cohort for part in parts]),
        observed=np.concatenate([part.observed for part in parts]), n=np.concatenate([part.n for part in parts]),
        total=np.concatenate([part.total for part in parts]), product=np.concatenate([part.product for part in parts]),
        cluster=np.concatenate(clusters) if clusters else None,
    )  # fmt: skip


def _all_sums(weight: NDArray[np.float64], y: NDArray[np.float64], quantum: Quantum) -> Sums:
    """Sum all rows of a block, a piece at a time so that they stay in the processor's cache."""
    adder, scratch = Adder(len(quantum.exponent)), Scratch()
    for part in chunks(slice(0, len(y))):
        out = scratch("quantised", len(quantum.exponent), part.stop - part.start)
        adder.add(_quantised(weight[part], y[part].T, quantum, out))
    return adder.sums


def _quantised(
    weight: NDArray[np.float64], y: NDArray[np.float64], quantum: Quantum, out: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:  # fmt: skip
    """Return v' (D + 1, m) of outcomes y' (D, m) in units of the quantum, as integer-valued doubles."""
    scale = np.ldexp(1.0, quantum.exponent.astype(int))
    q = np.empty((len(y) + 1, y.shape[1])) if out is None else out
    np.multiply(weight, scale[0], out=q[0])
    own = np.subtract(y, quantum.centre[:, None], out=q[1:])
    if (weight != 1.0).any():
        own *= weight
    own *= scale[1:, None]
    np.copyto(own, 0.0, where=np.isnan(own))
    return np.rint(q, out=q)


def _codes(
    cohort: NDArray[np.int32], seen: NDArray[np.bool_], cluster: NDArray[np.int64] | None
) -> NDArray[np.int64]:  # fmt: skip
    """Return a number for each row of a block, equal for rows of one group."""
    import pandas as pd

    code = cohort.astype(np.int64)
    if cluster is not None:
        code = pd.factorize(code << _PATTERN_BITS | cluster)[0].astype(np.int64)
    for start in range(0, seen.shape[1], _PATTERN_BITS):
        pattern = np.zeros(len(seen), dtype=np.uint32)
        for column in seen[:, start : start + _PATTERN_BITS].T:
            np.left_shift(pattern, 1, out=pattern)
            np.bitwise_or(pattern, column, out=pattern)
        code = pd.factorize(code)[0].astype(np.int64) if start else code
        code = code << _PATTERN_BITS | pattern
    return code


def _common(code: NDArray[np.int64]) -> np.int64 | None:
    """Return the code that most rows have, None when no group has as many.

    The sums of that group are those of all rows less those of the rest, so that its rows need not be brought together.
    """
    values, n = np.unique(code[:: max(1, len(code) // _LOOK_AT)], return_counts=True)
    if not len(values) or 2 * np.count_nonzero(code == values[n.argmax()]) <= len(code):
        return None
    found: np.int64 = values[n.argmax()]
    return found


def _keys(
    rows: NDArray[np.intp], cohort: NDArray[np.int32], seen: NDArray[np.bool_], cluster: NDArray[np.int64] | None
) -> list[Key]:
    """Return the keys of the groups of some rows."""
    own = np.full(len(rows), NO_CLUSTER) if cluster is None else cluster[rows]
    packed = np.packbits(seen[rows], axis=1)
    return [(int(c), int(k), row.tobytes()) for c, k, row in zip(cohort[rows], own, packed, strict=True)]


def _by_group(code: NDArray[np.int64], rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return some rows in order of their group, and where each group starts (n_groups + 1,)."""
    import pandas as pd

    number, found = pd.factorize(code[rows])
    small = number.astype(np.uint16) if len(found) <= 1 << 16 else number
    bounds = np.concatenate([[0], np.cumsum(np.bincount(number, minlength=len(found)))])
    return rows[np.argsort(small, kind="stable")], bounds


def _gathered(parts: list[Partial]) -> Iterable[tuple[Key, NDArray[np.float64]]]:
    """Bring the rows of each rare group together over all blocks."""
    number: dict[Key, int] = {}
    codes, rows = [], []
    for partial in parts:
        if partial.rare_rows.shape[1]:
            lookup = np.array([number.setdefault(k, len(number)) for k in partial.rare_keys], dtype=np.int64)
            codes.append(lookup[partial.rare_code])
            rows.append(partial.rare_rows)
    if not rows:
        return
    code = np.concatenate(codes)
    order = np.argsort(code, kind="stable")
    bounds = np.searchsorted(code, np.arange(len(number) + 1), sorter=order)
    q = np.concatenate(rows, axis=1)[:, order]
    for key, j in number.items():
        if bounds[j] < bounds[j + 1]:
            yield key, q[:, bounds[j] : bounds[j + 1]]
