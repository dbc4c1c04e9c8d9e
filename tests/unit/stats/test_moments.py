"""Moments against brute force, and their exactness."""

import numpy as np
import pytest

from evalkit.stats.limbs import EXACT_ROWS
from evalkit.stats.moments import Moments, Quantum, block_moments, combine

ROUNDING = 2e-10
"""A value is rounded once, to 2^-35 of the largest deviation here; sums of n such errors stay below n times that."""


def firms(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.normal(10, 1, (n, 5))
    y[rng.random((n, 5)) < 0.1] = np.nan
    return rng.choice([0.0, 0.5, 1.0, 2.0], n), y, rng.choice([0, 2017, 2019], n).astype(np.int32)


def covering(weight: np.ndarray, y: np.ndarray) -> Quantum:
    return Quantum.covering(np.nanmin(y, axis=0), np.nanmax(y, axis=0), weight.max())


def moments(weight: np.ndarray, y: np.ndarray, cohort: np.ndarray, block: int, quantum: Quantum) -> Moments:
    starts = range(0, len(y), block)
    parts = [block_moments(weight[s : s + block], y[s : s + block], cohort[s : s + block], quantum) for s in starts]
    return combine(parts, quantum)


def test_equal_brute_force() -> None:
    weight, y, cohort = firms(3000)
    found = moments(weight, y, cohort, 1000, covering(weight, y))
    for c, seen, n, total, product in zip(
        found.cohort, found.observed, found.n, found.total, found.product, strict=True
    ):
        rows = (cohort == c) & (weight > 0) & (~np.isnan(y) == seen).all(axis=1)
        v = np.column_stack([weight, np.where(seen, y - found.centre, 0) * weight[:, None]])[rows]
        assert n == rows.sum()
        np.testing.assert_allclose(total, v.sum(axis=0), atol=n * ROUNDING)
        np.testing.assert_allclose(product, v.T @ v, atol=20 * n * ROUNDING)
    assert found.n.sum() == (weight > 0).sum()


@pytest.mark.parametrize("block", [97, 1000, 40_000])
def test_same_bits_for_any_order_and_block(block: int) -> None:
    weight, y, cohort = firms(2 * EXACT_ROWS + 17)
    quantum = covering(weight, y)
    first = moments(weight, y, cohort, len(y), quantum)
    order = np.random.default_rng(2).permutation(len(y))
    second = moments(weight[order], y[order], cohort[order], block, quantum)
    for name in ("cohort", "observed", "n", "total", "product"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes(), name


def test_the_largest_group_has_the_bits_that_it_has_alone() -> None:
    """In a block where most firms are alike, their sums are those of all less the others."""
    weight, y, cohort = firms(3000)
    alike = np.arange(3000) % 10 > 1
    y[alike], cohort[alike] = np.random.default_rng(7).normal(10, 1, (alike.sum(), 5)), 0
    quantum = covering(weight, y)
    found, alone = (moments(weight[r], y[r], cohort[r], 3000, quantum) for r in (slice(None), rows_alike(y, cohort)))
    (g,) = np.flatnonzero((found.cohort == 0) & found.observed.all(axis=1))
    for name in ("n", "total", "product"):
        assert getattr(found, name)[g].tobytes() == getattr(alone, name)[0].tobytes(), name


def rows_alike(y: np.ndarray, cohort: np.ndarray) -> np.ndarray:
    return (cohort == 0) & ~np.isnan(y).any(axis=1)


def test_integer_values_are_summed_without_any_error() -> None:
    rng = np.random.default_rng(3)
    y = rng.integers(-1000, 1000, (500, 3)).astype(float)
    quantum = covering(np.ones(500), y)
    found = moments(np.ones(500), y, np.zeros(500, np.int32), 100, quantum)
    exact = (
        np.array([[int(v) for v in row] for row in y], dtype=object)
        - np.array([int(c * 2**20) for c in quantum.centre], dtype=object) / 2**20
    )
    assert [float(v) for v in exact.sum(axis=0)] == found.total[0, 1:].tolist()
    assert [[float(v) for v in row] for row in exact.T @ exact] == found.product[0, 1:, 1:].tolist()


@pytest.mark.parametrize(
    ("low", "high", "weight"), [(-1e-6, 1e-6, 1.0), (1e9, 1e12, 3.0), (0.0, 0.0, 1.0), (17, 17.5, 50.0)]
)
def test_limbs_hold_every_value(low: float, high: float, weight: float) -> None:
    quantum = Quantum.covering(np.array([low]), np.array([high]), weight)
    for value in (low, high):
        scaled = abs(np.rint((value - quantum.centre[0]) * weight * 2.0 ** float(quantum.exponent[1])))
        assert scaled < 2**38
    assert weight * 2.0 ** float(quantum.exponent[0]) < 2**38


def test_firms_without_weight_do_not_count() -> None:
    weight, y, cohort = firms(800)
    quantum = covering(weight, y)
    kept = weight > 0
    left_out = moments(weight[kept], y[kept], cohort[kept], 800, quantum)
    assert moments(weight, y, cohort, 800, quantum).product.tobytes() == left_out.product.tobytes()
