"""Rules that values keep among each other: bounds, one column at most another, parts that add up."""

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError, EvalkitError, raise_all
from evalkit.etl.panel.firm_years import Grid
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.study_values import Rule


def kept_rules(grid: Grid, rules: tuple[Rule, ...]) -> tuple[Grid, Flow]:
    """Count the firm-years that break each rule by period, and take their values out where the rule says so.

    Raises
    ------
    DataError, ManyErrors
        Rules that refuse and are broken (`E_RULE`), with the counts by period.
    """
    flow, errors = Flow(), list[EvalkitError]()
    for number, rule in enumerate(rules, start=1):
        values = grid.numbers(rule.column)
        broken = _broken(grid, rule, values)
        by_period = {p: int(np.count_nonzero(row)) for p, row in zip(grid.periods, broken, strict=True)}
        reason = ", ".join(f"{period}: {n}" for period, n in by_period.items() if n)
        n_in, n_broken = int(np.count_nonzero(~np.isnan(values))), int(np.count_nonzero(broken))
        if n_broken and rule.action == "refuse":
            problem = f"{n_broken} firm-years break the rule on '{rule.column}' ({reason})"
            errors.append(DataError(problem, where=f"rule[{number}]", code="E_RULE"))
        if n_broken and rule.action == "missing":
            grid = grid.with_numbers(rule.column, np.where(broken, np.nan, values))
        n_out = n_broken if rule.action == "missing" else 0
        step = FlowStep(f"rule: {rule.column}", "firm-years", n_in, n_in - n_out, quarantined=n_out, reason=reason)
        flow = flow.add(step)
    raise_all(errors, "the rules of the firm-years")
    return grid, flow


def _broken(grid: Grid, rule: Rule, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Find the values (n_periods, n_firms) that break a rule; what is not known breaks none."""
    broken = np.zeros(values.shape, bool)
    if rule.min is not None:
        broken |= values < rule.min
    if rule.max is not None:
        broken |= values > rule.max
    if rule.at_most:
        most = grid.numbers(rule.at_most)
        broken |= values - most > rule.tolerance * np.maximum(np.abs(values), np.abs(most))
    if rule.sum_of:
        total = sum((grid.numbers(name) for name in rule.sum_of), start=np.zeros(values.shape))
        broken |= np.abs(values - total) > rule.tolerance * np.maximum(np.abs(values), np.abs(total))
    return broken
