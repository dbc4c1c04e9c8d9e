"""A difference in differences between firms that need not be the same before and after, by least squares."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.cluster import LEAST_DOF, POWER, Correction, rest_power
from evalkit.stats.common_support import inverse_on
from evalkit.stats.exact_gram import exact_gram, to_unit_range

EFFECT, FIXED = 3, 4
"""Column of the effect, and how many columns there are without covariates: constant, treated, after, and both."""


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Firms observed at one of two times, or at both.

    Parameters
    ----------
    firm : (r,) intp
        Firm of each row, from 0; rows before come first, and within a time each firm stands once.
    n_before : int
        Rows before.
    y, weight : (r,) float64
        Outcome and positive weight.
    treated : (r,) bool
    covariates : sequence of (r,) float64
    """

    firm: NDArray[np.intp]
    n_before: int
    y: NDArray[np.float64]
    weight: NDArray[np.float64]
    treated: NDArray[np.bool_]
    covariates: Sequence[NDArray[np.float64]]

    @property
    def after(self) -> NDArray[np.bool_]:
        """Rows (r,) of the later time."""
        found: NDArray[np.bool_] = np.arange(len(self.firm)) >= self.n_before
        return found


@dataclasses.dataclass(frozen=True, eq=False)
class CrossSectionEffect:
    """One cell: the effect, the (corrected) influence (n_firms,) of firms on it, and degrees of freedom."""

    estimate: float
    influence: NDArray[np.float64]
    dof: float


def cross_section_effect(
    rows: Rows, n_firms: int, n_clusters: int, correction: Correction, names: Sequence[str], where: str
) -> CrossSectionEffect:  # fmt: skip
    """Regress the outcome on treated, after, their product and covariates; the product's coefficient is the effect.

    Parameters
    ----------
    rows : Rows
        More rows than columns.
    n_firms : int
        Firms that `rows.firm` counts among.
    n_clusters : int
        Clusters that the rows are in; firms, unless clusters are larger.
    correction : {"cr1", "cr2", "cr3"}
        As in `stats.cluster.robust`, with firms as clusters for the last two.
    names : sequence of str
        Covariate behind each of the columns, the four fixed ones first, for messages.
    where : str
        Which cell, for messages.

    Raises
    ------
    DesignError
        Covariates are collinear among these firms (`E_COLLINEAR`).

    Notes
    -----
    Every row is computed column by column and every sum is exact, so that the order of firms changes no bit.

    Reference
    ---------
    Wooldridge (2010), Econometric Analysis of Cross Section and Panel Data, section 6.5.1, equation 6.32.
    """
    one, after = np.ones(len(rows.y)), rows.after.astype(float)
    treated = rows.treated.astype(float)
    centre = (rows.y.min() + rows.y.max()) / 2
    design = [one, treated, after, treated * after, *map(to_unit_range, rows.covariates)]
    root = np.sqrt(rows.weight)
    gram = exact_gram([root * column for column in (*design, rows.y - centre)])
    inverse = inverse_on(gram[:-1, :-1], np.arange(len(design)), names, where)
    slopes = inverse @ gram[:-1, -1]
    left, lever = rows.y - centre, np.zeros(len(one))
    for column, slope, part in zip(design, slopes, inverse[EFFECT], strict=True):
        left -= slope * column
        lever += part * column
    left *= root
    if correction == "cr1":
        n, k = len(one), len(design)
        factor = math.sqrt(n_clusters / (n_clusters - 1) * (n - 1) / (n - k))
        return CrossSectionEffect(
            float(slopes[EFFECT]), factor * _by_firm(rows, root * lever * left, n_firms), n_clusters - 1.0
        )
    hat = _Hat.of(rows, [root * column for column in design], inverse, n_firms)
    corrected = hat.times(root * lever, POWER[correction])
    influence = _by_firm(rows, corrected * left, n_firms)
    return CrossSectionEffect(float(slopes[EFFECT]), influence, hat.dof(root * lever, inverse, POWER[correction]))


def _by_firm(rows: Rows, values: NDArray[np.float64], n_firms: int) -> NDArray[np.float64]:
    """Add the values of a firm's rows."""
    total = np.zeros(n_firms)
    for own in (slice(0, rows.n_before), slice(rows.n_before, None)):
        total[rows.firm[own]] += values[own]
    return total


@dataclasses.dataclass(frozen=True, eq=False)
class _Hat:
    """The part of the hat matrix within firms: the leverage of each row, and between both rows of a firm."""

    x: list[NDArray[np.float64]]
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    leverage: NDArray[np.float64]
    between: NDArray[np.float64]

    @classmethod
    def of(
        cls, rows: Rows, x: list[NDArray[np.float64]], inverse: NDArray[np.float64], n_firms: int
    ) -> "_Hat":  # fmt: skip
        place = np.full((2, n_firms), -1, dtype=np.intp)
        place[0, rows.firm[: rows.n_before]] = np.arange(rows.n_before)
        place[1, rows.firm[rows.n_before :]] = np.arange(rows.n_before, len(rows.firm))
        first, second = place[:, (place >= 0).all(axis=0)]
        leverage, between = np.zeros(len(rows.firm)), np.zeros(len(first))
        for a, left in enumerate(x):
            image = np.zeros(len(left))
            for b, right in enumerate(x):
                image += inverse[a, b] * right
            leverage += left * image
            between += left[first] * image[second]
        return cls(x, first, second, leverage, between)

    def times(self, values: NDArray[np.float64], power: float) -> NDArray[np.float64]:
        """Return (I - H)^power of each firm times the values of its rows."""
        found = rest_power(self.leverage, power) * values
        block = np.empty((len(self.first), 2, 2))
        block[:, 0, 0], block[:, 1, 1] = self.leverage[self.first], self.leverage[self.second]
        block[:, 0, 1] = block[:, 1, 0] = self.between
        size, turn = np.linalg.eigh(block)
        kept = rest_power(size, power)
        own = values[self.first], values[self.second]
        along = [kept[:, i] * (turn[:, 0, i] * own[0] + turn[:, 1, i] * own[1]) for i in (0, 1)]
        found[self.first] = turn[:, 0, 0] * along[0] + turn[:, 0, 1] * along[1]
        found[self.second] = turn[:, 1, 0] * along[0] + turn[:, 1, 1] * along[1]
        return found

    def dof(self, lever: NDArray[np.float64], inverse: NDArray[np.float64], power: float) -> float:
        """Return the degrees of freedom of Satterthwaite for equal and independent errors, see `stats.cluster`."""
        once, twice = self.times(lever, power), self.times(lever, 2 * power)
        r = [self._joined(column * once) for column in self.x]
        own, shared = self._joined(lever * twice), np.zeros(len(r[0]))
        for a, left in enumerate(r):
            for b, right in enumerate(r):
                shared += inverse[a, b] * left * right
        total = inverse @ exact_gram(r)
        square = math.fsum((own - shared) ** 2 - shared**2) + float(np.trace(total @ total))
        return max(math.fsum(own - shared) ** 2 / square, LEAST_DOF) if square > 0 else LEAST_DOF

    def _joined(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add the second rows of firms to their first ones, and leave 0 there."""
        values = values.copy()
        values[self.first] += values[self.second]
        values[self.second] = 0.0
        return values
