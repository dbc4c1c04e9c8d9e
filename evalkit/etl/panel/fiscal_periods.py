"""Accounting periods that are not twelve months long."""

import numpy as np

from evalkit.etl.panel.firm_years import Grid
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.study_values import FiscalPeriods

YEAR_MONTHS = 12


def of_twelve_months(grid: Grid, declared: FiscalPeriods) -> tuple[Grid, Flow]:
    """Leave, take out or annualise the values of shorter and longer accounting periods.

    A length that is not known counts as twelve months; one that is 0 or less takes the value out.
    """
    months, flow = grid.numbers(declared.column), Flow()
    is_other = ~np.isnan(months) & (months != YEAR_MONTHS)
    is_wrong = is_other & (months <= 0)
    for name in declared.columns:
        values = grid.numbers(name)
        is_value = ~np.isnan(values)
        out = is_value & (is_wrong if declared.action == "annualise" else is_other)
        counts = {
            "shorter than a year": int(np.count_nonzero(is_value & is_other & (months < YEAR_MONTHS))),
            "longer than a year": int(np.count_nonzero(is_value & is_other & (months > YEAR_MONTHS))),
        }
        n_in, n_out = int(np.count_nonzero(is_value)), 0
        if declared.action != "count":
            with np.errstate(divide="ignore", invalid="ignore"):
                yearly = np.where(is_other, values * YEAR_MONTHS / months, values)
            grid, n_out = grid.with_numbers(name, np.where(out, np.nan, yearly)), int(np.count_nonzero(out))
        reason = ", ".join(f"{what}: {n}" for what, n in counts.items() if n)
        step = FlowStep(f"fiscal_period: {name}", "firm-years", n_in, n_in - n_out, quarantined=n_out, reason=reason)
        flow = flow.add(step)
    return grid, flow
