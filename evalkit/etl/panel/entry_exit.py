"""Entry and exit of firms on the grid: exit as an outcome, firm-years after closure, firms seen too late."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.needs import EXIT_CAUSE, EXIT_OUTCOMES, EXIT_PERIOD
from evalkit.etl.panel.firm_years import Grid, Places
from evalkit.etl.panel.lives import CAUSES, NEVER, Lives, closures, last_seen
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.study import Study

if TYPE_CHECKING:
    import pyarrow as pa

EXITED, SURVIVED = EXIT_OUTCOMES


def with_exits(study: Study, grid: Grid, places: Places, records: "pa.Table | None") -> tuple[Grid, Flow]:
    """Add exit as an outcome to the grid, where the study declares how exits are known.

    `exited` is 0 while a firm is in business and 1 from the period of its exit on; `survived` is the opposite. Both
    are not known before a firm is first seen and from where it is censored.

    Returns
    -------
    grid : Grid
        With `number:exited` and `number:survived`.
    flow : Flow
        Firm-years after the closure of their firm are counted, and stay.
    """
    if not study.firms.exit:
        return grid, Flow()
    is_seen = seen(places)
    lives = _lives(study, grid, is_seen, records)
    period = np.array(grid.periods)[:, None]
    is_over = period >= lives.end
    exited = (is_over & lives.is_exit).astype(np.float64)
    exited[(is_over & lives.is_censored) | ~np.maximum.accumulate(is_seen, axis=0)] = np.nan
    columns = {**grid.columns, f"number:{EXITED}": exited, f"number:{SURVIVED}": 1 - exited}
    n_late = int(np.count_nonzero(is_seen & (period > lives.end)))
    n_seen = int(np.count_nonzero(is_seen))
    reason = f"firm-years after the closure of their firm: {n_late}"
    step = FlowStep("closures", "firm-years", n_seen, n_seen, reason=reason if n_late else "")
    return dataclasses.replace(grid, columns=columns), Flow().add(step)


def _lives(study: Study, grid: Grid, is_seen: NDArray[np.bool_], records: "pa.Table | None") -> Lives:
    if study.firms.exit == "last_seen" or records is None:
        return last_seen(is_seen, grid.periods)
    return closures(study, grid.firms, records)


def exit_columns(study: Study, grid: Grid, records: "pa.Table | None") -> "dict[str, pa.Array]":
    """Return the panel's columns on the ends of firms: `exit_period`, and `exit_cause`, whether an exit or not."""
    import pyarrow as pa

    if not study.firms.exit:
        return {}
    if study.firms.exit == "closure" and records is not None:
        lives = closures(study, grid.firms, records)
    else:
        lives = last_seen(~(grid.numbers(EXITED) == 1), grid.periods)
    has_end = lives.end != NEVER
    end = pa.array(np.where(has_end, lives.end, 0), pa.int32(), mask=~has_end)
    return {EXIT_PERIOD: end, EXIT_CAUSE: pa.array(CAUSES).take(pa.array(lives.cause, mask=~has_end))}


def seen(places: Places) -> NDArray[np.bool_]:
    """Return the firm-years (n_periods, n_firms) that have a row."""
    is_seen = np.zeros(places.n_cells + 1, bool)
    is_seen[places.cell] = True
    return is_seen[:-1].reshape(len(places.periods), len(places.firms))


def late_entries(study: Study, grid: Grid, cohort: NDArray[np.int64]) -> Flow:
    """Count the treated firms without any outcome before their award, though the panel begins before it.

    No change from before to after can be computed for them, so that no estimator uses them. They stay in the panel.

    Parameters
    ----------
    study : Study
        Outcomes and periods.
    grid : Grid
        Firm-years.
    cohort : (n_firms,) int
        First treated period, 0 for never treated.

    Returns
    -------
    Flow
        One step, or none where there is no such firm.
    """
    treated = np.flatnonzero((cohort > study.period.first) & (cohort <= study.period.last))
    columns = {o.column for o in study.outcome} - set(EXIT_OUTCOMES if study.firms.exit else ())
    is_before = np.zeros(len(treated), bool)
    for column in columns:
        for period, values in zip(grid.periods, grid.numbers(column), strict=True):
            is_before |= ~np.isnan(values[treated]) & (period < cohort[treated])
    n_late = int(np.count_nonzero(~is_before)) if columns else 0
    if not n_late:
        return Flow()
    reason = f"not estimable without an outcome before the award: {n_late}"
    return Flow().add(FlowStep("seen before the award", "treated firms", len(treated), len(treated), reason=reason))
