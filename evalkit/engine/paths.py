"""Passes over outcome paths: ranges, group moments, baseline means."""

import math
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evalkit.engine.local import map_blocks
from evalkit.errors import DesignError, EstimationError
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.moments import Moments, Partial, Quantum, block_moments, combine
from evalkit.stats.transforms import transform

_MOMENTS: "WeakKeyDictionary[MatchedSample, Moments]" = WeakKeyDictionary()


def paths(panel: Panel, block: pa.RecordBatch) -> NDArray[np.float64]:
    """Return all outcomes of a block side by side on their scales: (n, outcomes x periods), NaN where not observed."""
    wide = []
    for outcome in panel.outcomes:
        levels = np.empty((block.num_rows, len(panel.periods)))
        for j, name in enumerate(panel.columns_of(outcome)):
            levels[:, j] = block.column(name).to_numpy(zero_copy_only=False)
        wide.append(transform(levels, outcome.transform))
    return wide[0] if len(wide) == 1 else np.concatenate(wide, axis=1)


def path_columns(panel: Panel) -> list[str]:
    """Return the columns that `paths` reads, each once."""
    return list(dict.fromkeys(name for o in panel.outcomes for name in panel.columns_of(o)))


def sample_moments(sample: MatchedSample) -> Moments:
    """Return the group moments of all outcomes of a sample; the data are read once per sample.

    Raises
    ------
    DesignError
        No firm has a positive weight.
    EstimationError
        A weight is negative or not finite (`E_WEIGHT`).
    """
    if sample not in _MOMENTS:
        _MOMENTS[sample] = _moments(sample)
    return _MOMENTS[sample]


def baseline_means(sample: MatchedSample) -> dict[str, float]:
    """Return the treated firms' weighted mean level of each outcome in the period before treatment.

    The sum is rounded once (`math.fsum`), so it does not depend on the order of firms. NaN when nothing is observed.
    """
    panel = sample.panel
    before = panel.cohort - 1 - panel.anticipation
    treated = np.flatnonzero((panel.cohort > 0) & (sample.weight > 0))
    rows = pa.array(treated)
    means = {}
    for outcome in panel.outcomes:
        table = panel.read(panel.columns_of(outcome)).take(rows)
        levels = np.column_stack([c.to_numpy().astype(float) for c in table.columns])
        position = before[treated] - panel.periods[0]
        valid = (position >= 0) & (position < len(panel.periods))
        value = np.full(len(treated), np.nan)
        value[valid] = levels[np.flatnonzero(valid), position[valid]]
        seen = np.isfinite(value)
        weight = sample.weight[treated][seen]
        means[outcome.name] = math.fsum(weight * value[seen]) / math.fsum(weight) if seen.any() else math.nan
    return means


def _moments(sample: MatchedSample) -> Moments:
    panel, weight = sample.panel, sample.weight
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise EstimationError("weights must be finite and not negative", code="E_WEIGHT")
    if not (weight > 0).any():
        raise DesignError("no firm has a positive weight", code="E_NO_TREATED")
    columns, cohort = path_columns(panel), panel.cohort

    def bounds(block: pa.RecordBatch, row: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        y = paths(panel, block)[weight[row : row + block.num_rows] > 0]
        y = y if len(y) else np.full((1, y.shape[1]), np.nan)
        return np.fmin.reduce(y, axis=0), np.fmax.reduce(y, axis=0)

    lows, highs = zip(*map_blocks(panel, columns, bounds), strict=True)
    low, high = (np.nan_to_num(f.reduce(np.array(v), axis=0)) for f, v in ((np.fmin, lows), (np.fmax, highs)))
    quantum = Quantum.covering(low, high, float(weight.max()))

    def kernel(block: pa.RecordBatch, row: int) -> Partial:
        firms = slice(row, row + block.num_rows)
        return block_moments(weight[firms], paths(panel, block), cohort[firms], quantum)

    return combine(map_blocks(panel, columns, kernel), quantum)
