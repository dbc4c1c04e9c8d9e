"""Curve of changes over doses within one cell: level or slope at given doses, their mean, and firms' influence."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EstimationError

LEAST_EIGENVALUE = 1e-12
"""Of the scaled Gram matrix of the basis; below it doses do not tell the coefficients apart."""


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """Splines in the dose, what is read off them, and where.

    Parameters
    ----------
    knots : (K + degree + 1,) float64
        All knots, the outer ones repeated; without inner ones the splines are the polynomials of the degree.
    degree : int
        Degree of the pieces.
    points : (J,) float64
        Doses at which the curve is read, in order.
    is_slope : bool
        Whether its derivative is read.
    """

    knots: NDArray[np.float64]
    degree: int
    points: NDArray[np.float64]
    is_slope: bool

    @classmethod
    def through(
        cls, ends: tuple[float, float], inner: Sequence[float], degree: int, points: NDArray[np.float64], *,
        is_slope: bool,
    ) -> "Curve":  # fmt: skip
        """Make a curve over the doses between two ends, with the inner knots that lie between them."""
        low, high = ends
        own = [k for k in inner if low < k < high]
        knots = np.array([low] * (degree + 1) + own + [high] * (degree + 1))
        return cls(knots, degree, points, is_slope)

    @property
    def n_coefficients(self) -> int:
        """Number of coefficients."""
        return len(self.knots) - self.degree - 1

    def basis(self, dose: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the splines at each dose (n, K); they add up to 1."""
        return self._splines(dose, is_slope=False)

    def read(self, dose: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what is read off at each dose, the splines or their derivatives (n, K)."""
        return self._splines(dose, is_slope=self.is_slope)

    def _splines(self, dose: NDArray[np.float64], *, is_slope: bool) -> NDArray[np.float64]:
        from scipy.interpolate import BSpline

        splines = BSpline(self.knots, np.eye(self.n_coefficients), self.degree)
        return np.asarray((splines.derivative() if is_slope else splines)(dose), np.float64)


@dataclasses.dataclass(frozen=True, eq=False)
class Dosed:
    """Some firms with a dose.

    Parameters
    ----------
    basis, read : (n, K) float64
        Splines at their doses, and what is read off there.
    weight : (n,) float64
        Weights, 0 for firms that do not count.
    """

    basis: NDArray[np.float64]
    read: NDArray[np.float64]
    weight: NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class CurveFit:
    """A curve fitted to the changes of one cell: R = 1 + J values, the mean over firms first.

    Parameters
    ----------
    estimate : (R,) float64
        Mean of what is read off over the firms' own doses, then at the points.
    beta : (K,) float64
        Coefficients.
    through : (K, R) float64
        Inverse Gram matrix times what is read off.
    mass : float
        Sum of weights.
    """

    estimate: NDArray[np.float64]
    beta: NDArray[np.float64]
    through: NDArray[np.float64]
    mass: float

    def influence(self, change: NDArray[np.float64], firms: Dosed) -> NDArray[np.float64]:
        """Return the influence (n, R) of some of the firms with their changes (n,).

        The first column counts that the mean is over the doses that happened to be drawn.
        """
        left = firms.weight * (change - firms.basis @ self.beta)
        psi = left[:, None] * (firms.basis @ self.through)
        psi[:, 0] += firms.weight / self.mass * (firms.read @ self.beta - self.estimate[0])
        return np.asarray(psi, np.float64)


def fit_curve(change: NDArray[np.float64], firms: Dosed, at_points: NDArray[np.float64], where: str) -> CurveFit:
    """Regress changes on the splines by least squares.

    Parameters
    ----------
    change : (n,) float64
        Change of the outcome of each firm; anything where the weight is 0.
    firms : Dosed
        Their doses and weights.
    at_points : (J, K) float64
        What is read off at each point.
    where : str
        What the cell is called in messages.

    Raises
    ------
    EstimationError
        The doses do not tell the coefficients apart (`E_COLLINEAR`).

    Reference
    ---------
    Callaway, Goodman-Bacon and Sant'Anna (2024), NBER working paper 32117, equations 4.4 to 4.6: the regression on
    splines, ATT(d) and ACRT(d), and their means over the doses of the treated.
    """
    weighted = firms.basis * firms.weight[:, None]
    gram = firms.basis.T @ weighted
    size = np.sqrt(np.diag(gram))
    if size.min() <= 0 or np.linalg.eigvalsh(gram / np.outer(size, size))[0] < LEAST_EIGENVALUE:
        raise EstimationError(
            f"the doses of its firms do not determine a curve of {len(gram)} coefficients", where=where,
            code="E_COLLINEAR", hint="fewer cut points, a lower degree, or bins",
        )  # fmt: skip
    beta = np.asarray(np.linalg.solve(gram, weighted.T @ change), np.float64)
    mass = float(firms.weight.sum())
    rows = np.concatenate([(firms.weight @ firms.read / mass)[None, :], at_points])
    through = np.asarray(np.linalg.solve(gram, rows.T), np.float64)
    return CurveFit(rows @ beta, beta, through, mass)
