"""Difference of differences of means before and after the award."""

import dataclasses

import numpy as np

from evalkit.engine.multipliers import drawn
from evalkit.engine.paths import baseline_means, sample_moments
from evalkit.errors import DesignError
from evalkit.model.effects import Effects
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cluster import clusters_among
from evalkit.stats.cohorts import caveats, cohort_shares, seen_once
from evalkit.stats.inference import effects_table
from evalkit.stats.mean_contrasts import MeanContrast, contrast_means
from evalkit.stats.moments import Moments
from evalkit.stats.regression import treatable


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect for each award cohort: its change of means from before to after the award, less that of other firms.

    Every firm's own mean over the years after less its mean over the years before; firms count when all these years are
    observed, so that year effects cancel. The plainest answer there is: two groups, two times.

    Parameters
    ----------
    before : int
        How many years before the award count.
    after : int
        How many years from the award on count. One year each way is the classical two by two comparison.

    Assumes
    -------
    Without the award, the cohort's mean would have changed as that of never-supported firms did.

    Reference
    ---------
    Bertrand, Duflo and Mullainathan (2004), Quarterly Journal of Economics 119(1), section IV.C, on collapsing to
    one period before and one after.
    """

    before: int = 1
    after: int = 1

    def __post_init__(self) -> None:
        if min(self.before, self.after) < 1:
            raise ValueError("before and after must be 1 or more")

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate one effect per outcome and cohort with their joint covariance, from one read of the data.

        Raises
        ------
        DesignError
            No cohort and never-supported firm are both observed before and after (`E_NO_CONTROL`).
        """
        panel = sample.panel
        moments, n_dropped = treatable(sample_moments(sample), panel.periods[0] + 1 + panel.anticipation)
        cohorts = [int(g) for g in np.unique(moments.cohort) if 0 < g <= panel.periods[-1]]
        rows = [row for o in range(len(panel.outcomes)) for g in cohorts if (row := self._row(moments, panel, o, g))]
        if not rows:
            raise DesignError(
                "no cohort can be compared with never-supported firms before and after its award", code="E_NO_CONTROL"
            )
        found = contrast_means(moments, [row.contrast for row in rows], panel.inference.correction)
        own = np.unique([row.cohort for row in rows]).astype(np.int64)
        draws, told = drawn(sample, moments, found.influence, own)
        labels = _labels(rows, sample, moments)
        table, vcov = effects_table(labels, found.estimate, found.vcov, found.dof, panel.inference.level)
        return Effects(
            table=table, vcov=vcov, method="difference", options=dataclasses.asdict(self), outcomes=panel.outcomes,
            baseline=baseline_means(sample), dof=found.dof, level=panel.inference.level, parts=found.parts,
            shares=cohort_shares(moments, own, found.influence), draws=draws,
            notes=(*caveats(n_dropped, labels, found.is_corrected), *seen_once(moments, panel), *told),
        )  # fmt: skip

    def _row(self, moments: Moments, panel: Panel, outcome: int, cohort: int) -> "_Row | None":
        """Compare one cohort with the never-supported firms over the same years."""
        n_periods, years = len(panel.periods), np.array(panel.periods)
        start = cohort - panel.anticipation
        is_before = (years < start) & (years >= start - self.before)
        is_after = (years >= cohort) & (years < cohort + self.after)
        if is_before.sum() < self.before or is_after.sum() < self.after:
            return None
        columns = slice(outcome * n_periods, (outcome + 1) * n_periods)
        change = np.zeros(moments.observed.shape[1])
        change[columns] = is_after / self.after - is_before / self.before
        usable = moments.observed[:, change != 0].all(axis=1)
        sides = usable & (moments.cohort == cohort), usable & (moments.cohort == 0)
        if not (sides[0].any() and sides[1].any()):
            return None
        return _Row(panel.outcomes[outcome].name, cohort, MeanContrast(change, *sides))


@dataclasses.dataclass(frozen=True, eq=False)
class _Row:
    outcome: str
    cohort: int
    contrast: MeanContrast


def _labels(rows: list[_Row], sample: MatchedSample, moments: Moments) -> dict[str, list[object]]:
    return {
        "outcome": [row.outcome for row in rows],
        "estimand": [sample.estimand] * len(rows),
        "cohort": [row.cohort for row in rows],
        "n_treated": [int(moments.n[row.contrast.treated].sum()) for row in rows],
        "n_clusters": [clusters_among(moments, row.contrast.treated) for row in rows],
        "n_control": [int(moments.n[row.contrast.control].sum()) for row in rows],
    }
