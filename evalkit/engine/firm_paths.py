"""All firms' paths of one outcome at hand: for checks that must sort or rank firms."""

import dataclasses

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evalkit.engine.local import map_blocks
from evalkit.engine.paths import clusters, path_columns, paths
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Outcome
from evalkit.stats.moments import clustered
from evalkit.stats.observed import Observed


def primary(panel: Panel) -> Outcome:
    """Return the first primary outcome, or the first one when none is named."""
    return next((o for o in panel.outcomes if o.primary), panel.outcomes[0])


def firm_paths(sample: MatchedSample, outcome: Outcome) -> Observed:
    """Read one outcome of all firms on its scale."""
    panel = sample.panel
    alone = dataclasses.replace(panel, outcomes=(outcome,))

    def kernel(block: pa.RecordBatch, _row: int) -> NDArray[np.float64]:
        return paths(alone, block)

    y = np.concatenate(list(map_blocks(alone, path_columns(alone), kernel)))
    return Observed(y, sample.weight, panel.cohort, panel.periods, panel.anticipation)


def influence_errors(panel: Panel, influence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard errors (K,) of estimates with the firms' influences (n_firms, K), clustered as the panel is.

    Raises
    ------
    DesignError
        Some firms have no cluster (`E_CLUSTERS`).
    """
    code, n_second = clusters(panel)
    if code is None:
        return np.asarray(np.sqrt((influence**2).sum(axis=0)), np.float64)
    return np.asarray(np.sqrt(np.diag(clustered(influence, code, n_second))), np.float64)
