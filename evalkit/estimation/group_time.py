"""Group-time effects after Callaway and Sant'Anna."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.comparisons import adjusted_effects
from evalkit.engine.entrants import entrants
from evalkit.engine.multipliers import drawn
from evalkit.engine.paths import baseline_means, sample_moments
from evalkit.model.effects import CohortShares, Draws, Effects, Parts
from evalkit.model.sample import MatchedSample
from evalkit.stats.arms import Contrast, observed_throughout
from evalkit.stats.cell_changes import sides
from evalkit.stats.cluster import clusters_among
from evalkit.stats.cohorts import caveats, cohort_shares, left_out
from evalkit.stats.inference import effects_table
from evalkit.stats.mean_contrasts import MeanContrast, contrast_means
from evalkit.stats.moments import Moments
from evalkit.stats.regression import treatable
from evalkit.stats.year_cells import Base, Comparison, cohorts_of, no_comparison, year_cells, year_labels


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect for each award cohort in each year, against firms not supported by then.

    Each cell is a difference of mean changes: the cohort's change since the period before its award, less the change
    of the comparison firms over the same periods. No cell uses an already supported firm as a comparison, so effects
    may differ between cohorts and grow over time. In a panel with gaps the firms observed in both periods of a cell
    count in it, so that the firms behind cells may differ.

    With covariates the comparison firms are made like the cohort at baseline: their changes are predicted
    (`regression`), they are weighted by the odds of being in the cohort (`ipw`, weights summing to 1), or both, which
    is right when either model is (`doubly_robust`). Weights of the sample enter all of it: with those of the matching
    method `entropy`, and one cohort, `regression` is the improved doubly robust estimator of Sant'Anna and Zhao.

    Parameters
    ----------
    comparison : {"never_treated", "not_yet_treated"}
        Comparison firms: those never supported, or also those supported later, until their own award.
    base : {"varying", "universal"}
        Base period of the cells before the award: the period before each, or one period for all. Cells after the
        award always start from the last period before it.
    adjustment : {"none", "regression", "ipw", "doubly_robust"}
        How differences in covariates are taken out.
    covariates : tuple of str
        Covariates of the adjustment, categories as dummies. Default: all covariates of the panel.
    balanced_only : bool
        Whether only firms count that are observed in all periods.
    max_score : float
        Comparison firms with a propensity score from here on have no weight; 1 keeps all.

    Assumes
    -------
    Without the award, the cohort would have changed as the comparison firms (with the same covariates) did, and no firm
    reacted earlier than the declared anticipation. With covariates: each firm of a cohort has comparison firms like it.

    Reference
    ---------
    Callaway and Sant'Anna (2021), Journal of Econometrics 225(2), equations 2.2 to 2.9; Sant'Anna and Zhao (2020),
    Journal of Econometrics 219(1), for the adjustment by maximum likelihood and least squares and its influence.
    """

    comparison: Comparison = "never_treated"
    base: Base = "varying"
    adjustment: Literal["none", "regression", "ipw", "doubly_robust"] = "none"
    covariates: tuple[str, ...] = ()
    balanced_only: bool = False
    max_score: float = 0.995

    def __post_init__(self) -> None:
        if self.covariates and self.adjustment == "none":
            raise ValueError('covariates need adjustment = "regression", "ipw" or "doubly_robust"')
        if not 0.5 < self.max_score <= 1:
            raise ValueError("max_score must be above 0.5 and not above 1")

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all cells of all outcomes with their joint covariance.

        Raises
        ------
        DesignError, ManyErrors
            No cell has both supported and comparison firms (`E_NO_CONTROL`). With covariates: a cohort has firms
            without comparison firms like them (`E_NO_OVERLAP`), or covariates separate it from them (`E_SEPARATION`) or
            are collinear (`E_COLLINEAR`).
        """
        panel = sample.panel
        names = self.covariates or tuple(c.name for c in panel.covariates)
        is_adjusted = self.adjustment != "none" and bool(names)
        found = self._adjusted(sample, names) if is_adjusted else self._plain(sample)
        level = panel.inference.level
        table, vcov = effects_table(found.labels, found.estimate, found.vcov, found.dof, level)
        options = dataclasses.asdict(self) | ({"covariates": names} if is_adjusted else {})
        return Effects(
            table=table, vcov=vcov, method="group_time", options=options, outcomes=panel.outcomes, level=level,
            baseline=baseline_means(sample), notes=found.notes, shares=found.shares, dof=found.dof,
            parts=found.parts, draws=found.draws,
        )  # fmt: skip

    def _plain(self, sample: MatchedSample) -> "_Found":
        """Estimate without covariates, from group moments: one read of the data, sums exact."""
        panel = sample.panel
        moments, n_dropped = treatable(sample_moments(sample), panel.periods[0] + 1 + panel.anticipation)
        notes: tuple[str, ...] = ()
        if self.balanced_only:
            moments, n_lost = _balanced(moments, len(panel.periods))
            notes = (f"not_balanced:{n_lost}",) if n_lost else ()
        cells = year_cells(panel, np.unique(moments.cohort), self.comparison, self.base)
        contrasts = [_contrast(c.contrast, moments) for c in cells]
        counts = np.array([[int(moments.n[side].sum()) for side in (c.treated, c.control)] for c in contrasts])
        use = _estimable(counts.reshape(-1, 2))
        cells, counts, contrasts = [cells[k] for k in use], counts[use], [contrasts[k] for k in use]
        found = contrast_means(moments, contrasts, panel.inference.correction)
        cohorts = cohorts_of(cells)
        draws, told = drawn(sample, moments, found.influence, cohorts)
        labels = year_labels(cells, counts, sample.estimand)
        labels["n_clusters"] = [clusters_among(moments, c.treated) for c in contrasts]
        return _Found(
            labels, found.estimate, found.vcov, cohort_shares(moments, cohorts, found.influence), draws,
            (*caveats(n_dropped, labels, found.is_corrected), *notes, *left_out(moments, panel), *told),
            found.dof, found.parts,
        )  # fmt: skip

    def _adjusted(self, sample: MatchedSample, names: Sequence[str]) -> "_Found":
        """Estimate with covariates, by a few passes over firms."""
        panel = sample.panel
        who = entrants(sample, names, panel.periods[0] + 1 + panel.anticipation, self.balanced_only)
        cells = year_cells(panel, who.firms.rows_of, self.comparison, self.base)
        counts = who.counts([c.contrast for c in cells])
        use = _estimable(counts)
        cells, counts = [cells[k] for k in use], counts[use]
        adjusted = adjusted_effects(who, [c.contrast for c in cells], self.adjustment, self.max_score)  # type: ignore[arg-type]
        labels = year_labels(cells, counts, sample.estimand)
        labels["n_clusters"] = [*who.treated_clusters([c.contrast for c in cells])]
        return _Found(
            labels, adjusted.estimate, adjusted.vcov, adjusted.shares, adjusted.draws,
            (*adjusted.notes, *caveats(0, labels, adjusted.is_corrected)), adjusted.dof, adjusted.parts,
        )  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class _Found:
    """Labels of the cells, their effects, and what goes with them into `Effects`."""

    labels: dict[str, list[object]]
    estimate: NDArray[np.float64]
    vcov: NDArray[np.float64]
    shares: CohortShares
    draws: Draws | None
    notes: tuple[str, ...]
    dof: float | NDArray[np.float64] = np.inf
    parts: Parts | None = None


def _estimable(counts: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return which cells (K, 2) have firms on both sides.

    Raises
    ------
    DesignError
        None has (`E_NO_CONTROL`).
    """
    use = np.flatnonzero((counts > 0).all(axis=1))
    if not use.size:
        raise no_comparison()
    return use


def _balanced(moments: Moments, n_periods: int) -> tuple[Moments, int]:
    """Take out outcomes of groups that do not have them in all periods; returns how many firms lost any."""
    unseen = np.zeros_like(moments.observed)
    for start in range(0, moments.observed.shape[1], n_periods):
        own = slice(start, start + n_periods)
        unseen[:, own] = ~observed_throughout(moments.observed[:, own])[:, None]
    lost = (moments.observed & unseen).any(axis=1)
    return moments.without(unseen), int(moments.n[lost].sum())


def _contrast(contrast: Contrast, moments: Moments) -> MeanContrast:
    """Say what changes in a cell, and which groups of firms are on each side of it."""
    change = np.zeros(moments.observed.shape[1])
    change[contrast.at], change[contrast.since] = 1.0, -1.0
    return MeanContrast(change, *sides(contrast, moments))
