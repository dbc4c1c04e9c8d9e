"""A sample whose awards are made up: some years earlier than they were, with nothing known from then on."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from evalkit.model.panel import COHORT, Panel
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Outcome


def earlier_awards(sample: MatchedSample, outcome: Outcome, years: int) -> MatchedSample | None:
    """Move all awards to some periods before firms may react to them, and forget what came then.

    The outcome of a treated firm is not observed from the first period on in which it may react to its real award.
    Cohorts without a period before the made-up award are left out, and those treated after the last period stay as
    they are. Weights, sets and covariates stay those of the real award. An award path moves along.

    Parameters
    ----------
    sample : MatchedSample
    outcome : Outcome
        The one that the panel is left with.
    years : int
        Periods between the made-up award and the first one in which firms may react to the real one.

    Returns
    -------
    MatchedSample or None
        None when no cohort is left.
    """
    panel, shift = sample.panel, years + sample.panel.anticipation
    treated = (panel.cohort > 0) & (panel.cohort <= panel.periods[-1])
    moved = treated & (panel.cohort - shift > panel.periods[0])
    weight = np.where(treated & ~moved, 0.0, sample.weight)
    if not (moved & (weight > 0)).any():
        return None
    cohort = np.where(moved, panel.cohort - shift, panel.cohort)
    own = panel.columns_of(outcome)
    others = {name for o in panel.outcomes for name in panel.columns_of(o)}.difference(own)
    table = panel.read([name for name in panel.column_names if name not in others])
    table = _with(table, COHORT, pa.array(cohort.astype(np.int32), mask=cohort == 0))
    for period, name in zip(panel.periods, own, strict=True):
        is_known = pa.array(~treated | (period < panel.cohort - panel.anticipation))
        table = _with(table, name, pc.if_else(is_known, table.column(name), None))
    for name, column in _award_path(panel, table, moved, shift).items():
        table = _with(table, name, column)
    made_up = dataclasses.replace(panel, source=table, outcomes=(outcome,), anticipation=0)
    return dataclasses.replace(sample, panel=made_up, weight=weight)


def _award_path(panel: Panel, table: pa.Table, moved: NDArray[np.bool_], shift: int) -> dict[str, pa.ChunkedArray]:
    """Return the columns of the award path with those of firms that moved `shift` periods earlier."""
    names = panel.award_columns
    later = [table.column(name) for name in names[shift:]] + [0.0] * shift
    is_moved = pa.array(moved)
    return {name: pc.if_else(is_moved, own, table.column(name)) for name, own in zip(names, later, strict=False)}


def _with(table: pa.Table, name: str, column: "pa.Array | pa.ChunkedArray") -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)
