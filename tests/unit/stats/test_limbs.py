"""Exact sums against Python's integers."""

import numpy as np

from evalkit.stats.limbs import EXACT_ROWS, MAGNITUDE_BITS, exact_sums
from evalkit.stats.scratch import CHUNK


def whole_numbers(n: int) -> np.ndarray:
    largest = 2 ** (MAGNITUDE_BITS - 1) - 1
    q = np.random.default_rng(4).integers(-largest, largest, (3, n)).astype(float)
    q[0, : n // 2] = largest
    q[1, : n // 2] = -largest
    return q


def test_equal_python_integers() -> None:
    q = whole_numbers(2 * CHUNK + 5)
    exact = np.array([[int(v) for v in row] for row in q], dtype=object)
    found = exact_sums(q)
    assert found.n == q.shape[1]
    assert found.total.tolist() == exact.sum(axis=1).tolist()
    product = exact @ exact.T
    assert found.product.tolist() == [[float(v) for v in row] for row in product]


def test_pieces_stay_exact() -> None:
    assert CHUNK <= EXACT_ROWS


def test_the_rest_is_what_is_left_of_the_whole() -> None:
    q = whole_numbers(1001)
    part = np.arange(1001) % 3 == 0
    left = exact_sums(q) - exact_sums(q[:, part])
    assert left.n == (~part).sum()
    assert left.limbs.tolist() == exact_sums(q[:, ~part]).limbs.tolist()
    assert (left + exact_sums(q[:, part])).limbs.tolist() == exact_sums(q).limbs.tolist()
