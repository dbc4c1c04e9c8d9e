"""Repeated cross-sections: firms that need not be the same before and after the award."""

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.held_influence import joint
from evalkit.engine.paths import baseline_means, clusters, map_paths
from evalkit.errors import DesignError, EstimationError
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.cluster import Correction
from evalkit.stats.cohorts import caveats
from evalkit.stats.covariates import Covariate, any_missing, read_covariates
from evalkit.stats.cross_section import FIXED, CrossSectionEffect, Rows, cross_section_effect
from evalkit.stats.inference import effects_table
from evalkit.stats.regression import ENOUGH_TREATED
from evalkit.stats.regressors import INTERCEPT
from evalkit.stats.year_cells import (
    Base,
    Comparison,
    YearCell,
    cohorts_of,
    no_comparison,
    year_cells,
    year_labels,
)


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect for each award cohort in each year, from all firms seen at either time: for surveys of changing firms.

    Each cell is a regression on two years: the outcome on being of the cohort, on the later year, on both, and on
    covariates. A firm counts in the years in which it is observed, once or twice. Where the same firms are seen
    every year, `group_time` is more exact, since it takes out what is constant in each firm.

    Parameters
    ----------
    comparison : {"never_treated", "not_yet_treated"}
        Comparison firms: those never supported, or also those supported later, until their own award.
    base : {"varying", "universal"}
        Whether years before the award are compared with the year before each, or with the last before the award.
    covariates : tuple of str
        Covariates that enter the regression, categories as dummies.

    Assumes
    -------
    Without the award, the mean of the cohort's firms would have changed as that of comparison firms with the same
    covariates; and which firms are seen does not change over time in another way in one group than in the other.

    Reference
    ---------
    Wooldridge (2010), Econometric Analysis of Cross Section and Panel Data, section 6.5.1; Abadie (2005), Review of
    Economic Studies 72(1), section 3.2, on what repeated cross-sections ask for.
    """

    comparison: Comparison = "never_treated"
    base: Base = "varying"
    covariates: tuple[str, ...] = ()

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all cells of all outcomes with their joint covariance.

        Raises
        ------
        DesignError
            No cell has firms of both kinds at both times (`E_NO_CONTROL`); covariates are collinear (`E_COLLINEAR`).
        EstimationError
            All firms are in one cluster (`E_CLUSTERS`).
        UnknownNameError
            Not a covariate of the panel.
        """
        panel = sample.panel
        firms = _Firms.read(sample, self.covariates)
        asked = year_cells(panel, np.unique(panel.cohort[sample.weight > 0]), self.comparison, self.base)
        found = list(firms.cells(asked))
        if not found:
            raise no_comparison()
        cells = [cell for cell, *_ in found]
        together = joint(sample, np.stack([effect.influence for _, effect, _ in found]), cohorts_of(cells))
        counts = np.array([own for *_, own in found])
        labels = year_labels(cells, counts[:, :2], sample.estimand)
        labels["n_clusters"] = counts[:, 2].tolist()
        estimate, dof = (np.array([getattr(effect, name) for _, effect, _ in found]) for name in ("estimate", "dof"))
        table, vcov = effects_table(labels, estimate, together.vcov, dof, panel.inference.level)
        return Effects(
            table=table, vcov=vcov, method="cross_sections", options=dataclasses.asdict(self), dof=dof,
            outcomes=panel.outcomes, level=panel.inference.level, baseline=baseline_means(sample),
            notes=(*caveats(0, labels, firms.correction != "cr1"), *firms.notes, *together.notes),
            shares=together.shares, draws=together.draws,
        )  # fmt: skip


Found = tuple[YearCell, CrossSectionEffect, tuple[int, int, int]]
"""A cell, its effect, and its treated firms, control firms and clusters of the treated."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Firms:
    """All firms with their outcomes (D, n), covariates and clusters (ways, n)."""

    sample: MatchedSample
    y: NDArray[np.float64]
    covariates: list[Covariate]
    ways: list[NDArray[np.int64]]

    @classmethod
    def read(cls, sample: MatchedSample, names: tuple[str, ...]) -> "_Firms":
        y = np.concatenate(list(map_paths(sample, lambda y, _row: y.T.copy())), axis=1)
        code, n_second = clusters(sample.panel)
        ways = [] if code is None else [code // n_second, code % n_second] if n_second else [code]
        return cls(sample, y, read_covariates(sample.panel, names), ways)

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """Firms (n,) with a weight and all covariates."""
        found: NDArray[np.bool_] = (self.sample.weight > 0) & ~any_missing(self.covariates, self.sample.panel.n_firms)
        return found

    @property
    def notes(self) -> tuple[str, ...]:
        n_lost = int(((self.sample.weight > 0) & ~self.is_known).sum())
        return (f"missing_covariate:{n_lost}",) if n_lost else ()

    @property
    def correction(self) -> Correction:
        """How residuals are corrected: with firms as clusters as the study says, CR1 with larger ones."""
        asked = self.sample.panel.inference.correction
        if self.ways:
            return "cr1"
        if asked != "auto":
            return asked
        return "cr1" if int(((self.sample.panel.cohort > 0) & self.is_known).sum()) >= ENOUGH_TREATED else "cr2"

    def cells(self, asked: list[YearCell]) -> Iterator[Found]:
        """Estimate the cells that have firms of both kinds at both times."""
        panel, is_known = self.sample.panel, self.is_known
        for cell in asked:
            c = cell.contrast
            own = is_known & np.isin(panel.cohort, (c.cohort, *c.controls))
            times = [np.flatnonzero(own & ~np.isnan(self.y[column])) for column in (c.since, c.at)]
            kinds = [panel.cohort[rows] == c.cohort for rows in times]
            if all(kind.any() and not kind.all() for kind in kinds):
                firms = np.union1d(*times)
                treated = firms[panel.cohort[firms] == c.cohort]
                counts = len(treated), len(firms) - len(treated), self._clusters(treated)
                yield cell, self._effect(cell, times, self._clusters(firms)), counts

    def _effect(self, cell: YearCell, times: list[NDArray[np.intp]], n_clusters: int) -> CrossSectionEffect:
        """Regress the rows of a cell."""
        panel, c = self.sample.panel, cell.contrast
        where = f"cohort {c.cohort}, {cell.year}"
        if n_clusters < 2:
            raise EstimationError("all firms are in one cluster", where=where, code="E_CLUSTERS")
        firm = np.concatenate(times)
        columns = [(f.name, column) for f in self.covariates for column in _columns(f, firm)]
        if len(firm) <= FIXED + len(columns):
            raise DesignError(
                "has no more observations than the regression has columns", where=where, code="E_COLLINEAR",
                hint="leave covariates out",
            )  # fmt: skip
        y = np.concatenate([self.y[column][own] for column, own in zip((c.since, c.at), times, strict=True)])
        rows = Rows(
            firm, len(times[0]), y, self.sample.weight[firm], panel.cohort[firm] == c.cohort, [x for _, x in columns]
        )
        names = [*[INTERCEPT] * FIXED, *(name for name, _ in columns)]
        return cross_section_effect(rows, panel.n_firms, n_clusters, self.correction, names, where)

    def _clusters(self, firms: NDArray[np.intp]) -> int:
        """Return the clusters that some firms are in, in the way with the fewest."""
        return min((len(np.unique(way[firms])) for way in self.ways), default=len(firms))


def _columns(covariate: Covariate, rows: NDArray[np.intp]) -> list[NDArray[np.float64]]:
    """Return a number as it is, a category as dummies of the levels that occur but for the first."""
    own = covariate.values[rows]
    if covariate.levels is None:
        return [own]
    return [(own == level).astype(np.float64) for level in np.unique(own)[1:]]
