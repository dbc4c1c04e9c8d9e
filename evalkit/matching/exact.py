"""Exact matching on categories."""

import dataclasses

import numpy as np

from evalkit.errors import DesignError
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.candidates import candidates
from evalkit.stats.covariates import any_missing, cells, read_covariates
from evalkit.stats.pairs import pair_table
from evalkit.stats.strata import stratify


@dataclasses.dataclass(frozen=True)
class Method:
    """Exact matching: treated firms are compared with all controls of the same cell.

    Controls of a cell are weighted so that they count as much as the cell's treated firms (effect on the treated).
    For a few categories with many firms each; firms in a cell without the other group are dropped.

    Parameters
    ----------
    on : tuple of str
        Covariates whose values must be equal. Default: all categories of the panel.

    Reference
    ---------
    Stuart (2010), Matching methods for causal inference, section 2.2 (exact distance) and 5.2 (weights by subclass).
    """

    on: tuple[str, ...] = ()

    def match(self, panel: Panel, seed: int = 0) -> MatchedSample:  # noqa: ARG002 - one signature for all methods
        """Return the firms of the cells that have both treated firms and controls.

        Raises
        ------
        DesignError
            No treated firm, no control, no covariate to match on, or no cell with both groups.
        UnknownNameError
            Not a covariate of the panel.
        """
        n = panel.n_firms
        names = self.on or tuple(c.name for c in panel.covariates if c.kind == "category")
        if not names:
            raise DesignError("the panel has no category to match on", code="E_NO_COVARIATE", hint="name them in 'on'")
        covariates = read_covariates(panel, names)
        asked = candidates(panel).required()
        eligible = asked.drop(any_missing(covariates, n), "missing_covariate").required()

        rows = eligible.rows
        cell = np.full(n, -1)
        cell[rows] = cells(covariates, rows)
        strata = stratify(eligible, cell, "match on fewer or coarser covariates")
        return MatchedSample(
            panel=panel,
            weight=strata.weight,
            subclass=strata.subclass,
            distance=np.full(n, np.nan),
            reason=strata.kept.reason,
            pairs=pair_table(),
            method="exact",
            options={"on": names},
            estimand="att" if strata.kept.treated.sum() == asked.treated.sum() else "att_matched",
        )
