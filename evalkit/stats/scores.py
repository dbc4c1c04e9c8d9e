"""Propensity scores by several models, on one scale."""

import dataclasses
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.stats.boosting import boosted_logit
from evalkit.stats.covariates import Covariate
from evalkit.stats.probit import fit_probit
from evalkit.stats.propensity import expit, fit_logit, separated_by, separating
from evalkit.stats.regressors import regressors

Model = Literal["logit", "probit", "boosting"]
MODELS: tuple[Model, ...] = get_args(Model)


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """Propensity scores.

    Parameters
    ----------
    predictor : (n,) float64
        Logit of each firm's score, whatever the model.
    constant : tuple of str
        Covariates left out because they are constant.
    """

    predictor: NDArray[np.float64]
    constant: tuple[str, ...]

    @property
    def score(self) -> NDArray[np.float64]:
        """Score of each firm (n,)."""
        return expit(self.predictor)


def propensity_scores(
    covariates: Sequence[Covariate],
    treated: NDArray[np.bool_],
    model: Model = "logit",
    key: NDArray[np.uint64] | None = None,
) -> Scores:
    """Estimate each firm's chance of treatment from its covariates.

    Parameters
    ----------
    covariates : sequence of Covariate
        Of the same n firms, none missing, levels only those that occur.
    treated : (n,) bool
        Which firms are treated; both kinds occur.
    model : {"logit", "probit", "boosting"}
        Logit or probit in the covariates as they are, or gradient-boosted trees with cross-fitted scores.
    key : (n,) uint64, optional
        Stable hash of firm and seed, which deals firms into the folds of boosting; not needed otherwise.

    Raises
    ------
    DesignError
        `E_NO_COVARIATE` when all are constant, `E_SEPARATION`, `E_COLLINEAR`, `E_CONVERGENCE`, `E_TOO_FEW_FIRMS`.
    """
    x, constant = regressors(covariates)
    varying = [c for c in covariates if c.name not in constant]
    if not varying:
        raise DesignError(
            "no covariate varies between firms, so there is no propensity score",
            code="E_NO_COVARIATE",
            hint="give the panel baseline covariates, or match with method 'none'",
        )
    separates = separating(varying, treated)
    if separates:
        raise separated_by(separates)
    if model == "logit":
        predictor = fit_logit(x, treated).predictor
    elif model == "probit":
        predictor = _logit_of_normal(fit_probit(x, treated).predictor)
    elif key is None:
        raise ValueError("boosting needs a key for its folds")
    else:
        predictor = boosted_logit(varying, treated, key)
    return Scores(predictor, tuple(constant))


def _logit_of_normal(quantile: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log(Phi / (1 - Phi)) without loss in the tails."""
    from scipy.special import log_ndtr

    return np.asarray(log_ndtr(quantile) - log_ndtr(-quantile), dtype=np.float64)
