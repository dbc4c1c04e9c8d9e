"""Firms that a score or weights can be made for: covariates known, and both groups at every level."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.model.panel import Panel
from evalkit.stats.candidates import Candidates, candidates
from evalkit.stats.covariates import Covariate, any_missing, cells, read_covariates
from evalkit.stats.propensity import separated_by


@dataclasses.dataclass(frozen=True, eq=False)
class Comparable:
    """Firms to be compared, with their covariates.

    Parameters
    ----------
    asked : Candidates
        All firms that the study asks about.
    firms : Candidates
        Those that are left, with the reasons of the others.
    covariates : dict of str to Covariate
        Values of all firms of the panel by name, those of exact cells included.
    one_sided : tuple of str
        Covariates with a level at which one of the two groups does not occur.
    """

    asked: Candidates
    firms: Candidates
    covariates: dict[str, Covariate]
    one_sided: tuple[str, ...]

    def estimand(self, kept: Candidates | None = None) -> str:
        """Return "att", or "att_matched" once treated firms were dropped."""
        left = (kept or self.firms).treated.sum()
        return "att" if left == self.asked.treated.sum() else "att_matched"

    def notes(self, constant: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the caveats on covariates, by key."""
        return (*(f"one_sided_level:{n}" for n in self.one_sided), *(f"constant_covariate:{n}" for n in constant))


def comparable(panel: Panel, names: Sequence[str], exact: Sequence[str] = (), others: Sequence[str] = ()) -> Comparable:
    """Drop firms that lack a covariate, and firms at a level or in a cell where the other group does not occur.

    Parameters
    ----------
    panel : Panel
        The firms.
    names : sequence of str
        Covariates of the score or of the weights.
    exact : sequence of str
        Covariates that make cells; levels of the others then count within each cell.
    others : sequence of str
        Further covariates that must be known.

    Raises
    ------
    DesignError
        No treated firm or no control (`E_NO_TREATED`, `E_NO_CONTROL`); no cell with both groups (`E_NO_OVERLAP`);
        levels separate the groups (`E_SEPARATION`); no covariate (`E_NO_COVARIATE`).
    UnknownNameError
        Not a covariate of the panel.
    """
    if not names:
        raise DesignError(
            "the panel has no covariate to compare firms by",
            code="E_NO_COVARIATE",
            hint="give the panel baseline covariates, or match with method 'none'",
        )
    known = {c.name: c for c in read_covariates(panel, dict.fromkeys((*names, *exact, *others)))}
    asked = candidates(panel).required()
    firms = asked.drop(any_missing(list(known.values()), panel.n_firms), "missing_covariate").required()
    cell = cell_of([known[name] for name in exact], firms)
    firms = _drop_alone(cell, firms)
    if not firms.treated.any():
        raise DesignError(
            f"none of the {int(cell.max()) + 1:,} cells has both treated firms and controls",
            code="E_NO_OVERLAP",
            hint="ask for fewer or coarser exact covariates",
        )
    firms, one_sided = _with_both_groups([known[name] for name in names if name not in exact], firms, cell)
    return Comparable(asked, firms, known, tuple(one_sided))


def cell_of(exact: Sequence[Covariate], firms: Candidates) -> NDArray[np.int64]:
    """Return the exact cell of each firm of the panel (n_firms,), numbered by sorted values; -1 for dropped firms."""
    cell = np.full(len(firms.treated), -1)
    cell[firms.rows] = cells(exact, firms.rows)
    return cell


def _with_both_groups(
    covariates: Sequence[Covariate], firms: Candidates, cell: NDArray[np.int64]
) -> tuple[Candidates, list[str]]:
    """Drop firms at levels that only one group has in their cell, until none is left; and name the covariates."""
    coded = [(c.name, cell * len(c.levels) + c.values) for c in covariates if c.levels is not None]
    concerned: dict[str, None] = {}
    while True:
        before = firms.rows.size
        for name, code in coded:
            n_firms = firms.rows.size
            firms = _drop_alone(code, firms)
            if firms.rows.size < n_firms:
                concerned[name] = None
            if not firms.treated.any():
                raise separated_by(list(concerned))
        if firms.rows.size == before:
            return firms, list(concerned)


def _drop_alone(code: NDArray[np.int64], firms: Candidates) -> Candidates:
    """Drop the firms whose code (n_firms,) does not occur in the other group; only firms still in have a code."""
    code = np.where(firms.treated | firms.control, code, 0)
    size = int(code.max(initial=0)) + 1
    has_treated = np.bincount(code[firms.treated], minlength=size) > 0
    has_control = np.bincount(code[firms.control], minlength=size) > 0
    return firms.drop(firms.treated & ~has_control[code], "no_control_in_cell").drop(
        firms.control & ~has_treated[code], "no_treated_in_cell"
    )
