"""The propensity score by gradient-boosted trees, each firm scored by trees that have not seen it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.stats.covariates import Covariate

N_FOLDS = 5
FEWEST = 2 * N_FOLDS
"""Fewest firms of each group, so that every fold has two of both."""
MOST_LEVELS = 255
"""Levels of a category that the trees can tell apart."""
SETTINGS = {
    "learning_rate": 0.05, "max_iter": 100, "max_leaf_nodes": 8, "min_samples_leaf": 20, "l2_regularization": 1.0,
    "early_stopping": False, "random_state": 0,
}  # fmt: skip


def boosted_logit(
    covariates: Sequence[Covariate], treated: NDArray[np.bool_], key: NDArray[np.uint64]
) -> NDArray[np.float64]:
    """Return the logit of each firm's score (n,), from trees fitted without the firm's fold.

    Folds are dealt within each group in the order of the key, so they have equal shares of treated firms. One thread
    adds up, so that the number of cores changes no bit.

    Parameters
    ----------
    covariates : sequence of Covariate
        Of the same n firms, none missing.
    treated : (n,) bool
        Which firms are treated.
    key : (n,) uint64
        Stable hash of firm and seed.

    Raises
    ------
    DesignError
        A group is smaller than `FEWEST` (`E_TOO_FEW_FIRMS`), or a category has more than `MOST_LEVELS` levels
        (`E_OPTION`).

    Reference
    ---------
    McCaffrey, Ridgeway and Morral (2004), Propensity score estimation with boosted regression. Cross-fitting:
    Chernozhukov et al. (2018), Double/debiased machine learning, section 3.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    _require_room(covariates, treated)
    x = np.column_stack([c.values for c in covariates]).astype(np.float64, copy=False)
    fold = folds(treated, key)
    predictor = np.empty(len(treated))
    with threadpool_limits(limits=1):
        for k in range(N_FOLDS):
            trees = HistGradientBoostingClassifier(
                **SETTINGS, categorical_features=[c.levels is not None for c in covariates]
            )
            trees.fit(x[fold != k], treated[fold != k])
            predictor[fold == k] = trees.decision_function(x[fold == k])
    return predictor


def folds(treated: NDArray[np.bool_], key: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Deal each group's firms into folds (n,) in the order of their key."""
    fold = np.empty(len(treated), dtype=np.int64)
    for group in (treated, ~treated):
        rows = np.flatnonzero(group)
        fold[rows[np.argsort(key[rows], kind="stable")]] = np.arange(len(rows)) % N_FOLDS
    return fold


def _require_room(covariates: Sequence[Covariate], treated: NDArray[np.bool_]) -> None:
    fewest = int(min(treated.sum(), (~treated).sum()))
    if fewest < FEWEST:
        raise DesignError(
            f"boosted scores need at least {FEWEST} treated firms and {FEWEST} controls; there are {fewest} of one",
            code="E_TOO_FEW_FIRMS",
            hint="use model 'logit'",
        )
    wide = [c.name for c in covariates if c.levels is not None and len(c.levels) > MOST_LEVELS]
    if wide:
        raise DesignError(
            f"{', '.join(wide)}: more than {MOST_LEVELS} levels, which boosted trees cannot tell apart",
            code="E_OPTION",
            hint="use coarser levels, or model 'logit'",
        )
