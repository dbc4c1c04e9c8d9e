"""Entropy balancing."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.comparable import Comparable, cell_of, comparable
from evalkit.stats.covariates import Covariate
from evalkit.stats.pairs import pair_table
from evalkit.stats.regressors import regressors
from evalkit.stats.tilting import tilt
from evalkit.stats.weights import require_effective


@dataclasses.dataclass(frozen=True)
class Method:
    """Entropy balancing: controls are weighted so that their means equal those of the treated firms.

    Treated firms have weight 1, and the controls' weights sum to their number. Among all weights that balance exactly,
    these are the most even ones. Shares of all levels of categories are balanced too. Firms at a level, or in a cell,
    where the other group does not occur are dropped first. Standard errors take the weights as given.

    Parameters
    ----------
    covariates : tuple of str
        Covariates to balance. Default: all covariates of the panel.
    moments : {1, 2, 3}
        Balance means; means and squares; or means, squares and cubes of numbers, as far as their distinct values allow.
    exact : tuple of str
        Covariates within whose cells the weights are made: everything balances in each cell.
    base_weight : str
        Number from which the controls' weights depart, above 0. Default: the same for all.

    Reference
    ---------
    Hainmueller (2012), Entropy balancing for causal effects: a multivariate reweighting method to produce balanced
    samples in observational studies.
    """

    covariates: tuple[str, ...] = ()
    moments: Literal[1, 2, 3] = 1
    exact: tuple[str, ...] = ()
    base_weight: str | None = None

    def match(self, panel: Panel, seed: int = 0) -> MatchedSample:  # noqa: ARG002 - one signature for all methods
        """Return the treated firms, and the controls with balancing weights.

        Raises
        ------
        DesignError
            No treated firm or no control; covariates that are collinear or separate the groups; means of the treated
            firms that no weights of the controls can reach (`E_NO_OVERLAP`); too few controls carry the weight.
        UnknownNameError
            Not a covariate of the panel.
        """
        names = self.covariates or tuple(c.name for c in panel.covariates)
        found = comparable(panel, names, self.exact, (self.base_weight,) if self.base_weight else ())
        base = self._base(found)
        cell = cell_of([found.covariates[name] for name in self.exact], found.firms)
        to_balance = [found.covariates[name] for name in names]
        weight, constant = self._weights(found.firms.treated, cell, to_balance, base)
        require_effective(weight[found.firms.control])
        return MatchedSample(
            panel=panel,
            weight=weight,
            subclass=cell.astype(np.int32) if self.exact else np.full(panel.n_firms, -1, dtype=np.int32),
            distance=np.full(panel.n_firms, np.nan),
            reason=found.firms.drop(weight == 0, "not_matched").reason,
            pairs=pair_table(),
            method="entropy",
            options={**dataclasses.asdict(self), "covariates": names},
            estimand=found.estimand(),
            notes=found.notes([name for name in constant if name not in self.exact]),
        )

    def _weights(
        self,
        treated: NDArray[np.bool_],
        cell: NDArray[np.int64],
        covariates: Sequence[Covariate],
        base: NDArray[np.float64] | None,
    ) -> tuple[NDArray[np.float64], list[str]]:
        """Return the weight of each firm (n_firms,), balanced cell by cell, and the terms constant in every cell."""
        weight = np.where(treated & (cell >= 0), 1.0, 0.0)
        n_constant, refusals, n_refused = Counter[str](), list[DesignError](), 0
        for rows in _by_cell(cell):
            own = treated[rows]
            x, constant = regressors([term for c in covariates for term in powers(c.take(rows), self.moments)])
            n_constant.update(constant)
            try:
                weight[rows] += tilt(x, own, None if base is None else base[rows]).weight
            except DesignError as refusal:
                refusals.append(refusal)
                n_refused += int(own.sum())
        n_cells = int(cell.max()) + 1
        if refusals:
            raise _refusal(refusals, n_refused, n_cells)
        return weight, [name for name, n in n_constant.items() if n == n_cells]

    def _base(self, found: Comparable) -> NDArray[np.float64] | None:
        if self.base_weight is None:
            return None
        values = found.covariates[self.base_weight].values
        n_bad = int((values[found.firms.control] <= 0).sum())
        if found.covariates[self.base_weight].levels is not None or n_bad:
            raise DesignError(
                f"base weights must be numbers above 0; {n_bad:,} controls have another one",
                where=self.base_weight,
                code="E_WEIGHT",
            )
        return np.asarray(values, dtype=np.float64)


def powers(covariate: Covariate, moments: int) -> list[Covariate]:
    """Return a covariate and its powers up to `moments`, of the standardised number.

    A number with k distinct values has k - 1 powers that are not combinations of the others; categories have none.
    """
    highest = min(moments, len(np.unique(covariate.values)) - 1) if moments > 1 else 1
    if covariate.levels is not None or highest < 2:
        return [covariate]
    z = covariate.values - covariate.values.mean()
    z /= np.sqrt((z**2).mean())
    return [covariate, *(Covariate(f"{covariate.name}^{power}", z**power) for power in range(2, highest + 1))]


def _refusal(refusals: Sequence[DesignError], n_treated: int, n_cells: int) -> DesignError:
    """Return the refusal of the only cell, or the first one of many with the number of cells concerned."""
    first = refusals[0]
    if n_cells == 1:
        return first
    return DesignError(
        f"{len(refusals):,} of {n_cells:,} cells, with {n_treated:,} treated firms, cannot be balanced; in the first "
        f"of them {first.problem}",
        code=first.code,
        hint="ask for fewer exact covariates, or balance them with the others instead",
    )


def _by_cell(cell: NDArray[np.int64]) -> Iterator[NDArray[np.intp]]:
    """Give the rows of each cell, in firm order."""
    rows = np.flatnonzero(cell >= 0)
    rows = rows[np.argsort(cell[rows], kind="stable")]
    yield from np.split(rows, np.flatnonzero(np.diff(cell[rows])) + 1)
