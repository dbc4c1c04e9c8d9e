"""Coarsened exact matching."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError, StudyError, UnknownNameError, did_you_mean, raise_all
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.candidates import candidates
from evalkit.stats.coarsening import Cuts, Rule, grouped, intervals
from evalkit.stats.covariates import Covariate, any_missing, cells, read_covariates
from evalkit.stats.pairs import pair_table
from evalkit.stats.stable_hash import stable_hash
from evalkit.stats.strata import equal_numbers, stratify


@dataclasses.dataclass(frozen=True)
class Method:
    """Coarsened exact matching: firms are compared with all firms of the same cell of coarser covariates.

    Numbers are cut into intervals, categories are taken as they are or grouped. Controls of a cell are weighted so that
    they count as much as the cell's treated firms; firms in a cell without the other group are dropped. The intervals,
    not a model, bound how different compared firms can be.

    Parameters
    ----------
    covariates : tuple of str
        Covariates that make the cells. Default: all covariates of the panel.
    rule : {"sturges", "fd", "scott"}
        How many intervals of equal width a number is cut into: by Sturges, Freedman-Diaconis or Scott.
    cutpoints : dict of str to a rule, int or list of float
        By covariate, another rule, the number of intervals (0: equal values only), or the values at which an interval
        begins.
    grouping : dict of str to list of lists of str
        By category, levels that count as one; levels that are not named stay by themselves.
    k2k : bool
        Keep equally many treated firms and controls in each cell, chosen by the hash of firm id and seed.

    Reference
    ---------
    Iacus, King and Porro (2012), Causal inference without balance checking: coarsened exact matching.
    """

    covariates: tuple[str, ...] = ()
    rule: Rule = "sturges"
    cutpoints: Mapping[str, Cuts] = dataclasses.field(default_factory=dict)
    grouping: Mapping[str, Sequence[Sequence[str]]] = dataclasses.field(default_factory=dict)
    k2k: bool = False

    def __post_init__(self) -> None:
        for name, cuts in self.cutpoints.items():
            if isinstance(cuts, int) and cuts < 0:
                raise ValueError(f"the number of intervals of '{name}' must be 0 or more")
            if not isinstance(cuts, str | int) and not np.isfinite(np.asarray(cuts, dtype=np.float64)).all():
                raise ValueError(f"the cut-points of '{name}' must be finite numbers")
        for name, groups in self.grouping.items():
            named = [level for group in groups for level in group]
            if not all(groups) or len(set(named)) < len(named):
                raise ValueError(f"groups of '{name}' must not be empty, and a level stands in one of them only")
            if name in self.cutpoints:
                raise ValueError(f"'{name}' cannot be both cut and grouped")

    def match(self, panel: Panel, seed: int = 0) -> MatchedSample:
        """Return the firms of the cells that have both treated firms and controls.

        Raises
        ------
        DesignError
            No treated firm, no control, no covariate to match on, or no cell with both groups (`E_NO_OVERLAP`).
        UnknownNameError
            Not a covariate of the panel, or cut-points of one that does not make cells; an outcome is refused by its
            role (`E_ROLE`).
        StudyError
            Cut-points of a category, or groups that do not fit its levels.
        """
        names = self.covariates or tuple(c.name for c in panel.covariates)
        if not names:
            raise DesignError("the panel has no covariate to match on", code="E_NO_COVARIATE")
        self._require_known(names)
        covariates = read_covariates(panel, names)
        asked = candidates(panel).required()
        firms = asked.drop(any_missing(covariates, panel.n_firms), "missing_covariate").required()
        rows = firms.rows
        cell = np.full(panel.n_firms, -1)
        cell[rows] = cells([self._coarse(c, rows) for c in covariates], rows)
        strata = stratify(firms, cell, "cut the covariates into fewer intervals, or match on fewer of them")
        if self.k2k:
            strata = equal_numbers(strata, stable_hash(panel.firm, seed))
        return MatchedSample(
            panel=panel,
            weight=strata.weight,
            subclass=strata.subclass,
            distance=np.full(panel.n_firms, np.nan),
            reason=strata.kept.reason,
            pairs=pair_table(),
            method="coarsened",
            options={**dataclasses.asdict(self), "covariates": names},
            estimand="att" if strata.kept.treated.sum() == asked.treated.sum() else "att_matched",
            notes=tuple(f"absent_level:{c.name}" for c in covariates if self._names_absent_level(c)),
        )

    def _require_known(self, names: Sequence[str]) -> None:
        """Refuse cut-points and groups of covariates that make no cells."""
        problems = [
            UnknownNameError(
                f"'{name}' is not among the covariates that make the cells",
                where=f"{option}.{name}",
                hint=did_you_mean(name, names),
            )
            for option in ("cutpoints", "grouping")
            for name in getattr(self, option)
            if name not in names
        ]
        raise_all(problems, "coarsening")

    def _coarse(self, covariate: Covariate, rows: NDArray[np.intp]) -> Covariate:
        """Return the covariate as a category, or as it is when equal values are asked for."""
        name = covariate.name
        if name in self.grouping:
            return grouped(covariate, self.grouping[name])
        cuts = self.cutpoints.get(name, self.rule if covariate.levels is None else 0)
        if cuts == 0:
            return covariate
        if covariate.levels is not None:
            raise StudyError(
                "only a number can be cut into intervals",
                where=f"cutpoints.{name}",
                code="E_OPTION",
                hint="put the levels of a category into groups with 'grouping'",
            )
        return intervals(covariate, cuts, rows)

    def _names_absent_level(self, covariate: Covariate) -> bool:
        """Say whether a group names a level that no firm of the panel has."""
        groups = self.grouping.get(covariate.name, ())
        return not {level for group in groups for level in group} <= set(covariate.levels or ())
