"""Outcomes without the award, imputed beside regressors that differ between the firms of a group.

The fit to untreated firm-years is that of `own_regressors`, carried on to the cells: what is left there of outcomes and
regressors, less the firm's mean over its untreated years, is linear in its columns, so sums over groups are enough.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EstimationError
from evalkit.model.panel import Panel
from evalkit.stats.cluster import Correction
from evalkit.stats.imputed import Averages, Reach, treated_periods
from evalkit.stats.moments import Moments
from evalkit.stats.own_regressors import Names, OwnFit, fit_own, own_maps
from evalkit.stats.regression import Design
from evalkit.stats.within import demeaned


def require_plain_residuals(correction: Correction) -> None:
    """Refuse a correction of residuals.

    Raises
    ------
    EstimationError
        `E_OPTION`.
    """
    if correction != "cr1":
        raise EstimationError(
            f"residuals of imputed outcomes are not corrected ({correction}) beside covariates of firms",
            where="inference.correction", code="E_OPTION",
            hint="with few supported firms take `extended_twfe`, which is corrected; correction = 'cr1' leaves them as "
            "they are, with intervals that are too short then",
        )  # fmt: skip


def imputed_beside(moments: Moments, names: Names, panel: Panel, found: Reach, averages: Averages) -> OwnFit:
    """Impute one outcome: tau = mean over the cell of (y_t - mean y) - (year_t - mean year) - (x_t - mean x)' c.

    Means are over the firm's untreated years. Year effects and c are those of the untreated firm-years alone.

    Parameters
    ----------
    moments : Moments
        Those of `Own` for the outcome.
    names : Names
        Of the regressors.
    panel : Panel
    found : Reach
        What can be imputed for the groups of the moments.
    averages : Averages
        What is told of the cells.

    Returns
    -------
    OwnFit
        The fit to untreated firm-years, carried on to the cells. Its coefficients are the effects; `levers` and `path`
        are what residuals count in them, `bread` the sum of squares of that, and `residual_square` is of all rows.

    Raises
    ------
    EstimationError
        The untreated firm-years do not identify year effects or slopes (`E_COLLINEAR`, names them); there are too few
        of them (`E_NO_POST`) or too many regressors (`E_TOO_LARGE`).

    Reference
    ---------
    Borusyak, Jaravel and Spiess (2024), Review of Economic Studies 91(6), section 4.1 and theorem 2: regressors beside
    firm and year effects, and what an outcome counts in an effect.
    """
    of_cohort = _of_cohort(moments, panel, found)
    before = ~treated_periods(moments.cohort, panel)
    fit = _fit_untreated(moments, names, before, panel)
    maps, k = own_maps(before.shape[1], names, fit.periods), len(fit.slopes)
    means = np.zeros((*before.shape, k + 1))
    for group, carried in _carried(maps, found):
        means[group] = carried @ (moments.product[group, 0, 1:] / moments.product[group, 0, 0])
    count = found.inside * (found.share * moments.product[:, :1, 0])[:, None]
    years = demeaned(fit.shared, found.untreated, found.beyond)
    change = averages.weights @ np.einsum("ctk,ctj->kj", count, np.concatenate([means[:, :, :k], years], axis=2))
    beside = np.concatenate([fit.slopes, fit.fitted[0, found.live[1:]]])
    estimate = averages.weights @ np.einsum("ctk,ctu->ku", count, means[:, :, k:])[:, 0] - change @ beside
    lever, each = change @ fit.whole_bread, averages.weights * found.share.max(axis=0)
    of_years = np.einsum("ej,ctj->cet", lever[:, k:], fit.shared) * fit.seen[:, None]
    fitted = fit.fitted + of_cohort @ (averages.inside.T @ estimate)
    return dataclasses.replace(
        fit, coefficient=estimate, bread=lever @ change.T + each @ averages.weights.T, levers=-lever[:, :k],
        path=np.einsum("ctk,ek->cet", of_cohort, each) - of_years, fitted=fitted,
        beyond=np.asarray(of_cohort.any(axis=2), np.bool_),
        residual_square=fit.residual_square + _square_beyond(moments, maps, found, fit.slopes, fitted),
    )  # fmt: skip


def _fit_untreated(moments: Moments, names: Names, before: NDArray[np.bool_], panel: Panel) -> OwnFit:
    """Fit year effects and slopes to the periods before the award (C, T); refusals say that these alone count."""
    try:
        return fit_own(moments, names, Design(np.zeros((*before.shape, 0)), []), before, panel.periods)
    except EstimationError as error:
        where = error.where or "untreated firm-years"
        raise EstimationError(error.problem, where=where, hint=error.hint, code=error.code) from None


def _of_cohort(moments: Moments, panel: Panel, found: Reach) -> NDArray[np.float64]:
    """Return 1 where a cell is of a group's cohort (C, T, cells), whatever periods the group is observed in."""
    inside = np.zeros(found.inside.shape)
    for k, cell in enumerate(found.cells):
        inside[moments.cohort == cell.cohort, cell.year - panel.periods[0], k] = 1.0
    return inside


def _carried(maps: NDArray[np.float64], found: Reach) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield each group with cells, and `own_maps` less their mean over its untreated periods (T, k + 1, U)."""
    beyond, flat = found.beyond, maps.reshape(1, len(maps), -1)
    for group in np.flatnonzero(beyond.any(axis=1)).tolist():
        row = slice(group, group + 1)
        yield group, demeaned(flat, found.untreated[row], beyond[row]).reshape(maps.shape)


def _square_beyond(
    moments: Moments, maps: NDArray[np.float64], found: Reach, slopes: NDArray[np.float64], fitted: NDArray[np.float64]
) -> float:
    """Return the sum of squared residuals of the firm-years in cells, from sums of products."""
    beyond, square = found.beyond, 0.0
    rest = demeaned(fitted[:, :, None], found.untreated, beyond)[:, :, 0]
    for group, carried in _carried(maps, found):
        columns = carried[:, -1] - np.einsum("tju,j->tu", carried[:, :-1], slopes)
        each = np.concatenate([-rest[group, :, None], columns], axis=1)[beyond[group]]
        square += float(((each @ moments.product[group]) * each).sum())
    return square
