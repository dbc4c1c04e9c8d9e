"""A 64-bit hash of a firm's id and a seed: the tie-breaker that no row order, machine or hash seed can change."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

_WORD = 8
_GOLDEN = 0x9E3779B97F4A7C15


def stable_hash(text: "pa.ChunkedArray", seed: int) -> NDArray[np.uint64]:
    """Hash each text together with a seed.

    Parameters
    ----------
    text : (n,) string ChunkedArray
        Firm ids, without nulls.
    seed : int
        Any integer; another seed gives unrelated values.

    Returns
    -------
    (n,) uint64
        Depends on nothing but the text's UTF-8 bytes and the seed.

    Reference
    ---------
    Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators (the mixing function).
    """
    parts = [_hash_chunk(chunk, seed) for chunk in text.chunks]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)


def counted(key: NDArray[np.uint64], n_draws: int, lane: str) -> NDArray[Any]:
    """Return random unsigned numbers (n, n_draws) of a type such as "<u4" that depend only on key and draw.

    Parameters
    ----------
    key : (n,) uint64
        Stable hashes: of a firm and the seed.
    n_draws : int
        Draws, counted from 0; more of them do not change the first ones.
    lane : str
        numpy type of the numbers, little-endian; a 64-bit word is cut into as many as it holds.
    """
    n_words = -(-n_draws * np.dtype(lane).itemsize // _WORD)
    counter = np.arange(1, n_words + 1, dtype=np.uint64) * np.uint64(_GOLDEN)
    words = _mix(key[:, None] + counter).astype("<u8", copy=False)
    return words.view(lane)[:, :n_draws]


def hash_codes(code: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """Hash whole numbers (n,) together with a seed: the key of clusters, which are known by number."""
    state = _mix(np.full(1, (seed * _GOLDEN + _GOLDEN) % 2**64, dtype=np.uint64))
    return _mix(_mix(code.astype(np.uint64) + np.uint64(_GOLDEN)) ^ state)


def _hash_chunk(chunk: "pa.Array", seed: int) -> NDArray[np.uint64]:
    """Mix the text's 8-byte words, the last one zero-padded, into the seed's state one after the other."""
    import pyarrow as pa

    array = chunk.cast(pa.large_string())
    _, offset_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    data = np.zeros((data_buffer.size if data_buffer else 0) + _WORD, dtype=np.uint8)
    if data_buffer:
        data[:-_WORD] = np.frombuffer(data_buffer, dtype=np.uint8)
    words = np.ndarray((len(data) - _WORD + 1,), dtype="<u8", buffer=data, strides=(1,))
    start, length = offsets[:-1], np.diff(offsets)
    state = _mix(np.full(len(array), (seed * _GOLDEN + _GOLDEN) % 2**64, dtype=np.uint64) ^ length.astype(np.uint64))
    for done in range(0, int(length.max(initial=0)), _WORD):
        rows = np.flatnonzero(length > done)
        unused = (8 * np.maximum(0, done + _WORD - length[rows])).astype(np.uint64)
        word = words[start[rows] + done] << unused >> unused
        state[rows] = _mix((state[rows] ^ word) + np.uint64(_GOLDEN))
    return state


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
