"""Covariates as places in space, such that the Euclidean distance of two places is the distance asked for."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.stats.covariates import Covariate
from evalkit.stats.regressors import refuse_collinear, regressors
from evalkit.stats.threads import one_thread

Distance = Literal["mahalanobis", "robust_mahalanobis", "euclidean"]
_SINGULAR = 1e-12
"""Smallest eigenvalue of the standardised columns' covariance, as a share of the largest, that still has an inverse."""


def places(
    covariates: Sequence[Covariate], treated: NDArray[np.bool_], distance: Distance
) -> tuple[NDArray[np.float64], list[str]]:
    """Return the place (n, d) of each firm, and the names of covariates left out because they are constant.

    Parameters
    ----------
    covariates : sequence of Covariate
        Of the same n firms, none missing, levels only those that occur.
    treated : (n,) bool
        Which firms are treated.
    distance : {"mahalanobis", "robust_mahalanobis", "euclidean"}
        Mahalanobis with the covariance pooled within the two groups; the same on ranks, each with the variance that it
        would have without ties; or Euclidean in the data's units, where different levels of a category are 1 apart.

    Raises
    ------
    DesignError
        `E_NO_COVARIATE` when all are constant, `E_COLLINEAR` when the covariance has no inverse.

    Reference
    ---------
    Rubin (1980), Bias reduction using Mahalanobis-metric matching. On ranks: Rosenbaum (2010), Design of observational
    studies, section 8.3.
    """
    with one_thread():
        x, constant = regressors(covariates)
        varying = [c for c in covariates if c.name not in constant]
        if not varying:
            raise DesignError(
                "no covariate varies between firms, so there is no distance",
                code="E_NO_COVARIATE",
                hint="give the panel baseline covariates, or match with method 'none'",
            )
        if distance == "euclidean":
            return _in_units(varying), constant
        refuse_collinear(x)
        columns = _columns(varying)
        if distance == "mahalanobis":
            return _whitened(columns, _within_groups(columns, treated)), constant
        ranks = _ranks(columns)
        return _whitened(ranks, np.corrcoef(ranks, rowvar=False).reshape(ranks.shape[1], -1)), constant


def _columns(covariates: Sequence[Covariate]) -> NDArray[np.float64]:
    """Return numbers, and a dummy for each level but the first of each category, as standardised columns (n, d)."""
    parts = []
    for c in covariates:
        parts += [c.values] if c.levels is None else [c.values == level for level in range(1, len(c.levels))]
    columns = np.stack(parts, axis=1).astype(np.float64)
    columns -= columns.mean(axis=0)
    return np.asarray(columns / np.sqrt((columns**2).mean(axis=0)))


def _in_units(covariates: Sequence[Covariate]) -> NDArray[np.float64]:
    parts = []
    for c in covariates:
        levels = range(len(c.levels or ()))
        parts += [c.values] if c.levels is None else [(c.values == level) * np.sqrt(0.5) for level in levels]
    return np.stack(parts, axis=1)


def _within_groups(columns: NDArray[np.float64], treated: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the covariance pooled within the two groups (d, d)."""
    total = np.zeros((columns.shape[1], columns.shape[1]))
    for group in (treated, ~treated):
        centred = columns[group] - columns[group].mean(axis=0)
        total += centred.T @ centred
    return total / max(len(columns) - 2, 1)


def _ranks(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return mean ranks of each column, over the standard deviation that n ranks have without ties."""
    from scipy.stats import rankdata

    n = len(columns)
    return np.asarray(rankdata(columns, axis=0) / np.sqrt(n * (n + 1) / 12.0))


def _whitened(columns: NDArray[np.float64], covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return columns turned so that their Euclidean distance is the Mahalanobis distance by this covariance."""
    size = np.linalg.eigvalsh(covariance)
    if size[0] <= _SINGULAR * size[-1]:
        raise DesignError(
            "within the groups the covariates are collinear, so the Mahalanobis distance is not defined",
            code="E_COLLINEAR",
            hint="leave one of them out",
        )
    triangle = np.linalg.cholesky(covariance)
    return np.ascontiguousarray(np.linalg.solve(triangle, columns.T).T)
