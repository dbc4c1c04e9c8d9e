"""Repeated cross-sections: firms that need not be the same before and after the award."""

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.held_firms import HeldFirms
from evalkit.engine.held_influence import joint
from evalkit.engine.paths import baseline_means, clusters
from evalkit.errors import DesignError, EstimationError
from evalkit.model.effects import Effects
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cluster import Correction
from evalkit.stats.cohorts import caveats
from evalkit.stats.covariates import Covariate
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
        firms = _Firms.read(sample, self.covariates, ways=_ways(panel))
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
class _Firms(HeldFirms):
    """All firms with the clusters (ways, n) they are in."""

    ways: list[NDArray[np.int64]]

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


def _ways(panel: Panel) -> list[NDArray[np.int64]]:
    """Return the clusters (n,) of firms by each way of clustering; none where firms are the clusters."""
    code, n_second = clusters(panel)
    if code is None:
        return []
    return [code // n_second, code % n_second] if n_second else [code]
