"""Digits on the linear sets of the NIST Statistical Reference Datasets, and on designs certified by exact fractions.

Norris comes with scipy, Longley with statsmodels; Wampler's sets are formulas. What NIST certifies of them is computed
again in rational arithmetic, so that neither has to be believed. Pontius and Filip are in no package: designs of their
kind (a quadratic over a wide range, a polynomial of order ten) stand in, with the same bars.
"""

import math
from fractions import Fraction
from importlib import resources

import numpy as np
import pytest

from evalkit.errors import EstimationError
from evalkit.stats.least_squares import least_squares

MOST_DIGITS = 15.0
DELTA = (759, -2048, 2048, -2048, 2523, -2048, 2048, -2048, 1838, -2048, 2048, -2048, 1838, -2048, 2048, -2048, 2523,
         -2048, 2048, -2048, 759)  # fmt: skip
"""Wampler's errors, orthogonal to polynomials of order five, so that every coefficient stays 1."""


def exact(x: np.ndarray, y: np.ndarray) -> tuple[list[Fraction], list[float]]:
    """Return coefficients and standard errors in rational arithmetic, by Gauss and Jordan."""
    n, p = x.shape
    rows = [[Fraction(float(v)) for v in row] for row in x]
    right = [Fraction(float(v)) for v in y]
    gram = [
        [sum(r[i] * r[j] for r in rows) for j in range(p)]
        + [sum(r[i] * v for r, v in zip(rows, right, strict=True))]
        + [Fraction(int(i == j)) for j in range(p)]
        for i in range(p)
    ]
    for i in range(p):
        pivot = next(k for k in range(i, p) if gram[k][i])
        gram[i], gram[pivot] = gram[pivot], gram[i]
        gram[i] = [v / gram[i][i] for v in gram[i]]
        for k in range(p):
            if k != i:
                gram[k] = [a - gram[k][i] * b for a, b in zip(gram[k], gram[i], strict=True)]
    b = [row[p] for row in gram]
    square = sum((v - sum(a * c for a, c in zip(r, b, strict=True))) ** 2 for r, v in zip(rows, right, strict=True))
    errors = [math.sqrt(square / (n - p) * gram[i][p + 1 + i]) for i in range(p)]
    return b, errors


def digits(found: np.ndarray, certified: list) -> float:
    """Return the fewest correct digits, -log10 of the relative error."""
    each = [abs(float((Fraction(float(f)) - Fraction(c)) / Fraction(c))) for f, c in zip(found, certified, strict=True)]
    return min(MOST_DIGITS if e == 0 else min(MOST_DIGITS, -math.log10(e)) for e in each)


def polynomial(x: np.ndarray, order: int) -> np.ndarray:
    return np.stack([x**k for k in range(order + 1)], axis=1)


def wampler(scale: float, tenths: bool = False) -> tuple[np.ndarray, np.ndarray]:
    x = np.arange(21.0)
    y = np.array([float(sum(Fraction(int(v), 10 if tenths else 1) ** k for k in range(6))) for v in x])
    return polynomial(x, 5), y + scale * np.array(DELTA, float)


def norris() -> tuple[np.ndarray, np.ndarray]:
    path = resources.files("scipy.stats") / "tests" / "data" / "nist_linregress" / "Norris.dat"
    lines = path.read_text(encoding="ascii").splitlines()
    start = max(i for i, line in enumerate(lines) if line.startswith("Data:")) + 1
    y, x = np.array([[float(v) for v in line.split()] for line in lines[start:] if line.strip()]).T
    return polynomial(x, 1), y


def longley() -> tuple[np.ndarray, np.ndarray]:
    from statsmodels.datasets import longley as data

    found = data.load_pandas()
    return np.column_stack([np.ones(16), found.exog.to_numpy(float)]), found.endog.to_numpy(float)


def wide() -> tuple[np.ndarray, np.ndarray]:
    """Return loads of 150,000 to 3,000,000 and deflections with a slight bend, as in Pontius."""
    x = np.tile(np.arange(1, 21) * 150_000.0, 2)
    y = 6.7e-4 + 7.3e-7 * x - 3.2e-15 * x**2 + 2e-4 * np.sin(np.arange(40))
    return polynomial(x, 2), np.round(y, 5)


SETS = {
    "Norris": (norris, 12, 12), "Longley": (longley, 10, 10), "of the kind of Pontius": (wide, 11, 11),
    "NoInt1": (lambda: (np.arange(60.0, 71)[:, None], np.arange(130.0, 141)), 14, 14),
    "NoInt2": (lambda: (np.array([[4.0], [5.0], [6.0]]), np.array([3.0, 4.0, 4.0])), 14, 14),
    "Wampler1": (lambda: wampler(0), 9, None), "Wampler2": (lambda: wampler(0, tenths=True), 12, None),
    "Wampler3": (lambda: wampler(1), 9, 12), "Wampler4": (lambda: wampler(100), 9, 12),
    "Wampler5": (lambda: wampler(10_000), 7, 12),
}  # fmt: skip
"""Data, and the bars for coefficients and standard errors; Wampler1 and 2 fit exactly, so their errors are 0."""


@pytest.mark.parametrize("name", SETS)
def test_digits(name: str) -> None:
    data, bar, error_bar = SETS[name]
    x, y = data()
    b, bread = least_squares(x, y, [f"x{k}" for k in range(x.shape[1])])
    certified, errors = exact(x, y)
    assert digits(b, certified) >= bar
    if error_bar:
        square = float(((y.astype(np.longdouble) - x.astype(np.longdouble) @ b.astype(np.longdouble)) ** 2).sum())
        found = np.sqrt(np.diag(bread) * square / (len(y) - len(b)))
        assert digits(found, errors) >= error_bar


@pytest.mark.parametrize("scale", [0, 1, 100, 10_000])
def test_nist_certifies_ones_for_wampler(scale: float) -> None:
    assert exact(*wampler(scale))[0] == [1] * 6


def test_a_polynomial_of_order_ten_is_refused_as_filip_is() -> None:
    x = np.linspace(-8.8, -3.1, 82)
    with pytest.raises(EstimationError) as error:
        least_squares(polynomial(x, 10), 0.8 + 0.01 * x + 1e-3 * np.sin(x), [f"x{k}" for k in range(11)])
    assert error.value.code == "E_COLLINEAR"
