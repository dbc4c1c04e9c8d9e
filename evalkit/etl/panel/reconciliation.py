"""Two columns that measure the same: where they agree, and which one stands."""

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.panel.firm_years import Grid
from evalkit.etl.panel.unit_jumps import UNIT_FACTORS, decades, is_jump
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.study_values import Reconcile


def reconciled(grid: Grid, declared: tuple[Reconcile, ...]) -> tuple[Grid, Flow]:
    """Put one value where there are two, and count where they agree, differ, or are out by a unit.

    Returns
    -------
    grid : Grid
        The column has the value that stands; the other one stays as it is.
    flow : Flow
        One step per pair: in are the values of either column; those that the other has too are merged into one.
    """
    flow = Flow()
    for pair in declared:
        own, other = grid.numbers(pair.column), grid.numbers(pair.against)
        first, second = (own, other) if pair.keep == "column" else (other, own)
        has_own, has_other = ~np.isnan(own), ~np.isnan(other)
        counts = _counts(own, other, pair)
        stands = np.where(np.isnan(first), second, first)
        n_own, n_other, n_kept = (int(np.count_nonzero(x)) for x in (has_own, has_other, ~np.isnan(stands)))
        counts[f"only in: {pair.column}"] = int(np.count_nonzero(has_own & ~has_other))
        counts[f"only in: {pair.against}"] = int(np.count_nonzero(has_other & ~has_own))
        reason = ", ".join(f"{what}: {n}" for what, n in counts.items() if n)
        n_in = n_own + n_other
        step = FlowStep(f"reconcile: {pair.column}", "firm-years", n_in, n_kept, collapsed=n_in - n_kept, reason=reason)
        grid, flow = grid.with_numbers(pair.column, stands), flow.add(step)
    return grid, flow


def _counts(own: NDArray[np.float64], other: NDArray[np.float64], pair: Reconcile) -> dict[str, int]:
    """Count the firm-years that have both values: alike, out by a factor, or otherwise different."""
    alike, different = 0, 0
    slips = dict.fromkeys(UNIT_FACTORS, 0)
    for a, b in zip(own, other, strict=True):
        is_both = ~np.isnan(a) & ~np.isnan(b)
        is_alike = is_both & (np.abs(a - b) <= pair.tolerance * np.maximum(np.abs(a), np.abs(b)))
        is_left = is_both & ~is_alike
        by = np.abs(decades(a, b))
        for factor in UNIT_FACTORS:
            is_slip = is_left & is_jump(by, factor)
            slips[factor] += int(np.count_nonzero(is_slip))
            is_left &= ~is_slip
        alike += int(np.count_nonzero(is_alike))
        different += int(np.count_nonzero(is_left))
    return {"alike": alike, **{f"out by {f}": n for f, n in slips.items()}, "different": different}
