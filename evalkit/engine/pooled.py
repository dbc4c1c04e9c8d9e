"""Several comparison groups at once: one sample in which each outcome is observed against each group alone.

An outcome of a group is that of the firms compared in it, and not observed for all others. So any estimator gives the
effects against all groups with their joint covariance: the groups share their treated firms.
"""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.model.panel import COHORT, FIRM, Panel
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Outcome

if TYPE_CHECKING:
    import pyarrow as pa

SEPARATOR = "\x1f"
"""Between an outcome and a group in names: no file has it in a header."""
SAME_WEIGHT = 1e-12


def name_in(outcome: str, group: str) -> str:
    """Return what an outcome is called against one group."""
    return f"{outcome}{SEPARATOR}{group}"


def of_group(panel: Panel, group: str) -> tuple[Panel, NDArray[np.intp]]:
    """Return the treated firms and those of one comparison group, and their rows in the panel."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_in = pc.fill_null(pc.equal(panel.read([panel.pool]).column(0), group), False).to_numpy()
    rows = np.flatnonzero(np.asarray(is_in, bool) | (panel.cohort > 0))
    table = panel.read(panel.column_names).take(pa.array(rows))
    return dataclasses.replace(panel, source=table), rows


def pooled(panel: Panel, samples: Mapping[str, tuple[MatchedSample, NDArray[np.intp]]]) -> MatchedSample:
    """Put the samples of several groups together.

    Parameters
    ----------
    panel : Panel
        All firms.
    samples : dict of str to (MatchedSample, (n,) int)
        For each group the sample, and the rows of its firms in the panel.

    Raises
    ------
    DesignError
        A treated firm has different weights in two groups (`E_WEIGHTS`): their effects are not those of one mean.
    """
    weight = np.zeros(panel.n_firms)
    inside = {}
    for group, (sample, rows) in samples.items():
        own = np.zeros(panel.n_firms)
        own[rows] = sample.weight
        both = (own > 0) & (weight > 0)
        if (np.abs(own - weight)[both] > SAME_WEIGHT * weight[both]).any():
            raise DesignError(
                f"treated firms have other weights against '{group}' than against another group", where="match",
                code="E_WEIGHTS", hint="match so that treated firms keep a weight of 1",
            )  # fmt: skip
        weight = np.where(own > 0, own, weight)
        inside[group] = own > 0
    rows = np.flatnonzero(weight > 0)
    first = next(iter(samples.values()))[0]
    return MatchedSample(
        panel=_masked(panel, rows, inside), weight=weight[rows], subclass=np.full(len(rows), -1, np.int32),
        distance=np.full(len(rows), np.nan), reason=np.full(len(rows), "", dtype=object), pairs=first.pairs.slice(0, 0),
        method=first.method, options=first.options, estimand=first.estimand,
    )  # fmt: skip


def _masked(panel: Panel, rows: NDArray[np.intp], inside: Mapping[str, NDArray[np.bool_]]) -> Panel:
    """Return some firms with each outcome once for each group."""
    import pyarrow as pa

    place = pa.array(rows)
    beside = dict.fromkeys([FIRM, COHORT, *(c.name for c in panel.covariates), *panel.clusters])
    columns: dict[str, pa.ChunkedArray] = {
        name: column.take(place) for name, column in zip(beside, panel.read(list(beside)).columns, strict=True)
    }
    outcomes = []
    for outcome in panel.outcomes:
        values = [column.take(place) for column in panel.read(panel.columns_of(outcome)).columns]
        for group, is_in in inside.items():
            own = _named(outcome, group)
            outcomes.append(own)
            outside = pa.array(~is_in[rows])
            for name, column in zip(panel.columns_of(own), values, strict=True):
                columns[name] = _null_where(column, outside)
    return dataclasses.replace(
        panel, source=pa.table(columns), outcomes=tuple(outcomes), dose="", award_path="", pool=""
    )


def _named(outcome: Outcome, group: str) -> Outcome:
    return outcome.model_copy(
        update={"name": name_in(outcome.name, group), "column": name_in(outcome.column, group)}
    )  # fmt: skip


def _null_where(column: "pa.ChunkedArray", outside: "pa.Array") -> "pa.ChunkedArray":
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(outside, pa.scalar(None, column.type), column)
