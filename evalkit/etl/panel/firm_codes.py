"""Number the firms of many rows: each firm its place among all firms, sorted."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

FREE = 0
"""No corporate number: marks a free slot."""
MIX = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio (Knuth, The Art of Computer Programming 3, 6.4): spreads keys over the slots."""
FULL = 0.625
"""Share of slots in use from which on the table grows."""
FIRST_BITS = 10
FEW_ROWS = 8
"""Rows of a firm that the first size of the table is for."""
BLOCK_ROWS = 1 << 18


def firm_codes(column: "pa.ChunkedArray") -> "tuple[NDArray[np.int32], pa.Array]":
    """Give each firm of a column of ids its place among all of them.

    Parameters
    ----------
    column : ChunkedArray of int64 or of text (n_rows,)
        Corporate numbers, or ids of another scheme.

    Returns
    -------
    codes : (n_rows,) int32
        Place of each row's firm among `firms`.
    firms : Array of int64 or string (n_firms,)
        Sorted (text by code point), each once.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_integer(column.type):
        encoded = column.cast(pa.string()).dictionary_encode().unify_dictionaries().combine_chunks()
        order = pc.sort_indices(encoded.dictionary)
        return _ranks(order.to_numpy())[encoded.indices.to_numpy()], encoded.dictionary.take(order)
    table, codes = _Slots(len(column) // FEW_ROWS), np.empty(len(column), np.int32)
    start = 0
    for chunk in column.chunks:
        for place in range(0, len(chunk), BLOCK_ROWS):
            keys = chunk.slice(place, BLOCK_ROWS).to_numpy()
            codes[start : start + len(keys)] = table.codes_of(keys)
            start += len(keys)
    firms = table.firms
    order = np.argsort(firms)
    ranks = _ranks(order)
    for place in range(0, len(codes), BLOCK_ROWS):
        block = codes[place : place + BLOCK_ROWS]
        block[:] = ranks[block]
    return codes, pa.array(firms[order])


def _ranks(order: NDArray[np.uint64] | NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the inverse of a permutation."""
    ranks = np.empty(len(order), np.int32)
    ranks[order] = np.arange(len(order), dtype=np.int32)
    return ranks


class _Slots:
    """A hash table of int64 keys with linear probing, searched and filled for many keys at once.

    Codes are places in `firms`, the keys in the order they were met.
    """

    def __init__(self, n_expected: int) -> None:
        self._met: list[NDArray[np.int64]] = []
        self._n_firms = 0
        self._resize(n_expected)

    @property
    def firms(self) -> NDArray[np.int64]:
        """The keys (n_firms,) by their code."""
        return np.concatenate([np.empty(0, np.int64), *self._met])

    def codes_of(self, keys: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the code of each key (n,); keys not met before get the next ones."""
        if self._n_firms + len(keys) > FULL * len(self._keys):
            self._make_room(len(keys))
        slot, is_new = self._search(keys)
        new = np.flatnonzero(is_new)
        if len(new):
            slot[new] = self._insert(keys[new], slot[new])
        return self._codes[slot]

    def _search(self, keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the slot of each key, or a free one at or after where it belongs; and which keys are not there."""
        slot = self._slot(keys)
        held = self._keys[slot]
        is_new = held == FREE
        open_ = np.flatnonzero((held != keys) & ~is_new)
        while len(open_):
            slot[open_] = (slot[open_] + 1) & self._last
            held = self._keys[slot[open_]]
            is_new[open_] = held == FREE
            open_ = open_[(held != keys[open_]) & (held != FREE)]
        return slot, is_new

    def _insert(self, keys: NDArray[np.int64], slot: NDArray[np.int64]) -> NDArray[np.int64]:
        """Put keys that are not there at or after their slots, and return where; equal keys share one."""
        open_ = np.arange(len(keys))
        while len(open_):
            is_free = self._keys[slot[open_]] == FREE
            self._keys[slot[open_[is_free]]] = keys[open_[is_free]]  # of several keys for one slot one gets it
            open_ = open_[self._keys[slot[open_]] != keys[open_]]
            slot[open_] = (slot[open_] + 1) & self._last
        place = np.arange(len(keys), dtype=np.int32)
        self._codes[slot] = place
        first = np.flatnonzero(self._codes[slot] == place)
        self._codes[slot[first]] = np.arange(self._n_firms, self._n_firms + len(first), dtype=np.int32)
        self._met.append(keys[first])
        self._n_firms += len(first)
        return slot

    def _make_room(self, n_more: int) -> None:
        """Make the table large enough for more keys, all of which may be new."""
        firms, self._met, self._n_firms = self.firms, [], 0
        self._resize(2 * (len(firms) + n_more))
        if len(firms):
            self._insert(firms, self._search(firms)[0])

    def _resize(self, n_expected: int) -> None:
        bits = max(FIRST_BITS, int(n_expected / FULL).bit_length())
        self._shift, self._last = np.uint64(64 - bits), (1 << bits) - 1
        self._keys, self._codes = np.zeros(1 << bits, np.int64), np.zeros(1 << bits, np.int32)

    def _slot(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        mixed: NDArray[np.uint64] = (keys.view(np.uint64) * MIX) >> self._shift
        return mixed.view(np.int64)
