"""Least squares to nearly all digits that the data hold."""

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EstimationError
from evalkit.stats.threads import one_thread

CONDITION_LIMIT = 1e8
"""Largest condition number of the column-scaled design; beyond it half of all digits are gone."""
ABSORBED = 1e-10
"""A regressor of which less than this share is left beside the effects is rounding error."""
REFINEMENTS = 5
"""Each step gains about 16 digits less those of the condition number; five reach the last one up to the limit."""
IN_SET = 1e-4
"""Columns with a smaller part in the collinear combination than this share of the largest are not named."""
DONE = 2.0**-60
"""A step smaller than this share of the solution changes no digit of it."""


def least_squares(
    x: NDArray[np.float64], y: NDArray[np.float64], names: list[str], before: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Solve by QR of the column-scaled design, refined in extended precision; never by a pseudo-inverse.

    Parameters
    ----------
    x : (n, p) float64
        Design.
    y : (n,) float64
        Outcome.
    names : list of str
        Names of the first columns, for messages; columns beyond them are period effects.
    before : (p,) float64, optional
        Norms of the columns before effects were taken out: a column that lost all but 1e-10 of it is absorbed.

    Returns
    -------
    b : (p,) float64
    bread : (p, p) float64
        (X'X)^-1.

    Raises
    ------
    EstimationError
        Columns are collinear, or absorbed (`E_COLLINEAR`).
    """
    from scipy.linalg import qr, solve_triangular

    scale = np.sqrt((x**2).sum(axis=0))
    flat = scale <= ABSORBED * (scale if before is None else before)
    if flat.any():
        raise _collinear([names[i] for i in np.flatnonzero(flat) if i < len(names)])
    if len(x) < x.shape[1]:
        raise _collinear(names)
    with one_thread():
        q, r, order = qr(x / scale, mode="economic", pivoting=True)
        _, singular, axes = np.linalg.svd(r)
        if singular[-1] * CONDITION_LIMIT < singular[0]:
            weight = np.abs(axes[singular * CONDITION_LIMIT < singular[0]]).max(axis=0)
            bound = order[weight > IN_SET * weight.max()]
            raise _collinear([names[i] for i in np.sort(bound) if i < len(names)] or names)
        b = _refined(x[:, order], y, q, r, scale[order])
        inverse = solve_triangular(r, np.eye(len(r)))
    back = np.argsort(order)
    bread = (inverse @ inverse.T)[np.ix_(back, back)] / np.outer(scale, scale)
    return b[back], bread


def _refined(
    x: NDArray[np.float64], y: NDArray[np.float64], q: NDArray[np.float64], r: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    """Solve for coefficients and residuals together, and correct both by what is left, told in extended precision.

    The system is e + x b = y, x'e = 0; with x / scale = q r its correction costs two products and two triangles.
    """
    from scipy.linalg import solve_triangular

    wide, right = x.astype(np.longdouble), y.astype(np.longdouble)
    b, e = np.zeros(x.shape[1], np.longdouble), np.zeros(len(x), np.longdouble)
    for _ in range(REFINEMENTS):
        first = np.asarray(right - e - wide @ b, np.float64)
        second = np.asarray(-(wide.T @ e), np.float64) / scale
        half = solve_triangular(r, second, trans="T")
        along = q.T @ first
        step = solve_triangular(r, along - half)
        b += step / scale
        e += first - q @ (along - half)
        if np.abs(step).max() <= DONE * np.abs(b * scale).max():
            break
    return np.asarray(b, np.float64)


def _collinear(names: list[str]) -> EstimationError:
    listed = ", ".join(names[:8]) or "the period effects"
    return EstimationError(
        f"not identified beside firm and period effects: {listed}", code="E_COLLINEAR",
        hint="leave one of them out, bin the ends (leads, lags), or keep never-treated firms in the sample",
    )  # fmt: skip
