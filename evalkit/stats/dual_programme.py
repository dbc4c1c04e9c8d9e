"""The largest value of a linear function over the dual polytope of a moment-inequality test, for many functions."""

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EstimationError

FEASIBLE = 1e-9
"""Violation of a row, in standard errors, that counts as rounding."""
MOST_PIVOTS = 10_000
CAREFUL_AFTER = 50
"""Pivots after which rows enter and leave by number, which cannot cycle (Bland's rule)."""


class DualProgramme:
    """max over g of c'g subject to g >= 0 and W'g = (1, 0, ..., 0), solved for many c.

    Its dual is min x_0 subject to W x >= c. A vertex g has a basis of k rows; it is best for every c at which the x
    that makes those rows bind violates no other row. Bases are kept, so each new one serves all c at once, and the next
    is found from it in a few pivots.

    Parameters
    ----------
    rows : (m, k) float64
        W; the first column is positive and keeps the polytope bounded.

    Raises
    ------
    EstimationError
        The polytope is empty, so that every value is reached (`E_CONVERGENCE`).

    Reference
    ---------
    Dantzig, Orden and Wolfe (1955), The generalized simplex method, in its dual form.
    """

    def __init__(self, rows: NDArray[np.float64]) -> None:
        self.rows = rows
        self._known: list[tuple[NDArray[np.intp], NDArray[np.float64]]] = []
        self._keep(_first_basis(rows))

    def solve(self, c: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Solve for each row of c (n, m).

        Returns
        -------
        value : (n,)
        g : (n, m)
            A vertex at which the value is reached.

        Raises
        ------
        EstimationError
            The pivots did not end (`E_CONVERGENCE`).
        """
        value, g = np.empty(len(c)), np.zeros(c.shape)
        left = np.arange(len(c))
        for basis, inverse in self._known:
            if len(left):
                left = self._serve(basis, inverse, c, left, value, g)
        while len(left):
            self._keep(self._pivoted(c[left[0]]))
            n_before = len(left)
            left = self._serve(*self._known[-1], c, left, value, g)
            if len(left) == n_before:
                raise _unsolved()
        return value, g

    def _keep(self, basis: NDArray[np.intp]) -> None:
        self._known.append((basis, np.asarray(np.linalg.inv(self.rows[basis]), np.float64)))

    def _serve(
        self, basis: NDArray[np.intp], inverse: NDArray[np.float64], c: NDArray[np.float64], left: NDArray[np.intp],
        value: NDArray[np.float64], g: NDArray[np.float64],
    ) -> NDArray[np.intp]:  # fmt: skip
        """Fill in what a basis solves, and return what is left."""
        wanted = c[left]
        x = wanted[:, basis] @ inverse.T
        is_solved = (wanted - x @ self.rows.T).max(axis=1) <= FEASIBLE * np.maximum(1.0, np.abs(wanted).max(axis=1))
        done = left[is_solved]
        value[done] = x[is_solved, 0]
        g[np.ix_(done, basis)] = inverse[0]
        return np.asarray(left[~is_solved], np.intp)

    def _pivoted(self, c: NDArray[np.float64]) -> NDArray[np.intp]:
        """Exchange rows of the last basis until none is violated."""
        basis = self._known[-1][0].copy()
        limit = FEASIBLE * max(1.0, float(np.abs(c).max()))
        for step in range(MOST_PIVOTS):
            inverse = np.linalg.inv(self.rows[basis])
            violation = c - self.rows @ (inverse @ c[basis])
            violation[basis] = 0.0
            if violation.max() <= limit:
                return np.asarray(basis, np.intp)
            enters = int(violation.argmax()) if step < CAREFUL_AFTER else int((violation > limit).argmax())
            share = self.rows[enters] @ inverse
            with np.errstate(divide="ignore", invalid="ignore"):
                room = np.where(share > FEASIBLE, np.maximum(inverse[0], 0.0) / share, np.inf)
            tied = np.flatnonzero(room <= room.min() + FEASIBLE)
            leaves = int(tied[basis[tied].argmin()]) if step >= CAREFUL_AFTER else int(tied[share[tied].argmax()])
            basis[leaves] = enters
        raise _unsolved()


def _first_basis(rows: NDArray[np.float64]) -> NDArray[np.intp]:
    """Find some vertex, and fill its rows up to a basis."""
    from scipy.optimize import linprog

    m, k = rows.shape
    found = linprog(np.zeros(m), A_eq=rows.T, b_eq=np.eye(k)[0], bounds=(0, None), method="highs-ds")
    if found.status != 0:
        raise _unsolved()
    used = np.flatnonzero(found.x > FEASIBLE)
    basis: list[int] = []
    for row in [*used, *np.setdiff1d(np.arange(m), used)]:
        if np.linalg.matrix_rank(rows[[*basis, row]]) > len(basis):
            basis.append(int(row))
    if len(basis) < k:
        raise _unsolved()
    return np.array(basis)


def _unsolved() -> EstimationError:
    return EstimationError("a linear programme of the sensitivity bounds was not solved", code="E_CONVERGENCE")
