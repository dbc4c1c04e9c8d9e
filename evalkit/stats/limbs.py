"""Exact sums of integer-valued doubles below 2^38 and of their products.

Each number is split into two limbs of 19 bits. BLAS multiplies the limbs in runs of at most 16,384 rows, where every
sum of products stays below 2^52, which doubles hold exactly. Sums of integers have no order, and differences of such
sums are exact too.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.scratch import Scratch, chunks

LIMB_BITS = 19
MAGNITUDE_BITS = 2 * LIMB_BITS
EXACT_ROWS = 1 << 14
"""Most rows per BLAS product: (2^19)^2 * 2^14 = 2^52; the pieces of `scratch.chunks` are shorter."""


@dataclasses.dataclass(frozen=True, eq=False)
class Sums:
    """Sums over n rows of d columns, as integers.

    Parameters
    ----------
    n : int
        Rows.
    limbs : (2d + 1, 2d + 1) int64
        Products of 1, the high limbs and the low limbs of all columns.
    """

    n: int
    limbs: NDArray[np.int64]

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.n + other.n, self.limbs + other.limbs)

    def __sub__(self, other: "Sums") -> "Sums":
        return Sums(self.n - other.n, self.limbs - other.limbs)

    @property
    def total(self) -> NDArray[np.int64]:
        """Sums of the columns (d,)."""
        high, low = np.split(self.limbs[0, 1:], 2)
        return np.asarray((high << LIMB_BITS) + low, np.int64)

    @property
    def product(self) -> NDArray[np.float64]:
        """Sums of products of the columns (d, d), rounded once."""
        d = len(self.limbs) // 2
        high, low = slice(1, d + 1), slice(d + 1, None)
        cross = self.limbs[high, low] + self.limbs[low, high]
        rest = cross * 2.0**LIMB_BITS + self.limbs[low, low]
        return np.asarray(self.limbs[high, high] * 2.0**MAGNITUDE_BITS + rest, np.float64)


class Adder:
    """Adds up rows of d columns, piece by piece."""

    def __init__(self, d: int) -> None:
        self._n = 0
        self._limbs = np.zeros((2 * d + 1, 2 * d + 1), dtype=np.int64)
        self._scratch = Scratch()

    def add(self, q: NDArray[np.float64]) -> "Adder":
        """Add rows q' (d, n) of integers."""
        self._n += q.shape[1]
        for part in chunks(slice(0, q.shape[1])):
            own = q[:, part]
            limbs = self._scratch("limbs", 2 * len(q) + 1, own.shape[1])
            limbs[0] = 1.0
            high, low = limbs[1 : len(q) + 1], limbs[len(q) + 1 :]
            np.floor(np.multiply(own, 2.0**-LIMB_BITS, out=high), out=high)
            np.subtract(own, np.multiply(high, 2.0**LIMB_BITS, out=low), out=low)
            self._limbs += (limbs @ limbs.T).astype(np.int64)
        return self

    @property
    def sums(self) -> Sums:
        """What has been added so far."""
        return Sums(self._n, self._limbs.copy())


def exact_sums(q: NDArray[np.float64]) -> Sums:
    """Sum rows q' (d, n) of integers."""
    return Adder(len(q)).add(q).sums
