"""Cells of cohort and year as differences of changes: which there are, against whom, and their labels."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.model.panel import Panel
from evalkit.stats.arms import Contrast

Comparison = Literal["never_treated", "not_yet_treated"]
Base = Literal["varying", "universal"]


@dataclasses.dataclass(frozen=True)
class YearCell:
    """One outcome and year, and which change of which cohorts it is."""

    outcome: str
    year: int
    contrast: Contrast


def year_cells(panel: Panel, present: Iterable[int], comparison: Comparison, base: Base) -> list[YearCell]:
    """Return the cells that the periods allow, outcome by outcome.

    Parameters
    ----------
    panel : Panel
        Outcomes, periods and anticipation.
    present : iterable of int
        Cohorts that there are, 0 for never treated.
    comparison : {"never_treated", "not_yet_treated"}
        Whether cohorts count as comparison firms until their own award.
    base : {"varying", "universal"}
        Whether cells before the award start from the period before each, or from the last before the award.
    """
    first, last = panel.periods[0], panel.periods[-1]
    cohorts = [int(c) for c in present if c > 0]
    cells = []
    for o, outcome in enumerate(panel.outcomes):
        for cohort in (c for c in cohorts if c <= last):
            before = cohort - 1 - panel.anticipation
            for year in panel.periods:
                start = before if year > before or base == "universal" else year - 1
                if year == start or start < first:
                    continue
                at, since = (o * len(panel.periods) + p - first for p in (year, start))
                until = max(year, start) + panel.anticipation
                later = [c for c in cohorts if c > until and c != cohort] if comparison == "not_yet_treated" else []
                cells.append(YearCell(outcome.name, year, Contrast(cohort, (0, *later), at, since)))
    return cells


def year_labels(cells: Sequence[YearCell], counts: NDArray[np.int64], estimand: str) -> dict[str, list[object]]:
    """Return the labels of `Effects` for cells with their firms on both sides (K, 2)."""
    return {
        "outcome": [c.outcome for c in cells],
        "estimand": [estimand] * len(cells),
        "cohort": [c.contrast.cohort for c in cells],
        "year": [c.year for c in cells],
        "event_time": [c.year - c.contrast.cohort for c in cells],
        "n_treated": counts[:, 0].tolist(),
        "n_control": counts[:, 1].tolist(),
    }


def cohorts_of(cells: Sequence[YearCell]) -> NDArray[np.int64]:
    """Return the cohorts of cells in order (C,)."""
    return np.array(sorted({c.contrast.cohort for c in cells}), dtype=np.int64)


def no_comparison() -> DesignError:
    """Return the refusal of an estimate in which no cell has firms on both sides."""
    return DesignError(
        "no award cohort can be compared with unsupported firms", code="E_NO_CONTROL",
        hint="comparison = \"not_yet_treated\" uses later cohorts until their own award",
    )  # fmt: skip
