"""Outcomes whose ends are moved to quantiles, where the study declares it."""

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.panel.firm_years import Grid
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.study import Outcome
from evalkit.stats.winsorising import ends


def winsorised(grid: Grid, outcomes: tuple[Outcome, ...]) -> tuple[Grid, Flow]:
    """Move values below and above two quantiles to them; quantiles are over all firms, treated or not."""
    flow = Flow()
    for outcome in {o.column: o for o in outcomes if o.winsor}.values():
        values, shares = grid.numbers(outcome.column), outcome.winsor or (0.0, 1.0)
        moved = values.copy()
        pieces = list(moved) if outcome.winsor_by == "period" else [moved]
        n_low, n_high = (sum(n) for n in zip(*(_winsorise(piece, shares) for piece in pieces), strict=True))
        n_in = int(np.count_nonzero(~np.isnan(values)))
        reason = ", ".join(f"{what}: {n}" for what, n in (("raised", n_low), ("lowered", n_high)) if n)
        grid = grid.with_numbers(outcome.column, moved)
        flow = flow.add(FlowStep(f"winsor: {outcome.column}", "firm-years", n_in, n_in, reason=reason))
    return grid, flow


def _winsorise(values: NDArray[np.float64], shares: tuple[float, float]) -> tuple[int, int]:
    """Move the ends of an array in place; returns how many values were raised and lowered."""
    low, high = ends(values, shares)
    n_low, n_high = int(np.count_nonzero(values < low)), int(np.count_nonzero(values > high))
    np.clip(values, low, high, out=values)
    return n_low, n_high
