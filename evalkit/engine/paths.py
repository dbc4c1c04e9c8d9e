"""Passes over outcome paths: ranges, group moments, baseline means."""

import dataclasses
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from evalkit.engine.local import map_blocks
from evalkit.errors import DataError, DesignError, EstimationError, UnknownNameError, did_you_mean
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Outcome
from evalkit.stats.cluster import require_two_clusters
from evalkit.stats.moments import Moments, Partial, Quantum, block_moments, combine
from evalkit.stats.scratch import padded
from evalkit.stats.transforms import transform

T = TypeVar("T")
_MOMENTS: "WeakKeyDictionary[MatchedSample, dict[tuple[str, ...], Moments]]" = WeakKeyDictionary()
_BASELINES: "WeakKeyDictionary[MatchedSample, dict[str, float]]" = WeakKeyDictionary()
_VARY: "WeakSet[Panel]" = WeakSet()


def paths(panel: Panel, block: pa.RecordBatch) -> NDArray[np.float64]:
    """Return all outcomes of a block side by side on their scales: (n, outcomes x periods), NaN where not observed.

    Values of a period follow each other in memory.
    """
    return _scaled(panel, [_levels(panel, block, outcome) for outcome in panel.outcomes])


def map_paths(sample: MatchedSample, kernel: Callable[[NDArray[np.float64], int], T]) -> Iterator[T]:
    """Yield `kernel(y, first_row)` for each block: all its outcomes as `paths` returns them.

    The baseline means of the sample are taken from the same read.
    """
    return map_paths_beside(sample, (), lambda y, _block, row: kernel(y, row))


def map_paths_beside(
    sample: MatchedSample, columns: Sequence[str], kernel: Callable[[NDArray[np.float64], pa.RecordBatch, int], T]
) -> Iterator[T]:
    """Yield `kernel(y, block, first_row)` as `map_paths` does; the block has some other columns too."""
    panel = sample.panel
    baseline = None if sample in _BASELINES else _Baseline(sample)
    values = []

    def on_block(block: pa.RecordBatch, row: int) -> tuple[T, NDArray[np.float64] | None]:
        levels = [_levels(panel, block, outcome) for outcome in panel.outcomes]
        own = None if baseline is None else baseline.values(levels, row)
        return kernel(_scaled(panel, levels), block, row), own

    for found, own in map_blocks(panel, list(dict.fromkeys((*path_columns(panel), *columns))), on_block):
        values.append(own)
        yield found
    if baseline is not None:
        _BASELINES[sample] = baseline.means(np.concatenate([own for own in values if own is not None]))


def _scaled(panel: Panel, levels: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return all outcomes side by side on their scales; the levels are written over where that saves memory."""
    wide = [transform(own, outcome.transform, own) for own, outcome in zip(levels, panel.outcomes, strict=True)]
    return wide[0] if len(wide) == 1 else np.concatenate(wide, axis=1)


def _levels(panel: Panel, block: pa.RecordBatch, outcome: Outcome) -> NDArray[np.float64]:
    """Return the values of one outcome (n, T), NaN where not observed; period after period, as Arrow has them."""
    levels = padded(len(panel.periods), block.num_rows).T
    for j, name in enumerate(panel.columns_of(outcome)):
        levels[:, j] = block.column(name).to_numpy(zero_copy_only=False)
    return levels


def path_columns(panel: Panel) -> list[str]:
    """Return the columns that `paths` reads, each once."""
    return list(dict.fromkeys(name for o in panel.outcomes for name in panel.columns_of(o)))


def sample_moments(sample: MatchedSample, strata: tuple[str, ...] = ()) -> Moments:
    """Return the group moments of all outcomes of a sample; the data are read once per sample and choice of strata.

    Firms of different `strata`, categories of the panel, are in different groups.

    Raises
    ------
    DesignError
        No firm has a positive weight.
    EstimationError
        A weight is negative or not finite (`E_WEIGHT`).
    """
    known = _MOMENTS.setdefault(sample, {})
    if strata not in known:
        known[strata] = _moments(sample, *category_codes(sample.panel, strata, "strata"))
    return known[strata]


def with_groups(sample: MatchedSample, chosen: NDArray[np.bool_]) -> MatchedSample:
    """Return the sample with some of its groups of moments (C,) alone; the data are not read again.

    It is good for what is estimated from moments. Its baseline means stay those of the whole sample.
    """
    found = dataclasses.replace(sample)
    _MOMENTS[found] = {(): sample_moments(sample).take(chosen)}
    _BASELINES[found] = baseline_means(sample)
    return found


def labelled_moments(sample: MatchedSample, label: NDArray[np.int64]) -> Moments:
    """Return group moments in which firms with different labels (n_firms,), from 0, are in different groups.

    The labels are the strata of the moments. Errors are those of `sample_moments`.
    """
    return _moments(sample, label, int(label.max(initial=0)) + 1)


def baseline_means(sample: MatchedSample) -> dict[str, float]:
    """Return the treated firms' weighted mean level of each outcome in the period before treatment.

    The sum is rounded once (`math.fsum`), so it does not depend on the order of firms. NaN when nothing is observed.
    The data are read once per sample.
    """
    if sample not in _BASELINES:
        deque(map_paths(sample, lambda _y, _row: None), maxlen=0)
    return dict(_BASELINES[sample])


class _Baseline:
    """Reads what baseline means are made of: levels of treated firms in the period before treatment."""

    def __init__(self, sample: MatchedSample) -> None:
        panel = sample.panel
        position = panel.cohort - 1 - panel.anticipation - panel.periods[0]
        counts = (panel.cohort > 0) & (sample.weight > 0) & (position >= 0) & (position < len(panel.periods))
        self._names = [outcome.name for outcome in panel.outcomes]
        self._rows = np.flatnonzero(counts)
        self._position, self._weight = position[self._rows], sample.weight[self._rows]

    def values(self, levels: list[NDArray[np.float64]], row: int) -> NDArray[np.float64]:
        """Return the levels (m, outcomes) of a block's firms that count."""
        own = slice(*np.searchsorted(self._rows, (row, row + len(levels[0]))))
        place = self._rows[own] - row, self._position[own]
        return np.stack([level[place] for level in levels], axis=1)

    def means(self, values: NDArray[np.float64]) -> dict[str, float]:
        """Return the weighted mean of each outcome, NaN when nothing is observed."""
        found = {}
        for name, own in zip(self._names, values.T, strict=True):
            seen = np.isfinite(own)
            weight = self._weight[seen]
            found[name] = math.fsum(weight * own[seen]) / math.fsum(weight) if seen.any() else math.nan
        return found


def _moments(sample: MatchedSample, stratum: NDArray[np.int64] | None, n_strata: int) -> Moments:
    groups, quantum = grouped(sample, stratum, n_strata), path_quantum(sample)
    weight, cohort = sample.weight, sample.panel.cohort

    def kernel(y: NDArray[np.float64], row: int) -> Partial:
        firms = slice(row, row + len(y))
        return block_moments(weight[firms], y, cohort[firms], quantum, groups.of(firms))

    return groups.taken_apart(combine(map_paths(sample, kernel), quantum))


@dataclasses.dataclass(frozen=True, eq=False)
class Grouping:
    """What keeps groups of moments apart beside cohort and pattern.

    Parameters
    ----------
    cluster, stratum : (n_firms,) int64 or None
        From 0; None where there is none.
    n_second, n_strata : int
        Levels of a second way of clustering, 0 for one way, and of strata.
    """

    cluster: NDArray[np.int64] | None
    stratum: NDArray[np.int64] | None
    n_second: int
    n_strata: int

    def of(self, firms: slice) -> NDArray[np.int64] | None:
        """Return the cluster of some firms as `block_moments` takes it, strata told in it."""
        cluster, stratum = (None if code is None else code[firms] for code in (self.cluster, self.stratum))
        if cluster is None or stratum is None:
            return stratum if cluster is None else cluster
        return cluster * self.n_strata + stratum

    def taken_apart(self, moments: Moments) -> Moments:
        """Return moments with cluster and stratum apart."""
        found = dataclasses.replace(moments, n_second=self.n_second)
        return found if self.stratum is None else found.with_strata(self.n_strata, self.cluster is not None)


def grouped(sample: MatchedSample, stratum: NDArray[np.int64] | None, n_strata: int) -> Grouping:
    """Return what keeps the groups of a sample with strata (n_firms,) apart.

    Raises
    ------
    DesignError
        No firm has a positive weight, or some have no cluster (`E_CLUSTERS`).
    EstimationError
        A weight is negative or not finite (`E_WEIGHT`); all firms that count are in one cluster (`E_CLUSTERS`).
    """
    weight = sample.weight
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise EstimationError("weights must be finite and not negative", code="E_WEIGHT")
    if not (weight > 0).any():
        raise DesignError("no firm has a positive weight", code="E_NO_TREATED")
    cluster, n_second = clusters(sample.panel)
    if cluster is not None:
        require_two_clusters(cluster[weight > 0], n_second)
    return Grouping(cluster, stratum, n_second, n_strata)


def path_quantum(sample: MatchedSample) -> Quantum:
    """Return what outcomes are rounded to."""
    return Quantum.covering(*path_bounds(sample.panel), float(sample.weight.max()))


def clusters(panel: Panel) -> tuple[NDArray[np.int64] | None, int]:
    """Return the cluster of each firm (n_firms,) from 0, None when each is its own; and the levels of a second way.

    Raises
    ------
    DesignError
        Some firms have no cluster (`E_CLUSTERS`).
    EstimationError
        All firms are in one cluster (`E_CLUSTERS`).
    """
    code, _ = category_codes(panel, panel.clusters, "covariates.clusters")
    n_second = category_codes(panel, panel.clusters[1:], "covariates.clusters")[1] if len(panel.clusters) > 1 else 0
    if code is not None:
        require_two_clusters(code, n_second)
    return code, n_second


def category_codes(panel: Panel, names: tuple[str, ...], where: str) -> tuple[NDArray[np.int64] | None, int]:
    """Return the code of each firm (n_firms,) over the combined levels of some columns, and how many there may be.

    Raises
    ------
    UnknownNameError
        The panel has no such column.
    DesignError
        Some firms have none of its levels (`E_CLUSTERS`).
    """
    code, size = None, 1
    for name in names:
        if name not in panel.column_names:
            raise UnknownNameError(
                f"the panel has no column '{name}'", where=where, hint=did_you_mean(name, panel.column_names)
            )
        column = panel.read([name]).column(0).combine_chunks()
        if column.null_count:
            raise DesignError(
                f"{column.null_count} firms have no '{name}'", where=where, code="E_CLUSTERS",
                hint="leave these firms out of the population, or choose another column",
            )  # fmt: skip
        levels = pa.array(sorted(pc.unique(column).to_pylist()))
        own = pc.index_in(column, levels).to_numpy().astype(np.int64)
        code = own if code is None else code * len(levels) + own
        size *= len(levels)
    return code, size


def require_variance(panel: Panel) -> None:
    """Refuse an outcome with one value everywhere, whose effect would be 0 without error; looked at once per panel.

    Raises
    ------
    DataError
        `E_NO_VARIANCE`.
    """
    if panel in _VARY:
        return
    for outcome in panel.outcomes:
        ends = panel.bounds(panel.columns_of(outcome))
        known = ends[:, ~np.isnan(ends[0])]
        if known.size and known.min() == known.max():
            raise DataError(
                "the outcome is the same everywhere", where=f"outcome '{outcome.name}'", code="E_NO_VARIANCE"
            )
    _VARY.add(panel)


def path_bounds(panel: Panel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the range of each outcome-period on its scale (outcomes x periods,), 0 where nothing is observed."""
    ranges = []
    for outcome in panel.outcomes:
        ends = transform(panel.bounds(panel.columns_of(outcome)), outcome.transform)
        if outcome.transform == "growth" or np.isnan(ends).any():
            ends = _scanned(panel, outcome)
        ranges.append(ends)
    low, high = np.nan_to_num(np.concatenate(ranges, axis=1))
    return low, high


def _scanned(panel: Panel, outcome: Outcome) -> NDArray[np.float64]:
    """Return the range (2, T) from the values themselves, where the ends of the levels do not give it."""

    def kernel(block: pa.RecordBatch, _row: int) -> NDArray[np.float64]:
        y = transform(_levels(panel, block, outcome), outcome.transform)
        empty = np.full((1, y.shape[1]), np.nan)
        return np.array([f.reduce(np.concatenate([y, empty]), axis=0) for f in (np.fmin, np.fmax)])

    ends = np.array(list(map_blocks(panel, panel.columns_of(outcome), kernel)))
    return np.array([np.fmin.reduce(ends[:, 0], axis=0), np.fmax.reduce(ends[:, 1], axis=0)])
