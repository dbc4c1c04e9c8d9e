"""A sample of some of its firms."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.model.sample import MatchedSample


def of_firms(sample: MatchedSample, rows: NDArray[np.intp]) -> MatchedSample:
    """Return the sample of some firms: their rows of the panel and their weights, without pairs and matched sets.

    Parameters
    ----------
    sample : MatchedSample
        All firms; its panel is best in memory when several parts of it are taken.
    rows : (n,) int
        Which rows of the panel, in ascending order.
    """
    import pyarrow as pa

    panel = sample.panel
    table = panel.read(panel.column_names).take(pa.array(rows))
    return dataclasses.replace(
        sample, panel=dataclasses.replace(panel, source=table), weight=sample.weight[rows],
        subclass=sample.subclass[rows], distance=sample.distance[rows], reason=sample.reason[rows],
        pairs=sample.pairs.slice(0, 0), sets=None,
    )  # fmt: skip
