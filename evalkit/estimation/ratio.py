"""Proportional effects from means in levels, zeros and all."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.paths import baseline_means, sample_moments
from evalkit.errors import EstimationError
from evalkit.model.effects import Effects
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cell_changes import sides
from evalkit.stats.cohorts import caveats, cohort_shares
from evalkit.stats.growth_ratios import growth_ratio, influence
from evalkit.stats.inference import effects_table
from evalkit.stats.moments import Moments
from evalkit.stats.regression import treatable
from evalkit.stats.year_cells import Base, Comparison, YearCell, cohorts_of, no_comparison, year_cells, year_labels


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect in per cent for each award cohort in each year, from the growth of mean outcomes in levels.

    The mean of a cohort grows by some factor since the year before its award, that of the comparison firms by another;
    the effect is the log of their ratio, shown in per cent and in the outcome's unit like effects on logs. It is what a
    Poisson regression with cohort and year effects gives. Firms without sales count with 0, and large firms count by
    their size: it is the effect on the total, where that on logs is the mean of firms' own rates.

    Parameters
    ----------
    comparison : {"never_treated", "not_yet_treated"}
        Comparison firms: those never supported, or also those supported later, until their own award.
    base : {"varying", "universal"}
        Base period of the cells before the award: the period before each, or one period for all.

    Assumes
    -------
    Without the award, the cohort's mean would have grown by the same factor as that of the comparison firms, and no
    firm reacted earlier than the declared anticipation.

    Reference
    ---------
    Wooldridge (2023), Simple approaches to nonlinear difference-in-differences with panel data, Econometrics Journal
    26(3), section 3; Chen and Roth (2024), Logs with zeros?, Quarterly Journal of Economics 139(2), section 5.2.
    """

    comparison: Comparison = "never_treated"
    base: Base = "varying"

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all cells of all outcomes with their joint covariance.

        Raises
        ------
        EstimationError
            An outcome is not in level, or has a value below 0 (`E_OPTION`).
        DesignError
            No cell has both supported and comparison firms with means above 0 (`E_NO_CONTROL`).
        """
        panel, level = sample.panel, sample.panel.inference.level
        _require_levels(panel)
        moments, n_dropped = treatable(sample_moments(sample), panel.periods[0] + 1 + panel.anticipation)
        asked = year_cells(panel, np.unique(moments.cohort), self.comparison, self.base)
        solved = [(cell, ratio) for cell in asked if (ratio := growth_ratio(cell.contrast, moments)) is not None]
        if not solved:
            raise no_comparison()
        cells, found = [cell for cell, _ in solved], [one for _, one in solved]
        matrices = list(influence([c.contrast for c in cells], found, moments))
        labels = year_labels(cells, _counts(cells, moments), sample.estimand)
        estimate: NDArray[np.float64] = np.array([one.estimate for one in found])
        table, vcov = effects_table(labels, estimate, moments.covariance(matrices), np.inf, level)
        return Effects(
            table=table, vcov=vcov, method="ratio", options=dataclasses.asdict(self), level=level,
            outcomes=tuple(o.model_copy(update={"transform": "log"}) for o in panel.outcomes),
            baseline=baseline_means(sample), notes=caveats(n_dropped, labels),
            shares=cohort_shares(moments, cohorts_of(cells), matrices),
        )  # fmt: skip


def _counts(cells: list[YearCell], moments: Moments) -> NDArray[np.int64]:
    """Return the firms on both sides of each cell (K, 2)."""
    return np.array([[int(moments.n[side].sum()) for side in sides(c.contrast, moments)] for c in cells])


def _require_levels(panel: Panel) -> None:
    for outcome in panel.outcomes:
        if outcome.transform != "level":
            problem = f"'{outcome.name}' is estimated in {outcome.transform}; a ratio needs it in level"
            hint = 'declare transform = "level" for this outcome, or use group_time'
            raise EstimationError(problem, where=outcome.name, code="E_OPTION", hint=hint)
        if np.nanmin(panel.bounds(panel.columns_of(outcome))[0], initial=np.inf) < 0:
            raise EstimationError(
                f"'{outcome.name}' has values below 0, which no growth factor leads to", where=outcome.name,
                code="E_OPTION", hint="use group_time on the level",
            )  # fmt: skip
