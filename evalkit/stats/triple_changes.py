"""Differences of differences of mean changes between eligible and other firms, by comparison cohort and combined."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EstimationError
from evalkit.stats.arms import Contrast
from evalkit.stats.cell_changes import CellChange, cell_change, cell_influence, sides
from evalkit.stats.inference import FEWEST_FOR_ERROR
from evalkit.stats.moments import Moments

Combination = Literal["efficient", "firms"]
LEAST_EIGENVALUE = 1e-10
"""Of the correlation of comparisons; below it their best combination is decided by rounding."""


@dataclasses.dataclass(frozen=True, eq=False)
class TripleChange:
    """One cell against one comparison cohort.

    Parameters
    ----------
    cell : int
        Position of the cell it belongs to.
    contrast : Contrast
        The change, with one comparison cohort.
    change : CellChange
        Third difference and the influence of each group of firms.
    treated, control : (C,) bool
        Groups of eligible firms of the cohort, and groups of the three others.
    mass : float
        Weight of the comparison cohort's firms.
    """

    cell: int
    contrast: Contrast
    change: CellChange
    treated: NDArray[np.bool_]
    control: NDArray[np.bool_]
    mass: float


def triple_changes(contrasts: Sequence[Contrast], moments: Moments) -> list[TripleChange]:
    """Return every cell against each of its comparison cohorts by itself.

    Comparison cohorts are never pooled: where their shares of eligible firms differ, the pool's eligible and other
    firms are of different cohorts, and what happens to cohorts does not cancel.

    Parameters
    ----------
    contrasts : sequence of Contrast
        Cells.
    moments : Moments
        Stratum 1 for eligible firms, 0 for others. Groups with fewer than three of the other firms, or of either kind
        in the comparison cohort, are not used: the spread of their changes is not known.

    Reference
    ---------
    Ortiz-Villavicencio and Sant'Anna (2025), arXiv 2505.09942v3, equation 3.7 and remark 4.2, without covariates.
    """
    if moments.stratum is None:
        raise ValueError("moments without strata")
    eligible = moments.stratum == 1
    found = []
    for cell, contrast in enumerate(contrasts):
        for control in contrast.controls:
            one = dataclasses.replace(contrast, controls=(control,))
            own, others = sides(one, moments)
            four = (own & eligible, own & ~eligible, others & eligible, others & ~eligible)
            counts = [int(moments.n[side].sum()) for side in four]
            if counts[0] == 0 or min(counts[1:]) < FEWEST_FOR_ERROR:
                continue
            kinds = [cell_change(one, (own & kind, others & kind), moments) for kind in (eligible, ~eligible)]
            mass = float(moments.total[others, 0].sum())
            found.append(TripleChange(cell, one, _less(*kinds), four[0], four[1] | others, mass))
    return found


def _less(first: CellChange, second: CellChange) -> CellChange:
    """Return the difference of two changes of different firms."""
    return CellChange(first.estimate - second.estimate, first.scale - second.scale, first.mean + second.mean)


@dataclasses.dataclass(frozen=True, eq=False)
class Combined:
    """Third differences of K cells.

    Parameters
    ----------
    cells : (K,) int
        Positions of the cells that have a comparison.
    estimate : (K,) float64
    vcov : (K, K) float64
    influence : list of (K, D + 1) float64
        For each group, the matrix A with the firm's influence A v.
    counts : (K, 2) int64
        Eligible firms of the cohort, and other firms compared.
    """

    cells: NDArray[np.intp]
    estimate: NDArray[np.float64]
    vcov: NDArray[np.float64]
    influence: list[NDArray[np.float64]]
    counts: NDArray[np.int64]


def combined(found: Sequence[TripleChange], moments: Moments, combination: Combination) -> Combined:
    """Combine the comparisons of each cell.

    Parameters
    ----------
    found : sequence of TripleChange
        Cells against single comparison cohorts, those of a cell one after the other; at least one.
    moments : Moments
        What they were made of.
    combination : {"efficient", "firms"}
        Weights that give the least variance, V^-1 1 / (1' V^-1 1) with V the covariance of a cell's comparisons; or in
        proportion to the firms of the comparison cohorts. Both are taken as known.

    Raises
    ------
    EstimationError
        The covariance of a cell's comparisons is singular (`E_COLLINEAR`).

    Reference
    ---------
    Ortiz-Villavicencio and Sant'Anna (2025), corollary 4.1, equations 4.11 and 4.12.
    """
    contrasts = [f.contrast for f in found]
    influence = list(cell_influence(contrasts, [f.change for f in found], moments))
    vcov = moments.covariance(influence)
    cells = np.unique([f.cell for f in found])
    weights = np.zeros((len(cells), len(found)))
    counts = np.zeros((len(cells), 2), dtype=np.int64)
    for k, cell in enumerate(cells):
        own = [j for j, f in enumerate(found) if f.cell == cell]
        masses = np.array([found[j].mass for j in own])
        is_plain = combination == "firms" or len(own) == 1
        weights[k, own] = masses / masses.sum() if is_plain else _efficient(vcov[np.ix_(own, own)])
        compared = np.logical_or.reduce([found[j].control for j in own])
        counts[k] = int(moments.n[found[own[0]].treated].sum()), int(moments.n[compared].sum())
    estimate = weights @ np.array([f.change.estimate for f in found])
    return Combined(cells, estimate, weights @ vcov @ weights.T, _weighted(weights, influence), counts)


def _weighted(weights: NDArray[np.float64], influence: Iterable[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    return [weights @ a for a in influence]


def _efficient(vcov: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights (m,), adding up to 1, of the least variance."""
    error = np.sqrt(np.maximum(np.diag(vcov), 0.0))
    if error.min() > 0:
        size = np.linalg.eigvalsh(vcov / np.outer(error, error))
        if size[0] > LEAST_EIGENVALUE * size[-1]:
            raw = np.linalg.solve(vcov, np.ones(len(vcov)))
            return np.asarray(raw / raw.sum(), np.float64)
    raise EstimationError(
        "comparisons with different cohorts have a singular covariance, so that no combination of them is best",
        where="combination", code="E_COLLINEAR", hint='combination = "firms" weights them by their firms',
    )  # fmt: skip
