"""A sample whose outcome has its ends moved to quantiles."""

import dataclasses

import numpy as np

from evalkit.model.sample import MatchedSample
from evalkit.model.study import Outcome
from evalkit.stats.winsorising import ends


def winsorised(sample: MatchedSample, outcome: Outcome, share: float) -> MatchedSample:
    """Return the sample with one outcome, of which `share` at each end of every period is moved to the quantile there.

    Quantiles are over the firms of the sample, treated or not.
    """
    import pyarrow as pa

    panel, counts = sample.panel, sample.weight > 0
    own = panel.columns_of(outcome)
    others = {name for o in panel.outcomes for name in panel.columns_of(o)}.difference(own)
    table = panel.read([name for name in panel.column_names if name not in others])
    for name in own:
        values = table.column(name).to_numpy().astype(np.float64)
        low, high = ends(values[counts], (share, 1.0 - share))
        moved = pa.array(np.clip(values, low, high), mask=np.isnan(values))
        table = table.set_column(table.column_names.index(name), name, moved)
    return dataclasses.replace(sample, panel=dataclasses.replace(panel, source=table, outcomes=(outcome,)))
