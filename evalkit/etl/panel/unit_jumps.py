"""Slips of units: values that are 10, 1,000 or 1,000,000 times their neighbours, or that part of them."""

import itertools

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError
from evalkit.etl.panel.firm_years import Grid
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.study_values import Units

UNIT_FACTORS = (10, 1_000, 1_000_000)
UNIT_TOLERANCE = 0.15
"""Decades around a factor: a slip of units and up to 40 % of growth in the same year."""
FEWEST_PAIRS = 20
"""Firms seen in both years, below which a jump of most of them says nothing about the file."""


def decades(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log10 of |after / before| (n,), NaN where one of them is not known or 0."""
    is_pair = (before != 0) & (after != 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: NDArray[np.float64] = np.where(is_pair, np.log10(np.abs(after)) - np.log10(np.abs(before)), np.nan)
    return found


def is_jump(by: NDArray[np.float64], factor: int) -> NDArray[np.bool_]:
    """Say which changes, in decades, are about one factor up."""
    found: NDArray[np.bool_] = np.abs(by - np.log10(factor)) <= UNIT_TOLERANCE
    return found


def unit_jumps(grid: Grid, declared: Units) -> tuple[Grid, Flow]:
    """Find values that are out by a factor both from the year before and from the year after, and treat them.

    A jump that stays, and one at the end of what is known of a firm, may be growth: it is counted and left.

    Raises
    ------
    DataError
        In one period most firms jump by one factor: a unit of the file, not of a firm (`E_UNIT_JUMP`).
    """
    flow = Flow()
    for name in declared.columns:
        values = grid.numbers(name)
        change = [decades(before, after) for before, after in itertools.pairwise(values)]
        _require_one_unit(name, change, grid.periods, declared.most)
        factor, counts, n_staying = _spikes(change, values.shape)
        is_slip = factor != 1
        n_in, n_slips = int(np.count_nonzero(~np.isnan(values))), int(np.count_nonzero(is_slip))
        if declared.action != "count" and n_slips:
            changed = np.where(is_slip, np.nan, values) if declared.action == "missing" else values / factor
            grid = grid.with_numbers(name, changed)
        n_out = n_slips if declared.action == "missing" else 0
        found = {**counts, "jumps that stay": n_staying}
        reason = ", ".join(f"{what}: {n}" for what, n in found.items() if n)
        flow = flow.add(FlowStep(f"units: {name}", "firm-years", n_in, n_in - n_out, quarantined=n_out, reason=reason))
    return grid, flow


def _spikes(
    change: list[NDArray[np.float64]], shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], dict[str, int], int]:
    """Return the factor of each value (1 where it is none), the number of slips by factor, and of other jumps."""
    factor = np.ones(shape)
    counts: dict[str, int] = {}
    n_jumps = 0
    for size in UNIT_FACTORS:
        for power, word in ((1.0, f"times {size}"), (-1.0, f"divided by {size}")):
            ups = [is_jump(power * c, size) for c in change]
            downs = [is_jump(-power * c, size) for c in change]
            n_slips = 0
            for place in range(1, len(factor) - 1):
                is_slip = ups[place - 1] & downs[place]
                factor[place][is_slip] = float(size) ** power
                n_slips += int(np.count_nonzero(is_slip))
            counts[word] = n_slips
            n_jumps += sum(int(np.count_nonzero(up)) for up in ups)
    return factor, counts, n_jumps - 2 * sum(counts.values())


def _require_one_unit(name: str, change: list[NDArray[np.float64]], periods: tuple[int, ...], most: float) -> None:
    for period, by in zip(periods[1:], change, strict=True):
        n_pairs = int(np.count_nonzero(~np.isnan(by)))
        for factor in UNIT_FACTORS:
            for power in (1.0, -1.0):
                n = int(np.count_nonzero(is_jump(power * by, factor)))
                if n_pairs >= FEWEST_PAIRS and n >= most * n_pairs:
                    raise DataError(
                        f"{n} of {n_pairs} firms jump by a factor of about {factor} between {period - 1} and {period}",
                        where=f"sources.firm_years, column '{name}'",
                        code="E_UNIT_JUMP",
                        hint="declare the unit of each file, or correct the file",
                    )
