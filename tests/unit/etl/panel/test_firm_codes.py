"""Firms numbered by their place among all, against numpy's sorted distinct values."""

import numpy as np
import pyarrow as pa
import pytest

from evalkit.etl.panel.firm_codes import MIX, firm_codes


def chunked(keys, n_chunks=3):
    return pa.chunked_array([pa.array(part) for part in np.array_split(keys, n_chunks)])


@pytest.mark.parametrize(("n_firms", "n_rows"), [(1, 1), (1, 50), (7, 40), (5_000, 5_000), (3_000, 20_000)])
def test_codes_are_places_among_the_sorted_firms(n_firms, n_rows):
    rng = np.random.default_rng(n_rows)
    keys = rng.choice(rng.integers(10**12, 10**13, n_firms), n_rows)
    codes, firms = firm_codes(chunked(keys))
    expected, places = np.unique(keys, return_inverse=True)
    assert firms.to_pylist() == expected.tolist()
    assert codes.tolist() == places.tolist()


def test_keys_that_want_the_same_slot_keep_apart():
    inverse = pow(int(MIX), -1, 2**64)
    keys = np.array([inverse * i % 2**64 for i in range(1, 400)], np.uint64).view(np.int64)
    codes, firms = firm_codes(chunked(np.tile(keys, 3)))
    assert firms.take(pa.array(codes)).to_pylist() == np.tile(keys, 3).tolist()
    assert len(firms) == len(keys)


def test_other_ids_are_sorted_by_code_point():
    codes, firms = firm_codes(pa.chunked_array([pa.array(["b", "あ"]).dictionary_encode(),
                                                pa.array(["Z", "b"]).dictionary_encode()]))  # fmt: skip
    assert firms.to_pylist() == ["Z", "b", "あ"]
    assert codes.tolist() == [1, 2, 0, 1]


def test_no_rows():
    codes, firms = firm_codes(pa.chunked_array([pa.array([], pa.int64())]))
    assert (len(codes), len(firms)) == (0, 0)
