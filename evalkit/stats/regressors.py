"""Regressors of many firms kept small: numbers as columns, categories as codes, products without any dummy column."""

import dataclasses
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.model.store import BLOCK_FIRMS
from evalkit.stats.covariates import Covariate
from evalkit.stats.scratch import Scratch

INTERCEPT = "intercept"
CONSTANT_BELOW = 1e-9
"""A number whose range is below this share of its size is constant."""
MAX_CONDITION = 1e8
"""Largest condition number of the columns scaled to unit length."""
_GRAM_SUSPECT = 1e-10
"""Below this share of the largest eigenvalue the Gram matrix is not precise enough to judge (rounding is 1e-16)."""
_IN_SET = 1e-4
"""Columns with a smaller part in the collinear combination than this share of the largest are not named."""


@dataclasses.dataclass(frozen=True, eq=False)
class Regressors:
    """An intercept, standardised numbers, and a dummy for each level but the first of each category.

    Parameters
    ----------
    numbers : (K, n) float64
        Ones, then each number less its mean over its standard deviation.
    codes : tuple of (n,) int64
        Level of each firm, one array per category.
    n_levels : tuple of int
        Levels of each category.
    names : tuple of str
        Covariate behind each of the p columns: intercept, numbers, then dummies category by category.
    """

    numbers: NDArray[np.float64]
    codes: tuple[NDArray[np.int64], ...]
    n_levels: tuple[int, ...]
    names: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of firms."""
        return int(self.numbers.shape[1])

    def blocks(self) -> Iterator[slice]:
        """Give the blocks in the order in which every pass adds them up."""
        for start in range(0, self.n, BLOCK_FIRMS):
            yield slice(start, min(start + BLOCK_FIRMS, self.n))

    def dummies(self) -> Iterator[tuple[NDArray[np.int64], int, slice]]:
        """Give codes, number of levels and columns of each category."""
        at = len(self.numbers)
        for code, n_levels in zip(self.codes, self.n_levels, strict=True):
            yield code, n_levels, slice(at, at + n_levels - 1)
            at += n_levels - 1

    def times(self, rows: slice, beta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return X beta of some firms, added up column by column so that equal firms get equal bits."""
        total = np.zeros(rows.stop - rows.start)
        for column, slope in zip(self.numbers[:, rows], beta, strict=False):
            total += slope * column
        for code, _, at in self.dummies():
            total += np.concatenate(([0.0], beta[at]))[code[rows]]
        return total

    def sums(self, rows: slice | NDArray[np.intp], r: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return X'r (p,) over some firms."""
        total = np.empty(len(self.names))
        total[: len(self.numbers)] = self.numbers[:, rows] @ r
        for code, n_levels, at in self.dummies():
            total[at] = np.bincount(code[rows], r, n_levels)[1:]
        return total

    def linear(
        self, rows: slice | NDArray[np.intp], slopes: NDArray[np.float64], out: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:  # fmt: skip
        """Return B'X' (q, m) of some firms for slopes B (p, q); into `out` where it is given."""
        total = np.matmul(slopes[: len(self.numbers)].T, self.numbers[:, rows], out=out)
        for code, _, at in self.dummies():
            table = np.concatenate([np.zeros_like(slopes[:1]), slopes[at]])
            total += np.take(table.T, code[rows], axis=1)
        return np.asarray(total)

    def cross(self, rows: slice | NDArray[np.intp], r: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return X'R (p, q) over some firms for values R' (q, m)."""
        total = np.empty((len(self.names), len(r)))
        total[: len(self.numbers)] = self.numbers[:, rows] @ r.T
        for code, n_levels, at in self.dummies():
            own = code[rows]
            for j, values in enumerate(r):
                total[at, j] = np.bincount(own, values, n_levels)[1:]
        return total

    def crosses(
        self, rows: slice, weights: NDArray[np.float64], r: NDArray[np.float64], scratch: Scratch
    ) -> NDArray[np.float64]:
        """Return X'W_j R (q, p, D) over some firms for each of the weights (q, m) and values R' (D, m)."""
        x = self.numbers[:, rows]
        q, k, width = len(weights), len(x), x.shape[1]
        weighted = scratch("weighted_numbers", q * k, width)
        for j, weight in enumerate(weights):
            np.multiply(x, weight, out=weighted[j * k : (j + 1) * k])
        total = np.empty((q, len(self.names), len(r)))
        total[:, :k] = (weighted @ r.T).reshape(q, k, len(r))
        for j, weight in enumerate(weights if self.codes else ()):
            product = np.multiply(r, weight, out=scratch("weighted_values", len(r), width))
            for code, n_levels, at in self.dummies():
                total[j, at] = np.stack([np.bincount(code[rows], own, n_levels)[1:] for own in product], axis=1)
        return total

    def gram(self, rows: slice | NDArray[np.intp], w: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return X'WX (p, p) over some firms; products with dummies are sums by level."""
        x = self.numbers[:, rows]
        weighted = x * w
        lower = np.zeros((len(self.names), len(self.names)))
        lower[: len(x), : len(x)] = weighted @ x.T
        for code, n_levels, at in self.dummies():
            for k, column in enumerate(weighted):
                lower[at, k] = np.bincount(code[rows], column, n_levels)[1:]
            np.fill_diagonal(lower[at, at], lower[at, 0])
            for other, n_other, other_at in self.dummies():
                if other_at.start < at.start:
                    joint = np.bincount(code[rows] * n_other + other[rows], w, n_levels * n_other)
                    lower[at, other_at] = joint.reshape(n_levels, n_other)[1:, 1:]
        row, column = _below_diagonal(len(lower))
        lower[column, row] = lower[row, column]
        return lower

    def grams(self, rows: slice, weights: NDArray[np.float64], scratch: Scratch) -> NDArray[np.float64]:
        """Return X'W_j X (q, p, p) over some firms for each of the weights (q, m).

        With few numbers and no category their products are made once for all weights.
        """
        x = self.numbers[:, rows]
        k, width = len(x), x.shape[1]
        if self.codes or k > 2 * len(weights):
            return np.stack([self.gram(rows, w) for w in weights])
        row, column = np.tril_indices(k)
        pairs = scratch("pairs", len(row), width)
        for place, (a, b) in enumerate(zip(row, column, strict=True)):
            np.multiply(x[a], x[b], out=pairs[place])
        total = np.empty((len(weights), k, k))
        total[:, row, column] = total[:, column, row] = weights @ pairs.T
        return total


@cache
def _below_diagonal(p: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.tril_indices(p, -1)


def regressors(covariates: Sequence[Covariate]) -> tuple[Regressors, list[str]]:
    """Make regressors from covariates without missing values.

    Parameters
    ----------
    covariates : sequence of Covariate
        All of the same n firms, levels only those that occur.

    Returns
    -------
    Regressors, list of str
        And the names of covariates left out because they are constant.
    """
    constant = [c.name for c in covariates if _is_constant(c)]
    used = [c for c in covariates if c.name not in constant]
    plain = [c for c in used if c.levels is None]
    coded = [(c, len(c.levels)) for c in used if c.levels is not None]
    numbers = np.ones((len(plain) + 1, len(covariates[0].values) if covariates else 0))
    for k, covariate in enumerate(plain, start=1):
        np.subtract(covariate.values, covariate.values.mean(), out=numbers[k])
        numbers[k] /= np.sqrt((numbers[k] ** 2).mean())
    names = [INTERCEPT, *(c.name for c in plain), *(c.name for c, n_levels in coded for _ in range(n_levels - 1))]
    codes = tuple(c.values.astype(np.int64) for c, _ in coded)
    return Regressors(numbers, codes, tuple(n_levels for _, n_levels in coded), tuple(names)), constant


def _is_constant(covariate: Covariate) -> bool:
    if covariate.levels is not None:
        return len(covariate.levels) < 2
    low, high = float(covariate.values.min()), float(covariate.values.max())
    return high - low <= CONSTANT_BELOW * max(abs(low), abs(high))


def refuse_collinear(x: Regressors) -> None:
    """Refuse regressors whose columns, scaled to unit length, have a condition number above `MAX_CONDITION`.

    Directions that are nearly null by the Gram matrix are measured again on the columns themselves, because squaring
    loses half the digits.

    Raises
    ------
    DesignError
        `E_COLLINEAR`, with the covariates that make the set.

    Reference
    ---------
    Belsley, Kuh and Welsch (1980), Regression diagnostics, section 3.2.
    """
    gram = np.zeros((len(x.names), len(x.names)))
    for rows in x.blocks():
        gram += x.gram(rows, np.ones(rows.stop - rows.start))
    scale = np.sqrt(np.diag(gram))
    size, direction = np.linalg.eigh(gram / np.outer(scale, scale))
    suspect = direction[:, size < _GRAM_SUSPECT * size[-1]] / scale[:, None]
    if not suspect.shape[1]:
        return
    triangle = np.zeros((0, suspect.shape[1]))
    for rows in x.blocks():
        image = np.stack([x.times(rows, v) for v in suspect.T], axis=1)
        triangle = np.asarray(np.linalg.qr(np.vstack([triangle, image]), mode="r"))
    _, length, rotation = np.linalg.svd(triangle)
    length = np.pad(length, (0, len(rotation) - len(length)))  # fewer firms than directions: the others have no length
    null = length * MAX_CONDITION < np.sqrt(size[-1])
    if not null.any():
        return
    part = np.abs((suspect @ rotation.T)[:, null] * scale[:, None]).max(axis=1)
    part[0] = 0.0
    names = list(dict.fromkeys(name for name, p in zip(x.names, part, strict=True) if p > _IN_SET * part.max()))
    raise DesignError(
        f"covariates {', '.join(names)} are collinear: each is a combination of the others",
        code="E_COLLINEAR",
        hint="leave one of them out",
    )
