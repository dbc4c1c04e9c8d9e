"""What weighted sums of effects inherit beside their covariance: degrees of freedom, and bootstrap draws."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.model.effects import Draws, Effects, Parts
from evalkit.stats.cluster import LEAST_DOF


def averaged(
    effects: Effects, weights: NDArray[np.float64], slope: NDArray[np.float64] | None = None
) -> Effects:  # fmt: skip
    """Return the effects with `dof`, `parts` and `draws` of weighted sums of their rows; all else is as it was.

    Where the covariance is known by independent groups of firms, degrees of freedom are those of Welch; otherwise a
    sum has the fewest of the effects in it, which makes its interval too long rather than too short.

    Parameters
    ----------
    effects : Effects
        Rows.
    weights : (R, rows) float64
    slope : (R, C) float64, optional
        How each sum changes with the masses of cohorts, where its weights follow from them.
    """
    dof, parts, draws = effects.dof, effects.parts, effects.draws
    if parts is not None:
        parts = _carried(parts, weights)
        dof = welch_dof(parts)
    elif isinstance(dof, np.ndarray):
        dof = np.array([dof[row != 0].min() for row in weights])
    if draws is not None:
        values = draws.effects @ weights.T
        draws = Draws(values if slope is None else values + draws.shares @ slope.T, draws.shares)
    return dataclasses.replace(effects, dof=dof, parts=parts, draws=draws)


def welch_dof(parts: Parts) -> NDArray[np.float64]:
    """Return the degrees of freedom of each row (rows,), infinite where there is no variance.

    The variance is a sum of independent parts q_g, each with one degree of freedom less than it has firms; that of the
    sum is (sum q_g)^2 / sum q_g^2 / (n_g - 1).

    Reference
    ---------
    Welch (1947), Biometrika 34(1-2); Satterthwaite (1946), Biometrics Bulletin 2(6).
    """
    own = np.einsum("grr->gr", parts.vcov)
    square = (own**2 / np.maximum(parts.n - 1, 1)).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        dof = np.where(square > 0, own.sum(axis=0) ** 2 / square, np.inf)
    return np.asarray(np.maximum(dof, LEAST_DOF), np.float64)


def _carried(parts: Parts, weights: NDArray[np.float64]) -> Parts:
    """Return the parts of weighted sums; of a group, the fewest firms behind an effect in the sum count."""
    huge = np.iinfo(np.int64).max
    n = np.empty((len(parts.n), len(weights)), np.int64)
    for r, row in enumerate(weights):
        n[:, r] = np.where((row != 0) & (parts.n > 0), parts.n, huge).min(axis=1)
    vcov = np.array([weights @ part @ weights.T for part in parts.vcov])
    return Parts(vcov, np.where(n == huge, 0, n))
