"""Outcomes on the grid: values their scale does not allow, constants, treated firms without later values."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError, DesignError, EvalkitError
from evalkit.etl.panel.firm_years import Grid
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.study import Outcome

HAS_LOG = ("log", "growth")
ALLOWED = {"share": "a share must lie between 0 and 1", "binary": "a binary outcome must be 0 or 1"}


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
    seen = [
        _seen(outcome, p, values, cohort) for p, values in zip(grid.periods, grid.numbers(outcome.column), strict=True)
    ]
    where, flow, errors = f"outcome '{outcome.name}'", Flow(), list[EvalkitError]()
    n_none, n_bad, n_values = sum(s.n_none for s in seen), sum(s.n_bad for s in seen), sum(s.n_values for s in seen)
    if n_none and outcome.nonpositive == "refuse":
        errors.append(_no_logarithm(n_none, where))
    elif n_none:
        reason = "zero or negative: no logarithm"
        flow = flow.add(FlowStep(where, "firm-years", n_none + n_values, n_values, quarantined=n_none, reason=reason))
    if n_bad:
        problem = f"{n_bad} firm-years break the rule: {ALLOWED[outcome.transform]}"
        errors.append(DataError(problem, where=where, code="E_RULE"))
    if n_values and min(s.low for s in seen) == max(s.high for s in seen):
        errors.append(DataError("the outcome is the same everywhere", where=where, code="E_NO_VARIANCE"))
    if any(s.n_after for s in seen) and not any(s.n_values_after for s in seen):
        problem = "no treated firm has a value in or after its first treated period"
        errors.append(DesignError(problem, where=where, code="E_NO_POST"))
    return flow, errors


@dataclasses.dataclass(frozen=True)
class _Seen:
    """Counts of one period: values, values without logarithm or not allowed, firms treated, values of theirs."""

    n_values: int
    n_none: int
    n_bad: int
    low: float
    high: float
    n_after: int
    n_values_after: int


def _seen(outcome: Outcome, period: int, values: NDArray[np.float64], cohort: NDArray[np.int64]) -> _Seen:
    """Count the values (n_firms,) of one period."""
    is_value = ~np.isnan(values)
    n_none = 0
    if outcome.transform in HAS_LOG:
        has_none = values <= 0
        n_none = int(np.count_nonzero(has_none))
        is_value &= ~has_none
    is_after = (cohort > 0) & (cohort <= period)
    found = values[is_value]
    return _Seen(
        n_values=len(found), n_none=n_none, n_bad=_n_not_allowed(outcome, found),
        low=float(found.min(initial=np.inf)), high=float(found.max(initial=-np.inf)),
        n_after=int(np.count_nonzero(is_after)), n_values_after=int(np.count_nonzero(is_after & is_value)),
    )  # fmt: skip


def _n_not_allowed(outcome: Outcome, values: NDArray[np.float64]) -> int:
    """Count shares outside 0 to 1, and binary outcomes other than 0 and 1."""
    if outcome.transform == "share":
        return int(np.count_nonzero((values < 0) | (values > 1)))
    return int(np.count_nonzero(~np.isin(values, (0, 1)))) if outcome.transform == "binary" else 0


def _no_logarithm(n_firm_years: int, where: str) -> DataError:
    return DataError(
        f"{n_firm_years} firm-years are zero or negative and have no logarithm",
        where=where,
        code="E_NONFINITE",
        hint='use transform = "asinh" or "level", or nonpositive = "missing" to leave them out',
    )
