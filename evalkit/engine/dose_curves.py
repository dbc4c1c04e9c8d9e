"""Passes of dose curves: paths of treated firms are held in memory, all others count by their moments."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evalkit.engine.doses import Doses
from evalkit.engine.local import map_blocks
from evalkit.engine.paths import clusters, path_columns, paths
from evalkit.errors import DesignError, EstimationError
from evalkit.model.effects import CohortShares
from evalkit.stats.cell_changes import CellChange, cell_influence, sides
from evalkit.stats.dose_curve import Curve, CurveFit, Dosed, fit_curve
from evalkit.stats.moments import Moments, cluster_sums, clustered
from evalkit.stats.scratch import chunks
from evalkit.stats.year_cells import YearCell, cohorts_of, no_comparison

FIRMS_PER_COEFFICIENT = 3
"""Fewer treated firms for each coefficient leave residuals too small to tell the error from."""
MOST_ROWS = 10_000
"""Rows of a table of effects, whose covariance is a matrix of as many rows and columns."""


@dataclasses.dataclass(frozen=True, eq=False)
class Curves:
    """Curves of all cells.

    Parameters
    ----------
    cells : list of YearCell
        Cell of each row.
    point : list of int
        Which point a row is at, -1 for the mean over firms.
    counts : (R, 2) int64
        Firms on both sides.
    estimate : (R,) float64
    vcov : (R, R) float64
    shares : CohortShares
    n_left_out, n_outside : int
        Cells with too few treated firms; points outside a cohort's doses, counted by cohort.
    """

    cells: list[YearCell]
    point: list[int]
    counts: NDArray[np.int64]
    estimate: NDArray[np.float64]
    vcov: NDArray[np.float64]
    shares: CohortShares
    n_left_out: int
    n_outside: int


@dataclasses.dataclass(frozen=True, eq=False)
class _Cohort:
    """Treated firms of one cohort: outcomes (n, D) less the moments' centre, doses, weights, points in their range."""

    y: NDArray[np.float64]
    dose: NDArray[np.float64]
    weight: NDArray[np.float64]
    cluster: NDArray[np.int64] | None
    points: NDArray[np.intp]

    def change(self, cell: YearCell, rows: slice = slice(None)) -> NDArray[np.float64]:
        """Return changes (n,), NaN where not observed."""
        found: NDArray[np.float64] = self.y[rows, cell.contrast.at] - self.y[rows, cell.contrast.since]
        return found


@dataclasses.dataclass(frozen=True, eq=False)
class _Fit:
    """One cell: its curve, where its rows stand, the comparison firms' mass and mean change."""

    cell: YearCell
    curve: CurveFit
    rows: slice
    controls: NDArray[np.bool_]
    mass: float
    mean: float


def dose_curves(given: Doses, cells: Sequence[YearCell], curve: Curve, moments: Moments) -> Curves:
    """Fit the curve of each cell, with the joint covariance of all.

    Parameters
    ----------
    given : Doses
        Sample and doses.
    cells : sequence of YearCell
        Cells; those without firms on both sides are passed over.
    curve : Curve
        Splines and points.
    moments : Moments
        Of the sample.

    Raises
    ------
    DesignError
        No cell has comparison firms (`E_NO_CONTROL`), or those that have too few treated firms (`E_TOO_FEW_TREATED`).
    EstimationError
        Doses do not determine a curve (`E_COLLINEAR`); more than 10,000 rows (`E_TOO_LARGE`).
    """
    cohorts = _cohorts(given, cohorts_of(cells), curve, moments.centre)
    fits, n_left_out = _fits(cells, cohorts, curve, moments)
    vcov, cross = _covariance(given, fits, cohorts, curve, moments)
    own = cohorts_of([f.cell for f in fits])
    place = np.searchsorted(list(cohorts), own)
    mass, square = (np.array([(cohorts[int(c)].weight ** power).sum() for c in own]) for power in (1, 2))
    point = [[-1, *cohorts[f.cell.contrast.cohort].points.tolist()] for f in fits]
    sizes = [len(p) for p in point]
    counts = np.array([[_n_seen(f, cohorts), int(moments.n[f.controls].sum())] for f in fits], dtype=np.int64)
    level = np.array([0.0 if curve.is_slope else f.mean for f in fits])
    return Curves(
        cells=[f.cell for f, n in zip(fits, sizes, strict=True) for _ in range(n)],
        point=[j for p in point for j in p],
        counts=np.repeat(counts, sizes, axis=0),
        estimate=np.concatenate([f.curve.estimate for f in fits]) - np.repeat(level, sizes),
        vcov=vcov,
        shares=CohortShares(own, mass, square, cross[:, place]),
        n_left_out=n_left_out,
        n_outside=sum(len(curve.points) - len(cohorts[int(c)].points) for c in own),
    )


def _cohorts(
    given: Doses, wanted: NDArray[np.int64], curve: Curve, centre: NDArray[np.float64]
) -> dict[int, _Cohort]:  # fmt: skip
    """Read the paths of treated firms, cohort by cohort in order."""
    panel, weight = given.sample.panel, given.sample.weight
    use = (given.dose > 0) & (weight > 0)

    def kernel(block: pa.RecordBatch, row: int) -> NDArray[np.float64]:
        chosen = pa.array(np.flatnonzero(use[row : row + block.num_rows]))
        return paths(panel, block.take(chosen)) - centre

    y = np.concatenate(list(map_blocks(panel, path_columns(panel), kernel)))
    cohort, code = panel.cohort[use], clusters(panel)[0]
    found = {}
    for g in wanted.tolist():
        own = cohort == g
        dose = given.dose[use][own]
        if own.any():
            inside = np.flatnonzero((curve.points >= dose.min()) & (curve.points <= dose.max()))
            cluster = None if code is None else code[use][own]
            found[g] = _Cohort(y[own], dose, weight[use][own], cluster, inside)
    return found


def _fits(
    cells: Sequence[YearCell], cohorts: dict[int, _Cohort], curve: Curve, moments: Moments
) -> tuple[list[_Fit], int]:  # fmt: skip
    """Fit the cells that can be; returns how many cells have too few treated firms too."""
    known = {g: (curve.basis(c.dose), curve.read(c.dose)) for g, c in cohorts.items()}
    at_points = curve.read(curve.points)
    fits, n_left_out, row = list[_Fit](), 0, 0
    for cell in cells:
        own = cohorts.get(cell.contrast.cohort)
        controls = sides(cell.contrast, moments)[1]
        if own is None or not controls.any():
            continue
        change = own.change(cell)
        seen = np.isfinite(change)
        if seen.sum() < FIRMS_PER_COEFFICIENT * curve.n_coefficients:
            n_left_out += 1
            continue
        basis, read = known[cell.contrast.cohort]
        firms = Dosed(basis, read, np.where(seen, own.weight, 0.0))
        where = f"cohort {cell.contrast.cohort} in {cell.year}"
        fit = fit_curve(np.where(seen, change, 0.0), firms, at_points[own.points], where)
        rows = slice(row, row + len(fit.estimate))
        mass = float(moments.total[controls, 0].sum())
        moved = moments.total[controls, cell.contrast.at + 1] - moments.total[controls, cell.contrast.since + 1]
        fits.append(_Fit(cell, fit, rows, controls, mass, float(moved.sum() / mass)))
        row = rows.stop
    if not fits and not n_left_out:
        raise no_comparison()
    if not fits:
        raise DesignError(
            "no cohort has enough treated firms for a curve", code="E_TOO_FEW_TREATED",
            hint=f"a curve of {curve.n_coefficients} coefficients needs {FIRMS_PER_COEFFICIENT} times as many firms of "
            "each cohort: fewer cut points, a lower degree, or bins",
        )  # fmt: skip
    if row > MOST_ROWS:
        raise EstimationError(
            f"{row:,} effects, more than {MOST_ROWS:,}", where="points", code="E_TOO_LARGE",
            hint="fewer points, or fewer outcomes at a time",
        )  # fmt: skip
    return fits, n_left_out


def _n_seen(fit: _Fit, cohorts: dict[int, _Cohort]) -> int:
    return int(np.isfinite(cohorts[fit.cell.contrast.cohort].change(fit.cell)).sum())


def _covariance(
    given: Doses, fits: Sequence[_Fit], cohorts: dict[int, _Cohort], curve: Curve, moments: Moments
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return covariance (R, R) and the sums of influence times weight over cohorts (R, C)."""
    n_rows = fits[-1].rows.stop
    total, cross = np.zeros((n_rows, n_rows)), np.zeros((n_rows, len(cohorts)))
    code, n_second = clusters(given.sample.panel)
    scores, keys = list[NDArray[np.float64]](), list[NDArray[np.int64]]()
    for j, (cohort, own) in enumerate(cohorts.items()):
        for part in chunks(slice(0, len(own.dose))):
            columns, psi = _influence(cohort, own, part, fits, curve)
            cross[columns, j] += psi.T @ own.weight[part]
            if own.cluster is None:
                total[np.ix_(columns, columns)] += psi.T @ psi
                continue
            summed = np.zeros((len(np.unique(own.cluster[part])), n_rows))
            summed[:, columns] = cluster_sums(own.cluster[part], psi)
            scores.append(summed)
            keys.append(np.unique(own.cluster[part]))
    if not curve.is_slope:
        rest, linear = _of_others(fits, cohorts, moments)
        if code is None and rest.n_groups:
            total += rest.covariance(linear)
        elif rest.cluster is not None and rest.n_groups:
            scores.append(np.array([a @ s for a, s in zip(linear, rest.total, strict=True)]))
            keys.append(rest.cluster)
    if code is not None:
        total = clustered(np.concatenate(scores), np.concatenate(keys), n_second)
    return (total + total.T) / 2, cross


def _influence(
    cohort: int, own: _Cohort, part: slice, fits: Sequence[_Fit], curve: Curve
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the rows (c,) that some firms of a cohort have a say in, and their influence (m, c)."""
    dose, weight = own.dose[part], own.weight[part]
    basis, read = curve.basis(dose), curve.read(dose)
    columns, found = list[NDArray[np.intp]](), list[NDArray[np.float64]]()
    for fit in fits:
        is_control = cohort in fit.cell.contrast.controls and not curve.is_slope
        if cohort != fit.cell.contrast.cohort and not is_control:
            continue
        change = own.change(fit.cell, part)
        seen = np.isfinite(change)
        change, counted = np.where(seen, change, 0.0), np.where(seen, weight, 0.0)
        if is_control:
            one = -counted / fit.mass * (change - fit.mean)
            psi = np.repeat(one[:, None], fit.rows.stop - fit.rows.start, axis=1)
        else:
            psi = fit.curve.influence(change, Dosed(basis, read, counted))
        columns.append(np.arange(fit.rows.start, fit.rows.stop))
        found.append(psi)
    if not found:
        return np.zeros(0, dtype=np.intp), np.zeros((len(dose), 0))
    return np.concatenate(columns), np.concatenate(found, axis=1)


def _of_others(
    fits: Sequence[_Fit], cohorts: dict[int, _Cohort], moments: Moments
) -> tuple[Moments, Iterator[NDArray[np.float64]]]:
    """Return the moments of the firms that are in no cohort, and for each group the matrix A (R, D + 1)."""
    keep = ~np.isin(moments.cohort, list(cohorts))
    changes = [
        CellChange(0.0, np.where(f.controls, -1.0 / f.mass, 0.0)[keep], np.where(f.controls, f.mean, 0.0)[keep])
        for f in fits
    ]
    rest = moments.take(keep)
    place = np.repeat(np.arange(len(fits)), [f.rows.stop - f.rows.start for f in fits])
    linear = cell_influence([f.cell.contrast for f in fits], changes, rest)
    return rest, (a[place] for a in linear)
