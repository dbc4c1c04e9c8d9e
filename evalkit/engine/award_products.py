"""Products of covariates, the award and the change since the period before it: one pass over the firms."""

import dataclasses
import operator
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.deals import changes, cohorts_within
from evalkit.engine.local import map_rows
from evalkit.errors import DesignError
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Outcome
from evalkit.stats.covariates import any_missing, read_covariates
from evalkit.stats.regressors import Regressors, refuse_collinear, regressors

FEWEST = 10
"""Fewer supported or comparison firms say nothing about their covariates."""


@dataclasses.dataclass(frozen=True, eq=False)
class AwardProducts:
    """Sums of products about means.

    Parameters
    ----------
    products : (p + 2, p + 2) float64
        Of p covariates, the award and the change.
    names : tuple of str
        Covariate behind each of the p columns.
    n_treated, n_control : int
        Firms.
    """

    products: NDArray[np.float64]
    names: tuple[str, ...]
    n_treated: int
    n_control: int


def award_products(sample: MatchedSample, outcome: Outcome) -> AwardProducts:
    """Set each cohort beside the never treated firms over the same periods, and add up the products within cohorts.

    Firms with positive weight, all covariates and a known change count. Products are taken about the means of a cohort
    and the firms beside it, so that what the periods have in common has no part in them.

    Raises
    ------
    DesignError
        Fewer than ten firms on one side (`E_NO_TREATED`); covariates do not vary (`E_NO_COVARIATE`) or are collinear
        (`E_COLLINEAR`).
    """
    panel = sample.panel
    covariates = read_covariates(panel, [c.name for c in panel.covariates])
    known = (sample.weight > 0) & ~any_missing(covariates, panel.n_firms)
    cohort = np.where(known, panel.cohort, -1)
    cohorts = cohorts_within(panel, cohort)
    change = changes(panel, outcome, cohorts)
    is_in = _compared(cohort, np.array(cohorts, np.int64), change)
    rows = np.flatnonzero(is_in.any(axis=1))
    n_treated = int((cohort[rows] > 0).sum())
    if min(n_treated, len(rows) - n_treated) < FEWEST:
        raise DesignError(f"fewer than {FEWEST} supported or comparison firms have a change", code="E_NO_TREATED")
    x, _ = regressors([c.take(rows) for c in covariates])
    if len(x.names) == 1:
        raise DesignError("no covariate varies between firms", code="E_NO_COVARIATE")
    refuse_collinear(x)

    def kernel(part: slice) -> NDArray[np.float64]:
        own = rows[part]
        weight = np.where(is_in[own], sample.weight[own, None], 0.0)
        values = np.where(is_in[own], change[own], 0.0)
        return np.stack([_products(x, part, w, cohort[own] > 0, y) for w, y in zip(weight.T, values.T, strict=True)])

    whole = reduce(operator.add, map_rows(len(rows), kernel))
    products = np.sum([_about_means(m) for m in whole], axis=0)
    return AwardProducts(products, x.names[1:], n_treated, len(rows) - n_treated)


def _compared(
    cohort: NDArray[np.int32], cohorts: NDArray[np.int64], change: NDArray[np.float64]
) -> NDArray[np.bool_]:  # fmt: skip
    """Return which firms (n,) are compared in each cohort (n, C): its own and the never treated, with a change."""
    treated, control = (side[:, None] & np.isfinite(change) for side in (cohort > 0, cohort == 0))
    treated &= cohort[:, None] == cohorts
    return np.asarray((treated | control) & treated.any(axis=0) & control.any(axis=0), bool)


def _products(
    x: Regressors, rows: slice, weight: NDArray[np.float64], award: NDArray[np.bool_], change: NDArray[np.float64]
) -> NDArray[np.float64]:  # fmt: skip
    """Return sums of products (p + 3, p + 3) of ones, covariates, award and change of one block."""
    pair = np.stack([award.astype(np.float64), change])
    p = len(x.names)
    found = np.empty((p + 2, p + 2))
    found[:p, :p] = x.gram(rows, weight)
    found[:p, p:] = x.cross(rows, pair * weight)
    found[p:, :p] = found[:p, p:].T
    found[p:, p:] = (pair * weight) @ pair.T
    return found


def _about_means(products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the means out of sums of products, the first column being ones."""
    mass = products[0, 0] or 1.0
    return np.asarray(products[1:, 1:] - np.outer(products[1:, 0], products[0, 1:]) / mass, np.float64)
