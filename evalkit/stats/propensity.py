"""The propensity score: a logit of treatment on baseline covariates, by Newton passes over blocks of firms."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.stats.covariates import Covariate
from evalkit.stats.regressors import INTERCEPT, Regressors, refuse_collinear
from evalkit.stats.threads import one_thread

CONVERGED_BELOW = 1e-9
"""Largest change of any firm's linear predictor in the last step; Newton then squares what error is left."""
MAX_STEPS = 25
"""Enough for any finite estimate; few enough that a predictor running off by 1 a step is still far from rounding."""
_MAX_HALVINGS = 30
_MANY_FIRMS, _PART = 500_000, 16
"""From so many firms on, Newton starts at the estimate from every 16th: two or three passes over all then do."""
_STILL_MOVING = 1e-3
"""A linear predictor that still moves by more than this after all steps has no finite limit."""
_PERFECT = 1e-6
"""Mean log-likelihood closer to 0 than this: treatment is predicted without error."""
_NAMED = 0.1
"""Covariates that move less than this share of the fastest one are not named as separating."""


@dataclasses.dataclass(frozen=True, eq=False)
class Logit:
    """A fitted logit model.

    Parameters
    ----------
    coefficient : (p,) float64
        Coefficients of the columns of the regressors (numbers standardised).
    predictor : (n,) float64
        Linear predictor of each firm, the logit of its propensity score.
    loglik : float
        Log-likelihood.
    n_steps : int
        Newton steps taken.
    """

    coefficient: NDArray[np.float64]
    predictor: NDArray[np.float64]
    loglik: float
    n_steps: int


def expit(predictor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the propensity score of a linear predictor."""
    small = np.exp(-np.abs(predictor))
    score: NDArray[np.float64] = np.where(predictor >= 0, 1.0, small) / (1.0 + small)
    return score


def fit_logit(x: Regressors, treated: NDArray[np.bool_]) -> Logit:
    """Fit a logit by maximum likelihood.

    Every pass adds up the gradient X'(d - p) and the information X'p(1-p)X block by block in firm order, with one BLAS
    thread, so that neither threads nor memory change a bit.

    Parameters
    ----------
    x : Regressors
        p columns of n firms.
    treated : (n,) bool
        Which firms are treated; both kinds occur.

    Raises
    ------
    DesignError
        `E_COLLINEAR`; `E_SEPARATION` when the covariates predict treatment without error, so that no finite
        estimate exists; `E_CONVERGENCE`.

    Reference
    ---------
    Rosenbaum and Rubin (1983), The central role of the propensity score. Separation: Albert and Anderson (1984), On
    the existence of maximum likelihood estimates in logistic regression models.
    """
    with one_thread():
        refuse_collinear(x)
        d = treated.astype(np.float64)
        return _newton(x, d, _start(x, d))


def _start(x: Regressors, d: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return first coefficients: the estimate from a part of many firms, else the log odds of treatment."""
    beta = np.zeros(len(x.names))
    beta[0] = np.log(d.mean() / (1.0 - d.mean()))
    if x.n < _MANY_FIRMS:
        return beta
    part = slice(None, None, _PART)
    thin = Regressors(x.numbers[:, part].copy(), tuple(code[part].copy() for code in x.codes), x.n_levels, x.names)
    try:
        return _newton(thin, d[part], beta).coefficient
    except DesignError:
        return beta


def _newton(x: Regressors, d: NDArray[np.float64], beta: NDArray[np.float64]) -> Logit:
    predictor = _times(x, beta)
    loglik, gradient, information = _derivatives(x, predictor, d)
    for n_steps in range(1, MAX_STEPS + 1):
        try:
            step = np.asarray(np.linalg.solve(information, gradient), dtype=np.float64)
        except np.linalg.LinAlgError:
            raise _separation(x, beta) from None
        move = _times(x, step)
        if np.abs(move).max() <= CONVERGED_BELOW:
            return Logit(beta + step, _times(x, beta + step), loglik, n_steps)
        before = loglik
        for _ in range(_MAX_HALVINGS):
            loglik, gradient, information = _derivatives(x, predictor + move, d)
            if loglik >= before - abs(before) * np.finfo(float).eps * 8:
                break
            step, move = step / 2, move / 2
        beta, predictor = beta + step, predictor + move
        if -loglik < _PERFECT * x.n:
            raise _separation(x, beta)
    if np.abs(move).max() > _STILL_MOVING:
        raise _separation(x, step)
    raise DesignError(f"the propensity score did not converge in {MAX_STEPS} steps", code="E_CONVERGENCE")


def _times(x: Regressors, beta: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([x.times(rows, beta) for rows in x.blocks()])


def _derivatives(
    x: Regressors, predictor: NDArray[np.float64], d: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return log-likelihood, gradient and information; each firm adds d eta - log(1 + exp(eta)) to the first."""
    loglik, gradient, information = 0.0, np.zeros(len(x.names)), np.zeros((len(x.names), len(x.names)))
    for rows in x.blocks():
        eta = predictor[rows]
        small = np.exp(-np.abs(eta))
        p = np.where(eta >= 0, 1.0, small) / (1.0 + small)
        loglik += float((np.where(d[rows] > 0, np.minimum(eta, 0.0), np.minimum(-eta, 0.0)) - np.log1p(small)).sum())
        gradient += x.sums(rows, d[rows] - p)
        information += x.gram(rows, small / (1.0 + small) ** 2)
    return loglik, gradient, information


def _separation(x: Regressors, direction: NDArray[np.float64]) -> DesignError:
    """Name the covariates whose coefficients run off to infinity."""
    part = np.abs(direction)
    part[0] = 0.0
    fast = dict.fromkeys(name for name, p in zip(x.names, part, strict=True) if p >= _NAMED * part.max())
    return separated_by([name for name in fast if name != INTERCEPT])


def separated_by(names: Sequence[str]) -> DesignError:
    """Return the error that says which covariates predict treatment without error."""
    return DesignError(
        f"covariate{'s' if len(names) > 1 else ''} {', '.join(names)} separate{'' if len(names) > 1 else 's'} treated "
        "from control firms: the propensity score has no finite estimate",
        code="E_SEPARATION",
        hint="leave the covariate out, or keep only firms where both groups occur",
    )


def separating(covariates: Sequence[Covariate], treated: NDArray[np.bool_]) -> list[str]:
    """Return numbers that by themselves put all treated firms on one side and all controls on the other."""
    return [
        c.name
        for c in covariates
        if c.levels is None
        and c.values.min() < c.values.max()
        and (c.values[treated].min() >= c.values[~treated].max() or c.values[treated].max() <= c.values[~treated].min())
    ]


def one_sided(covariate: Covariate, treated: NDArray[np.bool_], control: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the firms (n,) at a level of a category at which one of the two groups does not occur."""
    if covariate.levels is None:
        return np.zeros(len(treated), dtype=bool)
    n_levels = len(covariate.levels) + 1
    n_treated = np.bincount(covariate.values[treated] + 1, minlength=n_levels)
    n_control = np.bincount(covariate.values[control] + 1, minlength=n_levels)
    is_one_sided: NDArray[np.bool_] = ((n_treated == 0) | (n_control == 0))[covariate.values + 1]
    return is_one_sided
