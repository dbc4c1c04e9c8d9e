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
"""Decades around a factor: a slip of units and up to 40 % of growth since the mean of the years beside it; those years
may differ by twice as much."""
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
    """Find values that are out by a factor from the years before and after, which are alike, and treat them.

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
        power, counts = _slips(values, change)
        is_slip = power != 0
        n_in, n_slips = int(np.count_nonzero(~np.isnan(values))), int(np.count_nonzero(is_slip))
        if declared.action != "count" and n_slips:
            changed = np.where(is_slip, np.nan, values) if declared.action == "missing" else _scaled(values, power)
            grid = grid.with_numbers(name, changed)
        n_out = n_slips if declared.action == "missing" else 0
        found = {**counts, "jumps that stay": _staying(change, is_slip)}
        reason = ", ".join(f"{what}: {n}" for what, n in found.items() if n)
        flow = flow.add(FlowStep(f"units: {name}", "firm-years", n_in, n_in - n_out, quarantined=n_out, reason=reason))
    return grid, flow


def _slips(
    values: NDArray[np.float64], change: list[NDArray[np.float64]]
) -> tuple[NDArray[np.int64], dict[str, int]]:  # fmt: skip
    """Return the decades by which each value is out (0 where it is no slip), and the number of slips by factor.

    A right value between two slips is out from both of them too, but near the median of its firm: a slip is more than
    half of the factor away from it.
    """
    out = np.zeros(values.shape, np.int64)
    counts: dict[str, int] = {}
    from_middle = _from_middle(values)
    for size in UNIT_FACTORS:
        reach = round(np.log10(size))
        for sign, word in ((1, f"times {size}"), (-1, f"divided by {size}")):
            for place in range(1, len(out) - 1):
                into, back = sign * change[place - 1], -sign * change[place]
                alike = np.abs(into - back) / 2 <= UNIT_TOLERANCE
                is_slip = alike & is_jump((into + back) / 2, size) & (sign * from_middle[place] > reach / 2)
                out[place][is_slip] = sign * reach
            counts[word] = int(np.count_nonzero(out == sign * reach))
    return out, counts


def _from_middle(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return decades (T, n) between each value and the median of its firm; NaN where it is not known or 0."""
    log = np.log10(np.abs(values), out=np.full(values.shape, np.nan), where=(values != 0) & ~np.isnan(values))
    known = ~np.isnan(log)
    some = known.any(axis=0)
    middle = np.full(values.shape[1], np.nan)
    middle[some] = np.nanmedian(log[:, some], axis=0)
    return np.asarray(log - middle, np.float64)


def _scaled(values: NDArray[np.float64], power: NDArray[np.int64]) -> NDArray[np.float64]:
    """Take slips of so many decades back; whole numbers stay whole, since only whole powers of ten are used."""
    size = 10.0 ** np.abs(power)
    return np.where(power > 0, values / size, values * size)


def _staying(change: list[NDArray[np.float64]], is_slip: NDArray[np.bool_]) -> int:
    """Count jumps by a factor that neither lead to a slip nor back from one."""
    return sum(
        int(np.count_nonzero(is_jump(np.abs(by), size) & ~is_slip[place] & ~is_slip[place + 1]))
        for place, by in enumerate(change)
        for size in UNIT_FACTORS
    )


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
