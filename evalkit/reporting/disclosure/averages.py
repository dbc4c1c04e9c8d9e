"""Averages of the same cells that are shown together: from those by year and event time, that of a cohort may follow.

All that is asked is whether a secret average is a combination of those shown, whatever the cells are. Whoever attacks
is taken to know all numbers of firms, and so all weights.
"""

import numpy as np
from numpy.typing import NDArray

FOLLOWS = 1e-8
"""What is left of an average of length one when all that is shown is taken off: rounding, where it follows."""


def kept_back(weights: NDArray[np.float64], secret: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which averages must be hidden so that no secret one follows from the others.

    One that follows from others itself is hidden too: weights tell how many firms are in a hidden part, and an average
    beside its parts tells the weights. The same average under a second name (a year with one cohort) is shown twice.

    Parameters
    ----------
    weights : (averages, cells) float64
        Averages that no rule hides, those that readers need most first.
    secret : (secrets, cells) float64
        Averages, or single cells, that a rule hides.

    Returns
    -------
    (averages,) bool
    """
    hidden = np.zeros(len(weights), bool)
    units, left = _of_length_one(weights), _of_length_one(secret)
    basis = np.empty((0, weights.shape[1]))
    for i in np.flatnonzero(linked(weights, secret)):
        one = units[i]
        if (np.abs(units[:i][~hidden[:i]] - one).max(axis=1, initial=0.0) <= FOLLOWS).any():
            continue
        own = _beside(_beside(one[None], basis), basis)
        size = float(np.linalg.norm(own))
        new = own / size if size > FOLLOWS else own
        after = _beside(left, new)
        hidden[i] = size <= FOLLOWS or bool((np.linalg.norm(after, axis=1) <= FOLLOWS).any())
        if not hidden[i]:
            basis, left = np.vstack([basis, new]), after
    return hidden


def linked(weights: NDArray[np.float64], secret: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which averages share a cell with a secret one, or with one that does, and so on."""
    found = np.zeros(len(weights), bool)
    cells = (secret != 0).any(axis=0)
    while True:
        new = (weights[:, cells] != 0).any(axis=1) & ~found
        if not new.any():
            return found
        found |= new
        cells |= (weights[new] != 0).any(axis=0)


def _beside(vectors: NDArray[np.float64], basis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what is left of vectors beside the space of an orthonormal basis."""
    left: NDArray[np.float64] = vectors - (vectors @ basis.T) @ basis
    return left


def _of_length_one(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float64)
