"""Made-up paths have the law that is asked for, and a law is read off paths again."""

import numpy as np
import pytest

from evalkit.stats.noise import Noise, levels, made_paths, seen_noise
from evalkit.stats.stable_hash import hash_codes
from evalkit.stats.transforms import transform

N, T = 40_000, 6
NOISE = Noise(5.0, 0.03, 0.8, 0.2, 0.6, 0.0)
BINARY = Noise(0.3, 0.02, 1.0, 1.0, 0.5, 0.0)
FOUR_ERRORS = 4 / np.sqrt(N)
"""A mean over N firms of something with variance 1 is nearer than this, but for one in 16,000."""
ROUNDING = 1e-12


def keys(n: int = N, seed: int = 3) -> np.ndarray:
    return hash_codes(np.arange(n), seed)


def test_amounts_have_the_mean_trend_and_correlation_asked_for() -> None:
    effect = np.zeros((N, T))
    effect[: N // 2, 3:] = 0.5
    y = made_paths(keys(), NOISE, effect, is_binary=False)
    total = np.hypot(0.8, 0.2)
    centre = 5.0 + 0.03 * np.arange(T)
    assert np.abs(y[N // 2 :].mean(axis=0) - centre).max() < FOUR_ERRORS * np.sqrt(2) * total
    assert np.abs(y[: N // 2].mean(axis=0) - centre - effect[0]).max() < FOUR_ERRORS * np.sqrt(2) * total
    within = y - effect - centre
    for lag in range(T):
        expected = 0.8**2 + 0.6**lag * 0.2**2
        found = np.mean(within[:, 0] * within[:, lag])
        assert abs(found - expected) < FOUR_ERRORS * np.sqrt(2) * total**2


def test_shares_of_ones_are_exactly_those_asked_for_in_every_year() -> None:
    effect = np.full((N, T), 0.1)
    y = made_paths(keys(), BINARY, effect, is_binary=True)
    assert set(np.unique(y)) == {0.0, 1.0}
    assert np.abs(y.mean(axis=0) - (0.4 + 0.02 * np.arange(T))).max() < FOUR_ERRORS * 0.5
    assert np.corrcoef(y[:, 0], y[:, 1])[0, 1] > np.corrcoef(y[:, 0], y[:, T - 1])[0, 1] > 0.2


def test_a_firm_has_its_numbers_wherever_it_stands() -> None:
    order = np.random.default_rng(1).permutation(50)
    zero = np.zeros((50, T))
    whole = made_paths(keys(50), NOISE, zero, is_binary=False)
    assert np.array_equal(made_paths(keys(50)[order], NOISE, zero, is_binary=False), whole[order])
    assert not np.array_equal(made_paths(keys(50, seed=4), NOISE, zero, is_binary=False), whole)


@pytest.mark.parametrize("scale", ["level", "log", "asinh", "growth", "share", "binary"])
def test_levels_are_the_inverse_of_the_scale(scale: str) -> None:
    y = np.random.default_rng(2).normal(0, 1, (20, T))
    again = transform(levels(y.copy(), scale), scale)
    own = slice(1, None) if scale == "growth" else slice(None)
    assert np.abs(again[:, own] - y[:, own]).max() < ROUNDING


def test_the_law_is_read_off_the_paths_again() -> None:
    found = seen_noise(made_paths(keys(), NOISE, np.zeros((N, T)), is_binary=False))
    for name, tolerance in (("mean", 0.02), ("growth", 0.005), ("sd_firms", 0.02), ("sd_shocks", 0.01),
                            ("autocorrelation", 0.05), ("missing", 0.0)):  # fmt: skip
        assert abs(found[name] - getattr(NOISE, name)) <= tolerance, name


def test_the_law_by_hand() -> None:
    nan = np.nan
    y = np.array([[1.0, 2.0, 4.0], [3.0, 2.0, 0.0], [nan, 2.0, nan]])
    found = seen_noise(y)
    assert found["missing"] == pytest.approx(2 / 9)
    assert (found["mean"], found["growth"]) == (2.0, 0.0)
    lag1, lag2 = np.mean([1, 4, 1, 4]) / 2, np.mean([9, 9]) / 2
    assert found["autocorrelation"] == 0.95  # lag2 / lag1 - 1 = 2.6 is more than shocks that last can give
    assert lag2 / lag1 - 1 == pytest.approx(2.6)
    assert found["sd_shocks"] == pytest.approx(np.sqrt(lag1 / 0.05))


def test_few_periods_tell_less() -> None:
    y = np.random.default_rng(3).normal(0, 1, (30, 2))
    assert set(seen_noise(y)) == {"mean", "missing", "growth"}
    assert set(seen_noise(y[:, :1])) == {"mean", "missing"}
    assert seen_noise(y * np.nan) == {}
