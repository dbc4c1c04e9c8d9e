"""Which regressors a cohort and its comparison firms identify, and refusals where they do not."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError, raise_all
from evalkit.stats.arms import Arm, Firms, Pool
from evalkit.stats.logits import Support
from evalkit.stats.regressors import INTERCEPT, Regressors

SINGULAR = 1e-10
"""Smallest eigenvalue of products of columns scaled to unit length, as a share of the largest: below it, five digits of
an effect would be left."""
_IN_SET = 1e-2
"""Columns with a smaller part in the null direction than this share of the largest are not named."""


def supports(firms: Firms, found: Sequence[Arm]) -> list[Support]:
    """Return for each arm the columns of its logit and the levels of categories without a firm of its cohort.

    Comparison firms at a level that a cohort does not have get odds of 0, the limit of the logit's estimate there; they
    still serve the outcome regression.

    Raises
    ------
    DesignError, ManyErrors
        A cohort has firms at a level without comparison firms (`E_NO_OVERLAP`).
    """
    whole, result, errors = slice(0, firms.x.n), [], list[DesignError]()
    for arm in found:
        is_control = firms.is_control(arm.pool, whole)
        treated = firms.treated(arm, whole)
        has = [np.bincount(code[treated], minlength=n) > 0 for code, n, _ in firms.x.dummies()]
        support = Support(_identified(firms.x, has), tuple((c, ~h) for c, h in enumerate(has) if not h.all()))
        is_open = support.is_open(firms.x, whole)
        is_control = is_control if is_open is None else is_control & is_open
        alone = [
            firms.x.names[at.start]
            for (code, n, at), own in zip(firms.x.dummies(), has, strict=True)
            if (own & (np.bincount(code[is_control], minlength=n) == 0)).any()
        ]
        if alone:
            errors.append(DesignError(
                f"has firms at levels of {', '.join(alone)} without comparison firms", where=f"cohort {arm.cohort}",
                code="E_NO_OVERLAP", hint="use coarser categories, or leave the covariate out",
            ))  # fmt: skip
        result.append(support)
    raise_all(errors, "overlap")
    return result


def pool_columns(firms: Firms, pool: Pool) -> NDArray[np.intp]:
    """Return the columns of the outcome regression (r,) that a pool's firms identify."""
    is_control = firms.is_control(pool, slice(0, firms.x.n))
    return _identified(firms.x, [np.bincount(code[is_control], minlength=n) > 0 for code, n, _ in firms.x.dummies()])


def _identified(x: Regressors, has: Sequence[NDArray[np.bool_]]) -> NDArray[np.intp]:
    """Return intercept, numbers and the dummies of levels that occur, but for the first of them."""
    columns = [np.arange(len(x.numbers))]
    for (_, _, at), present in zip(x.dummies(), has, strict=True):
        columns.append(np.flatnonzero(present)[1:] - 1 + at.start)
    return np.concatenate(columns)


def inverse_on(
    gram: NDArray[np.float64], columns: NDArray[np.intp], all_names: Sequence[str], where: str
) -> NDArray[np.float64]:  # fmt: skip
    """Return the inverse of products of columns (p, p), 0 outside the columns that are identified.

    Raises
    ------
    DesignError
        Columns are collinear among these firms (`E_COLLINEAR`).
    """
    own = gram[np.ix_(columns, columns)]
    scale = np.sqrt(np.diag(own))
    scaled = own / np.outer(scale, scale) if (scale > 0).all() else own
    size, direction = np.linalg.eigh(scaled)
    if not size[0] > SINGULAR * size[-1]:
        part = np.abs(direction[:, 0])
        named = [all_names[c] for c, share in zip(columns, part, strict=True) if share > _IN_SET * part.max()]
        names = [name for name in dict.fromkeys(named) if name != INTERCEPT]
        raise DesignError(
            f"covariates {', '.join(names)} do not vary, or are collinear, among these firms", where=where,
            code="E_COLLINEAR", hint="leave one of them out, or use coarser categories",
        )  # fmt: skip
    inverse = np.zeros_like(gram)
    root = np.linalg.inv(np.linalg.cholesky(scaled)) / scale
    inverse[np.ix_(columns, columns)] = root.T @ root
    return inverse
