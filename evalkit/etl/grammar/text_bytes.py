"""The bytes of a column of text as arrays: lengths, and which texts are plain ASCII digits."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

ZERO, NINE = ord("0"), 9


def text_bytes(texts: "pa.Array") -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the UTF-8 bytes of all texts after one another, and where each text starts and the last one ends.

    Parameters
    ----------
    texts : Array of string (n,)
        Without null.

    Returns
    -------
    data : (n_bytes,) uint8
    starts : (n + 1,) int64
    """
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return np.empty(0, np.uint8), np.zeros(len(texts) + 1, np.int64)
    starts = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    return np.frombuffer(data, np.uint8)[starts[0] : starts[-1]], starts - starts[0]


def digits(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the digits that ASCII bytes stand for; above 9 for every other byte."""
    return data - np.uint8(ZERO)


def has_only_digits(data: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Find the texts (n,) in which every byte is an ASCII digit; the empty text is one of them."""
    is_other = digits(data) > NINE
    if not is_other.any():
        return np.ones(len(starts) - 1, bool)
    n_others = np.concatenate(([0], np.cumsum(is_other)))[starts]
    found: NDArray[np.bool_] = n_others[1:] == n_others[:-1]
    return found
