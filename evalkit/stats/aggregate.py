"""Average cell effects into overall, event-time, cohort or calendar-year effects; once for all estimators."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evalkit.errors import EstimationError
from evalkit.model.effects import CohortShares, Effects
from evalkit.stats.averages import averaged
from evalkit.stats.inference import effects_table

Aggregation = Literal["overall", "event_time", "cohort", "year", "group"]


def aggregate(effects: Effects, by: Aggregation = "overall", window: tuple[int, int] | None = None) -> Effects:
    """Average effects within levels of event time, cohort, year or group, or over all of them.

    Rows that have a cohort are weighted by the cohorts' shares of treated firms, and the estimation error of those
    shares is counted; rows without one are weighted equally. Only effects from the award on enter, except by event
    time, where the pre-award rows stay. `aggregate(aggregate(effects, "event_time"))` is therefore the mean over event
    times, `aggregate(aggregate(effects, "cohort"))` the mean over cohorts. Where some rows of an outcome have a group
    and others have none, those without are over all groups already, and only they are averaged, except by group.

    Parameters
    ----------
    effects : Effects
        Cells with their covariance.
    by : {"overall", "event_time", "cohort", "year", "group"}
        What to average within.
    window : tuple of int, optional
        First and last event time. Only cohorts with effects at all event times in between count, and only there, so
        that every mean is over the same firms.

    Returns
    -------
    Effects
        One row per outcome and level of `by`; `method` becomes "<method>/<by>".

    Raises
    ------
    EstimationError
        There is no effect from the award on (`E_NO_POST`), no row has the label asked for (`E_NO_LABEL`), or no cohort
        has effects in the whole window (`E_WINDOW`).

    Assumes
    -------
    Firms are independent between clusters; cohort shares are estimated, not fixed. Degrees of freedom as in
    `stats.averages.averaged`.

    Reference
    ---------
    Callaway and Sant'Anna (2021), section 3.2, equations 3.4 to 3.11; the share term is their corollary 2.
    """
    if window is not None:
        effects = effects.take(_in_window(effects.table, window))
    cells = effects.table
    if by not in ("overall", "event_time", "cohort", "year", "group"):
        raise EstimationError("aggregate by overall, event_time, cohort, year or group", where=str(by), code="E_OPTION")
    after = _averaged(cells, by)
    if not after.any():
        raise EstimationError("there is no effect from the award on to average", code="E_NO_POST")
    if by != "overall" and cells.loc[after, by].isna().all():
        raise EstimationError(
            f"the effects carry no {by}", hint="aggregate the estimator's own rows", code="E_NO_LABEL"
        )
    rows = _levels(cells, after, by)
    weights = _weights(rows, _masses(cells, effects.shares))
    estimate = weights @ cells["estimate"].to_numpy()
    slope = _share_slope(cells, rows, estimate, effects.shares)
    vcov, shares = _propagate(weights, slope, effects)
    averages = averaged(effects, weights, slope)
    table, vcov = effects_table(_labels(effects, rows, by), estimate, vcov, averages.dof, effects.level)
    return dataclasses.replace(averages, table=table, vcov=vcov, method=f"{effects.method}/{by}", shares=shares)


def weights_of(effects: Effects, by: Aggregation = "overall") -> NDArray[np.float64]:
    """Return the weight of each row of effects in each average (averages, rows), in the order of `aggregate`."""
    cells = effects.table
    return _weights(_levels(cells, _averaged(cells, by), by), _masses(cells, effects.shares))


def _averaged(cells: pd.DataFrame, by: Aggregation) -> NDArray[np.bool_]:
    """Select the rows that enter averages."""
    use = np.ones(len(cells), bool) if by == "event_time" else _after_award(cells)
    return use if by == "group" else use & ~within_whole(cells)


def _weights(rows: list[NDArray[np.intp]], mass: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share (rows, cells) of each cell in each average."""
    weights = np.zeros((len(rows), len(mass)))
    for r, members in enumerate(rows):
        weights[r, members] = mass[members] / mass[members].sum()
    return weights


def _in_window(cells: pd.DataFrame, window: tuple[int, int]) -> NDArray[np.intp]:
    """Return the rows of a window of event times, of cohorts that have all of them; a reference period has no row."""
    times = cells["event_time"]
    inside = (times.between(*window) & cells["cohort"].notna()).fillna(False).to_numpy(dtype=bool)
    known = set(times[inside])
    keys = cells.loc[inside, ["outcome", "cohort", "group"]].astype("string").fillna("").agg("/".join, axis=1)
    rows = np.flatnonzero(inside)[(keys.map(keys.value_counts()) == len(known)).to_numpy(dtype=bool)]
    if not set(window) <= known or not len(rows):
        problem = f"no cohort has effects at all event times from {window[0]} to {window[1]}"
        raise EstimationError(problem, where="window", code="E_WINDOW")
    return rows


def _after_award(cells: pd.DataFrame) -> NDArray[np.bool_]:
    """Select rows from the award on; rows already averaged over event time count as such."""
    event_time = cells["event_time"]
    return (event_time.isna() | (event_time >= 0)).to_numpy(dtype=bool)


def within_whole(cells: pd.DataFrame) -> NDArray[np.bool_]:
    """Select rows of one group, of outcomes that have rows over all groups too."""
    has_group = cells["group"].notna().to_numpy(dtype=bool)
    whole = set(cells.loc[~has_group, "outcome"])
    return has_group & cells["outcome"].isin(whole).to_numpy(dtype=bool)


def _levels(cells: pd.DataFrame, use: NDArray[np.bool_], by: Aggregation) -> list[NDArray[np.intp]]:
    """Return the positions of the cells of each outcome and level, in order."""
    labels = cells["outcome"] if by == "overall" else cells[by]
    rows = []
    for outcome in dict.fromkeys(cells["outcome"]):
        own = use & (cells["outcome"] == outcome).to_numpy(dtype=bool) & labels.notna().to_numpy()
        members = ((labels == level).fillna(value=False).to_numpy(dtype=bool) for level in _in_order(set(labels[own])))
        rows += [np.flatnonzero(own & inside) for inside in members]
    return rows


def _in_order(levels: set[Any]) -> list[Any]:
    """Sort levels; texts that start with a number ("20000", "2: 500 to 800") by that number."""
    texts = {level: str(level).split(":")[0] for level in levels}
    try:
        return sorted(levels, key=lambda level: (float(texts[level]), str(level)))
    except ValueError:
        return sorted(levels)


def _masses(cells: pd.DataFrame, shares: CohortShares | None) -> NDArray[np.float64]:
    """Return the weight of each cell: its cohort's mass, or 1 when it has no cohort."""
    if shares is None or cells["cohort"].isna().any():
        return np.ones(len(cells))
    return np.asarray(shares.members(cells) @ shares.mass, np.float64)


def _share_slope(
    cells: pd.DataFrame, rows: list[NDArray[np.intp]], estimate: NDArray[np.float64], shares: CohortShares | None
) -> NDArray[np.float64] | None:
    """Return the derivative (rows, C) of each average with respect to the cohorts' masses."""
    if shares is None:
        return None
    slope = np.zeros((len(rows), len(shares.cohorts)))
    if cells["cohort"].isna().any():
        return slope
    members, values = shares.members(cells), cells["estimate"].to_numpy()
    mass = members @ shares.mass
    for r, own in enumerate(rows):
        slope[r] = (values[own] - estimate[r]) / mass[own].sum() @ members[own]
    return slope


def _propagate(
    weights: NDArray[np.float64], slope: NDArray[np.float64] | None, effects: Effects
) -> tuple[NDArray[np.float64], CohortShares | None]:
    """Carry the covariance of cells, and of cells with shares, to the averages."""
    blank = np.isnan(np.diag(effects.vcov))
    without_error = (weights[:, blank] != 0).any(axis=1)
    cells = np.where(np.isnan(effects.vcov), 0.0, effects.vcov)
    vcov = weights @ cells @ weights.T
    shares = effects.shares
    if shares is not None and slope is not None:
        mixed = weights @ shares.cross @ slope.T
        vcov = vcov + mixed + mixed.T + (slope * shares.square) @ slope.T
        shares = dataclasses.replace(shares, cross=weights @ shares.cross + slope * shares.square)
    vcov[without_error, :] = np.nan
    vcov[:, without_error] = np.nan
    return vcov, shares


def _labels(effects: Effects, rows: list[NDArray[np.intp]], by: Aggregation) -> dict[str, list[object]]:
    cells = effects.table
    first = cells.iloc[[members[0] for members in rows]]
    named = ("outcome", "estimand") if by == "overall" else ("outcome", "estimand", by)
    return {name: [*first[name]] for name in named} | {
        "n_treated": [*distinct_treated(effects, rows)], "n_control": [*distinct_control(effects, rows)],
    }  # fmt: skip


def distinct_treated(effects: Effects, rows: Sequence[NDArray[np.intp]]) -> list[int]:
    """Count the treated firms behind rows once: cohorts and their groups are disjoint, a cohort's cells are not."""
    cells = effects.table
    n_treated = cells["n_treated"].to_numpy(dtype=np.int64, na_value=0)
    no_cohort = cells["cohort"].isna().to_numpy()
    code = np.asarray(cells.groupby(["cohort", "group"], dropna=False).ngroup(), np.intp)
    return [
        int(_most(n_treated, members, _group_codes(effects) if no_cohort[members].any() else code).sum())
        for members in rows
    ]


def distinct_control(effects: Effects, rows: Sequence[NDArray[np.intp]]) -> list[int | None]:
    """Count the comparison firms behind rows once: cells share them, and groups where they are not apart."""
    n_control, code = effects.table["n_control"].to_numpy(dtype=np.int64, na_value=-1), _group_codes(effects)
    most = [_most(n_control, members, code) for members in rows]
    return [None if own.min() < 0 else int(own.sum()) for own in most]


def _group_codes(effects: Effects) -> NDArray[np.intp]:
    """Return a number for each row's group (rows,): rows of groups that share firms have the same."""
    group = effects.table["group"]
    return np.asarray(group.factorize()[0] if effects.groups_apart else np.zeros(len(group), np.intp), np.intp)


def _most(n: NDArray[np.int64], members: NDArray[np.intp], code: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the largest count of each code among some rows: the cells of one are of the same firms."""
    found, place = np.unique(code[members], return_inverse=True)
    most = np.full(len(found), -1, np.int64)
    np.maximum.at(most, place, n[members])
    return most
