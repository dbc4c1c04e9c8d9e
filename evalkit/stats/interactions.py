"""Balance of products of two covariates: equal means of each do not make joint distributions equal."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.balance import Groups, is_share, smd
from evalkit.stats.covariates import Covariate

BETWEEN = " x "
CONSTANT_BELOW = 1e-12
"""A product whose variance is below this share of its mean square does not vary: the rest is rounding."""


@dataclasses.dataclass(frozen=True)
class Interaction:
    """Standardised mean difference of the product of two covariates.

    Parameters
    ----------
    covariate : str
        "size x industry".
    level : str
        Level, or pair of levels, at which the difference after matching is largest; "" for two numbers.
    smd_before, smd_after : float
        Differences there, over the standard deviation of all treated firms.
    """

    covariate: str
    level: str
    smd_before: float
    smd_after: float


def interactions(covariates: Sequence[Covariate], groups: Groups) -> Iterator[Interaction]:
    """Give the balance of each pair of covariates, each at its least balanced product.

    The product of two numbers is one term; of a number and a category, the number at each level; of two categories, the
    share of each pair of levels. Firms that lack one of the two are left out.

    Parameters
    ----------
    covariates : sequence of Covariate
        Of the same n firms.
    groups : Groups
        Treated and control firms, and weights.
    """
    for a, b in itertools.combinations(covariates, 2):
        known = ~(a.is_missing | b.is_missing)
        levels = [" & ".join(pair) for pair in itertools.product(a.levels or ("",), b.levels or ("",))]
        before, after = product_smds(_product(a, b, known), _codes(a, b, known), len(levels), groups.take(known))
        distance = np.nan_to_num(np.abs(after), nan=-1.0)
        at = int(distance.argmax())
        yield Interaction(
            f"{a.name}{BETWEEN}{b.name}", levels[at].strip(" &"), float(before[at]), float(after[at])
        )  # fmt: skip


def product_smds(
    value: NDArray[np.float64] | None, code: NDArray[np.int64], n_levels: int, groups: Groups
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the differences before and after matching (n_levels,) of a number times the indicator of each level.

    Parameters
    ----------
    value : (n,) float64 or None
        The number; None for the indicators themselves. Indicators, and 0/1 numbers, are shares.
    code : (n,) int64
        Level of each firm.
    n_levels : int
        Number of levels.
    groups : Groups
        Treated and control firms, and weights.
    """
    are_shares = value is None or is_share(value)
    means, variances = [], []
    for w in groups.weights():
        total = w.sum() if w.any() else np.nan
        mean = np.bincount(code, w if value is None else w * value, n_levels) / total
        square = mean if value is None else np.bincount(code, w * value**2, n_levels) / total
        freedom = 1.0 if are_shares else 1.0 - float(((w / total) ** 2).sum())
        means.append(mean)
        variance = square - mean**2
        variances.append(np.where(variance > CONSTANT_BELOW * square, variance, 0.0) / freedom)
    if are_shares and groups.is_raw:
        return means[0] - means[1], means[2] - means[3]
    before, after = (
        np.array(list(map(smd, (first - second).tolist(), variances[0].tolist(), variances[1].tolist())))
        for first, second in (means[:2], means[2:])
    )
    return before, after


def _product(a: Covariate, b: Covariate, known: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    numbers = [c.values[known] for c in (a, b) if c.levels is None]
    return np.prod(numbers, axis=0) if numbers else None


def _codes(a: Covariate, b: Covariate, known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the pair of levels of each known firm; a number has one level."""
    code = np.zeros(int(known.sum()), dtype=np.int64)
    for covariate in (a, b):
        if covariate.levels is not None:
            code = code * len(covariate.levels) + covariate.values[known]
    return code
