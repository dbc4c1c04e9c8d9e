"""Linear combinations of effects: contrasts, means of any cells, totals."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EstimationError
from evalkit.model.effects import Effects
from evalkit.stats.aggregate import distinct_control, distinct_treated, within_whole
from evalkit.stats.averages import averaged
from evalkit.stats.inference import effects_table


def combine(effects: Effects, weights: Mapping[str, NDArray[np.float64]]) -> Effects:
    """Return linear combinations of effects with their joint covariance.

    A mean of cells has weights that add up to 1, a contrast weights that add up to 0. Weights are taken as known.

    Parameters
    ----------
    effects : Effects
        Rows with their covariance.
    weights : dict of str to (rows,) float64
        Name of each combination, and the weight of each row.

    Returns
    -------
    Effects
        One row per combination; `group` is its name, `method` becomes "<method>/combined".

    Raises
    ------
    EstimationError
        A combination has another number of weights than there are rows, none but zeros, or mixes outcomes of different
        scales (`E_OPTION`).

    Examples
    --------
    >>> combine(by_cohort, {"2016 less 2015": np.array([-1.0, 1.0])})  # doctest: +SKIP
    """
    table, matrix = effects.table, np.array([np.asarray(w, np.float64) for w in weights.values()])
    if matrix.ndim != 2 or matrix.shape[1] != len(table):
        raise EstimationError(f"each combination needs {len(table)} weights", where="weights", code="E_OPTION")
    labels: dict[str, list[object]] = {k: [] for k in ("outcome", "estimand", "group", "n_treated", "n_control")}
    scale = {o.name: (o.column, o.transform) for o in effects.outcomes}
    outcome, estimand = (table[name].to_numpy(dtype=object) for name in ("outcome", "estimand"))
    n_treated, n_control = (table[c].to_numpy(dtype=np.float64, na_value=np.nan) for c in ("n_treated", "n_control"))
    for name, row in zip(weights, matrix, strict=True):
        own = np.flatnonzero(row)
        if len({scale[o][1] for o in outcome[own]}) != 1:
            raise EstimationError("a combination needs rows, all of one scale", where=name, code="E_OPTION")
        labels["outcome"].append(outcome[own[0]])
        labels["estimand"].append(estimand[own[0]])
        labels["group"].append(name)
        labels["n_treated"].append(int(np.nanmin(n_treated[own])))
        labels["n_control"].append(int(np.nanmin(n_control[own])))
    return _combined(effects, matrix, labels, "combined")


def total(effects: Effects) -> Effects:
    """Return the sum of effects over all treated firms and years from the award on, one row per outcome.

    In the outcome's own unit, yen for example: each cell's effect times the firms of its cohort (their weight, when the
    sample is weighted). The number of firms is taken as known.

    Raises
    ------
    EstimationError
        Effects are not by cohort and year, or the outcome is not in levels, so that nothing can be added up
        (`E_OPTION`).
    """
    table, shares = effects.table, effects.shares
    level = {o.name for o in effects.outcomes if o.transform in ("level", "binary")}
    if shares is None or table["cohort"].isna().any() or table["year"].isna().any():
        raise EstimationError("a total needs effects by cohort and year", where="total", code="E_OPTION")
    if not set(table["outcome"]) <= level:
        raise EstimationError(
            "only effects on levels add up to a total", where="total", code="E_OPTION",
            hint="estimate the outcome with transform \"level\"",
        )  # fmt: skip
    mass = shares.members(table) @ shares.mass
    is_after = (table["event_time"] >= 0).to_numpy(dtype=bool) & ~within_whole(table)
    outcomes = list(dict.fromkeys(table["outcome"]))
    matrix = np.array([np.where(is_after & (table["outcome"] == o).to_numpy(bool), mass, 0.0) for o in outcomes])
    members = [np.flatnonzero(row) for row in matrix]
    labels: dict[str, list[object]] = {
        "outcome": list(outcomes), "estimand": [table["estimand"].iloc[own[0]] for own in members],
        "n_treated": [*distinct_treated(effects, members)],
        "n_control": [*distinct_control(effects, members)],
    }  # fmt: skip
    return _combined(effects, matrix, labels, "total")


def _combined(
    effects: Effects, matrix: NDArray[np.float64], labels: Mapping[str, list[object]], suffix: str
) -> Effects:
    known = np.isfinite(np.diag(effects.vcov))
    lacks_error = (matrix[:, ~known] != 0).any(axis=1)
    vcov = matrix @ np.where(np.isnan(effects.vcov), 0.0, effects.vcov) @ matrix.T
    vcov[lacks_error, :] = vcov[:, lacks_error] = np.nan
    combined = averaged(effects, matrix)
    estimate = matrix @ effects.table["estimate"].to_numpy(dtype=np.float64)
    table, vcov = effects_table(labels, estimate, vcov, combined.dof, effects.level)
    method = f"{effects.method}/{suffix}"
    return dataclasses.replace(combined, table=table, vcov=vcov, method=method, shares=None, groups_apart=False)
