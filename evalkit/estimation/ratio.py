"""Proportional effects from means in levels, zeros and all."""

import dataclasses
from typing import Literal

import numpy as np

from evalkit.engine.cell_effects import Asked, cell_effects, changes
from evalkit.engine.paths import sample_moments
from evalkit.errors import EstimationError
from evalkit.model.effects import Effects
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cell_changes import ratio_change
from evalkit.stats.cohorts import always_treated
from evalkit.stats.regression import treatable


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect in per cent for each award cohort in each year, from the growth of mean outcomes in levels.

    The mean of a cohort grows by some factor since the year before its award, that of never-supported firms by another;
    the effect is the log of their ratio, shown in per cent and in the outcome's unit like effects on logs. It is what a
    Poisson regression with cohort and year effects gives. Firms without sales count with 0, and large firms count by
    their size: it is the effect on the total, where that on logs is the mean of firms' own rates.

    Parameters
    ----------
    base : {"varying", "universal"}
        Base period of the cells before the award: the period before each, or one period for all.

    Assumes
    -------
    Without the award, the cohort's mean would have grown by the same factor as that of never-supported firms, and no
    firm reacted earlier than the declared anticipation.

    Reference
    ---------
    Wooldridge (2023), Simple approaches to nonlinear difference-in-differences with panel data, Econometrics Journal
    26(3), section 3; Chen and Roth (2024), Logs with zeros?, Quarterly Journal of Economics 139(2), section 5.2.
    """

    base: Literal["varying", "universal"] = "varying"

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all cells of all outcomes with their joint covariance.

        Raises
        ------
        EstimationError
            An outcome is not in level, or has a value below 0 (`E_OPTION`).
        DesignError
            No cell has both supported and never-supported firms with a mean above 0 (`E_NO_CONTROL`).
        """
        panel = sample.panel
        _require_levels(panel)
        moments, n_dropped = treatable(sample_moments(sample), panel.periods[0] + 1 + panel.anticipation)
        asked = []
        for change in changes(panel, np.unique(moments.cohort), self.base):
            seen = moments.observed[:, change.at] & moments.observed[:, change.since]
            own, never = seen & (moments.cohort == change.cohort), seen & (moments.cohort == 0)
            positive = [
                moments.total[side, c + 1].sum() + moments.centre[c] * moments.total[side, 0].sum() > 0
                for side in (own, never) for c in (change.at, change.since)
            ]  # fmt: skip
            if all(positive):
                asked.append(Asked(change, ((own, 1.0), (never, -1.0))))
        found = cell_effects(sample, moments, asked, "ratio", ratio_change)
        return dataclasses.replace(
            found, options=dataclasses.asdict(self), notes=(*always_treated(n_dropped), *found.notes),
            outcomes=tuple(o.model_copy(update={"transform": "log"}) for o in panel.outcomes),
        )  # fmt: skip


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
