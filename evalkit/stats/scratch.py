"""Pieces of a block that fit in the processor's cache, and arrays to work on them in."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CHUNK = 1 << 13
"""Rows worked on at a time within a block, so that what a kernel makes of them stays in the processor's cache."""

PADDING = 72
"""Numbers left free at the end of a row: rows a power of 2 apart would drive each other out of the cache."""


class Scratch:
    """Arrays that a kernel works in, held from one piece of a block to the next: fresh memory costs more than sums."""

    def __init__(self) -> None:
        self._held: dict[str, NDArray[np.float64]] = {}

    def __call__(self, name: str, n_rows: int, width: int) -> NDArray[np.float64]:
        """Return an array (n_rows, width) whose content is left over."""
        held = self._held.get(name)
        if held is None or held.shape[0] < n_rows:
            held = self._held[name] = padded(n_rows, CHUNK)
        return held[:n_rows, :width]


def padded(n_rows: int, width: int) -> NDArray[np.float64]:
    """Return an array (n_rows, width) whose content is not set."""
    return np.empty((n_rows, width + PADDING))[:, :width]


def chunks(rows: slice) -> Iterator[slice]:
    """Cut a block into the pieces that kernels work on."""
    for start in range(rows.start, rows.stop, CHUNK):
        yield slice(start, min(start + CHUNK, rows.stop))
