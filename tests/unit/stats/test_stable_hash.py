import numpy as np
import pyarrow as pa
import pytest

from evalkit.stats.stable_hash import stable_hash

IDS = ["", "1", "12345678", "123456789", "1234567890123", "株式会社", "x" * 40, "123456780"]


def mix(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def twin(text: str, seed: int) -> int:
    """One text at a time, in whole numbers."""
    golden, data = 0x9E3779B97F4A7C15, text.encode()
    state = mix(((seed + 1) * golden % 2**64) ^ len(data))
    for at in range(0, len(data), 8):
        state = mix(((state ^ int.from_bytes(data[at : at + 8], "little")) + golden) % 2**64)
    return state


@pytest.mark.parametrize("seed", [0, 1, -5, 20261123, 2**70])
def test_equals_the_slow_twin(seed: int) -> None:
    found = stable_hash(pa.chunked_array([IDS]), seed)
    assert found.dtype == np.uint64
    assert found.tolist() == [twin(text, seed) for text in IDS]


def test_chunks_slices_and_neighbours_do_not_matter() -> None:
    whole = stable_hash(pa.chunked_array([IDS]), 3)
    chunked = stable_hash(pa.chunked_array([pa.array(IDS).slice(2, 3), pa.array(IDS).slice(5)]), 3)
    np.testing.assert_array_equal(chunked, whole[2:])
    assert len(stable_hash(pa.chunked_array([], pa.string()), 0)) == 0


def test_order_by_hash_is_as_good_as_random() -> None:
    ids = pa.chunked_array([[f"{i:013d}" for i in range(20_000)]])
    first, second = stable_hash(ids, 0), stable_hash(ids, 1)
    assert len(np.unique(first)) == 20_000
    ranks = [np.argsort(np.argsort(h)) for h in (first, second)]
    bound = 5 / np.sqrt(20_000)
    for a, b in ((ranks[0], np.arange(20_000)), (ranks[0], ranks[1])):
        assert abs(np.corrcoef(a, b)[0, 1]) < bound
