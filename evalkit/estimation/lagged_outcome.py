"""Effects given past outcomes: matched growth, or analysis of covariance."""

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.held_firms import HeldFirms
from evalkit.engine.held_influence import joint
from evalkit.engine.paths import baseline_means
from evalkit.errors import DesignError
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.cohorts import caveats
from evalkit.stats.covariates import Covariate
from evalkit.stats.inference import effects_table
from evalkit.stats.lagged import LaggedEffect, lagged_effect
from evalkit.stats.regressors import INTERCEPT
from evalkit.stats.year_cells import Comparison, YearCell, cohorts_of, no_comparison, year_cells, year_labels

MOST_LAGS = 3


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect for each award cohort in each year, given what the outcome was before.

    For each cohort and year the comparison firms' outcome is regressed on their own outcomes in the last years before
    the award; the effect is what the cohort has beyond the prediction for its own past. A firm that did badly is
    expected to recover as much as comparison firms that did as badly. Where differences-in-differences suppose that
    gaps between firms would have stayed, this supposes that firms with the same past would have gone the same way: the
    two bracket the truth when either is right. There are no effects before the award to look at: the past is used up.

    Parameters
    ----------
    comparison : {"never_treated", "not_yet_treated"}
        Comparison firms: those never supported, or also those supported later, until their own award.
    n_lags : int
        Years before the award whose outcomes are given, 1 to 3.
    covariates : tuple of str
        Covariates given too, categories as dummies.

    Assumes
    -------
    Without the award, firms with the same past outcomes and covariates would have gone the same way, along a line in
    them; no firm reacted earlier than the declared anticipation.

    Reference
    ---------
    Angrist and Pischke (2009), Mostly Harmless Econometrics, section 5.4; Imbens and Wooldridge (2009), Journal of
    Economic Literature 47(1), section 5.3; Ding and Li (2019), Political Analysis 27(4), for the bracketing.
    """

    comparison: Comparison = "never_treated"
    n_lags: int = 1
    covariates: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.n_lags <= MOST_LAGS:
            raise ValueError(f"n_lags must be 1 to {MOST_LAGS}")

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all cells of all outcomes with their joint covariance.

        Raises
        ------
        DesignError
            No cell has both supported and comparison firms (`E_NO_CONTROL`); past outcomes or covariates are collinear
            among comparison firms (`E_COLLINEAR`); a cohort has firms at a level without them (`E_NO_OVERLAP`).
        UnknownNameError
            Not a covariate of the panel.
        """
        panel = sample.panel
        firms = _Firms.read(sample, self.covariates, n_lags=self.n_lags)
        asked = year_cells(panel, np.unique(panel.cohort[sample.weight > 0]), self.comparison, "universal")
        found = list(firms.cells([c for c in asked if c.contrast.at > c.contrast.since]))
        if not found:
            raise no_comparison()
        cells = [cell for cell, *_ in found]
        influence = np.zeros((len(cells), panel.n_firms))
        for own, (_, rows, effect, _) in zip(influence, found, strict=True):
            own[rows] = effect.influence
        together = joint(sample, influence, cohorts_of(cells))
        labels = year_labels(cells, np.array([counts for *_, counts in found]), sample.estimand)
        labels["n_clusters"] = firms.treated_clusters(found)
        estimate = np.array([effect.estimate for _, _, effect, _ in found])
        table, vcov = effects_table(labels, estimate, together.vcov, np.inf, panel.inference.level)
        early = (panel.cohort > 0) & (panel.cohort <= panel.periods[0] + panel.anticipation) & (sample.weight > 0)
        return Effects(
            table=table, vcov=vcov, method="lagged_outcome", options=dataclasses.asdict(self),
            outcomes=panel.outcomes, level=panel.inference.level, baseline=baseline_means(sample),
            notes=(*caveats(int(early.sum()), labels), *firms.notes, *together.notes),
            shares=together.shares, draws=together.draws,
        )  # fmt: skip


Found = tuple[YearCell, NDArray[np.intp], LaggedEffect, tuple[int, int]]
"""A cell, the rows of its firms, its effect, and how many of them are treated and controls."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Firms(HeldFirms):
    """All firms, and how many past outcomes are regressors."""

    n_lags: int

    def cells(self, asked: list[YearCell]) -> Iterator[Found]:
        """Estimate the cells that have firms on both sides."""
        panel, is_known = self.sample.panel, self.is_known
        n_periods = len(panel.periods)
        for cell in asked:
            c = cell.contrast
            first = c.since // n_periods * n_periods
            if c.since - self.n_lags + 1 < first:
                continue
            columns = [c.at, *range(c.since, c.since - self.n_lags, -1)]
            own = is_known & np.isin(panel.cohort, (c.cohort, *c.controls)) & ~np.isnan(self.y[columns]).any(axis=0)
            rows = np.flatnonzero(own)
            treated = panel.cohort[rows] == c.cohort
            n_treated = int(treated.sum())
            if n_treated and n_treated < len(rows):
                years = [panel.periods[column - first] for column in columns[1:]]
                names = (INTERCEPT, *(f"{cell.outcome}@{year}" for year in years))
                effect = self._effect(cell, rows, treated, columns, names)
                yield cell, rows, effect, (n_treated, len(rows) - n_treated)

    def _effect(
        self, cell: YearCell, rows: NDArray[np.intp], treated: NDArray[np.bool_], columns: list[int],
        names: tuple[str, ...],
    ) -> LaggedEffect:  # fmt: skip
        where = f"comparison firms of cohort {cell.contrast.cohort}, {cell.year}"
        given = [self.y[column][rows] for column in columns[1:]]
        for covariate in self.covariates:
            own = _columns(covariate, rows, treated, where)
            given += own
            names = (*names, *([covariate.name] * len(own)))
        return lagged_effect(self.y[columns[0]][rows], given, self.sample.weight[rows], treated, names, where)

    def treated_clusters(self, found: list[Found]) -> list[object]:
        """Return the clusters that the treated firms of each cell are in, in the way with the fewest."""
        from evalkit.engine.paths import clusters

        panel = self.sample.panel
        code, n_second = clusters(panel)
        if code is None:
            return [n_treated for *_, (n_treated, _) in found]
        ways = (code // n_second, code % n_second) if n_second else (code,)
        treated = [rows[panel.cohort[rows] == cell.contrast.cohort] for cell, rows, *_ in found]
        return [min(len(np.unique(way[own])) for way in ways) for own in treated]


def _columns(
    covariate: Covariate, rows: NDArray[np.intp], treated: NDArray[np.bool_], where: str
) -> list[NDArray[np.float64]]:  # fmt: skip
    """Return a number as it is, a category as dummies of the levels that control firms have but for the first.

    Raises
    ------
    DesignError
        Treated firms are at a level without control firms (`E_NO_OVERLAP`).
    """
    own = covariate.values[rows]
    if covariate.levels is None:
        return [own]
    levels = np.unique(own[~treated])
    if not np.isin(own[treated], levels).all():
        raise DesignError(
            f"has firms at levels of {covariate.name} without comparison firms", where=where, code="E_NO_OVERLAP",
            hint="use coarser categories, or leave the covariate out",
        )  # fmt: skip
    return [(own == level).astype(np.float64) for level in levels[1:]]
