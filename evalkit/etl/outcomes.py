"""Outcomes on the grid: values their scale does not allow, constants, treated firms without later values."""

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError, DesignError, EvalkitError
from evalkit.etl.firm_years import Grid
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.study import Outcome

HAS_LOG = ("log", "growth")


def check_outcome(outcome: Outcome, grid: Grid, cohort: NDArray[np.int64]) -> tuple[Flow, list[EvalkitError]]:
    """Check one outcome over all firm-years.

    Parameters
    ----------
    outcome : Outcome
        Column and scale.
    grid : Grid
        Firm-years of the panel's firms.
    cohort : (n_firms,) int
        First treated period, 0 for never treated.

    Returns
    -------
    flow : Flow
        A step when values without a logarithm count as missing.
    problems : list of EvalkitError
        `E_NONFINITE`, `E_RULE`, `E_NO_VARIANCE`, `E_NO_POST`.
    """
    values = np.column_stack([_column(grid, outcome, p) for p in grid.periods])
    is_seen = ~np.isnan(values)
    where, flow, errors = f"outcome '{outcome.name}'", Flow(), list[EvalkitError]()
    if outcome.transform in HAS_LOG:
        has_none = is_seen & (values <= 0)
        n_none, n_seen = int(has_none.sum()), int(is_seen.sum())
        if n_none and outcome.nonpositive == "refuse":
            errors.append(_no_logarithm(n_none, where))
        elif n_none:
            step = FlowStep(
                where,
                "firm-years",
                n_seen,
                n_seen - n_none,
                quarantined=n_none,
                reason="zero or negative: no logarithm",
            )
            flow = flow.add(step)
        is_seen &= ~has_none
    errors += _out_of_range(outcome, values[is_seen], where)
    if is_seen.any() and np.ptp(values[is_seen]) == 0:
        errors.append(DataError("the outcome is the same everywhere", where=where, code="E_NO_VARIANCE"))
    is_after = (cohort[:, None] > 0) & (np.array(grid.periods) >= cohort[:, None])
    if is_after.any() and not (is_seen & is_after).any():
        errors.append(
            DesignError(
                "no treated firm has a value in or after its first treated period", where=where, code="E_NO_POST"
            )
        )
    return flow, errors


def _column(grid: Grid, outcome: Outcome, period: int) -> NDArray[np.float64]:
    values: NDArray[np.float64] = grid.at(f"number:{outcome.column}", period).to_numpy(zero_copy_only=False)
    return values


def _no_logarithm(n_firm_years: int, where: str) -> DataError:
    return DataError(
        f"{n_firm_years} firm-years are zero or negative and have no logarithm",
        where=where,
        code="E_NONFINITE",
        hint='use transform = "asinh" or "level", or nonpositive = "missing" to leave them out',
    )


def _out_of_range(outcome: Outcome, values: NDArray[np.float64], where: str) -> list[EvalkitError]:
    """Refuse shares outside 0 to 1, and binary outcomes other than 0 and 1."""
    if outcome.transform == "share":
        n_bad, rule = int(((values < 0) | (values > 1)).sum()), "a share must lie between 0 and 1"
    elif outcome.transform == "binary":
        n_bad, rule = int((~np.isin(values, (0, 1))).sum()), "a binary outcome must be 0 or 1"
    else:
        return []
    return [DataError(f"{n_bad} firm-years break the rule: {rule}", where=where, code="E_RULE")] if n_bad else []
