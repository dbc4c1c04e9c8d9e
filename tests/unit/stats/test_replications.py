"""What replications tell, by hand and against known laws."""

import numpy as np
import pytest
from scipy.stats import norm

from evalkit.stats.replications import Replications, is_verified, misses

R = 4_000
Z = norm.ppf(0.975)


def replications(
    truth: float, bias: float = 0.0, sd: float = 1.0, error: float = 1.0, seed: int = 1, n: int = R
) -> Replications:
    draws = np.random.default_rng(seed).normal(truth + bias, sd, n)
    return Replications(np.full(n, truth), draws, np.full(n, error), np.full(n, Z * error))


def test_by_hand() -> None:
    one = Replications(np.array([1.0, 1.0, 2.0]), np.array([1.5, 0.5, 4.0]), np.ones(3), np.full(3, 0.75))
    assert one.sd == pytest.approx(np.std([0.5, -0.5, 2.0], ddof=1))
    assert one.bias == pytest.approx(2 / 3 / one.sd)
    assert one.coverage == pytest.approx(2 / 3)
    assert one.found == pytest.approx(2 / 3)
    assert one.ratio == pytest.approx(1 / one.sd)
    assert one.detectable(0.8) == pytest.approx(0.75 + norm.ppf(0.8) * one.sd)


def test_sound_replications_miss_nothing() -> None:
    assert misses(replications(0.0), 0.95, is_null=True) == []
    assert misses(replications(3.0), 0.95, is_null=False) == []


@pytest.mark.parametrize(("spoiled", "keys"), [
    ({"bias": 0.5}, ["bias"]), ({"error": 0.7}, ["coverage", "size"]), ({"bias": 1.0}, ["bias", "coverage", "size"]),
])  # fmt: skip
def test_what_is_wrong_is_named(spoiled: dict[str, float], keys: list[str]) -> None:
    assert misses(replications(0.0, **spoiled), 0.95, is_null=True) == keys


def test_intervals_that_are_too_wide_are_no_miss() -> None:
    assert misses(replications(0.0, error=2.0), 0.95, is_null=True) == []


def test_the_smallest_effect_is_found_as_often_as_it_says() -> None:
    null = replications(0.0)
    effect = null.detectable(0.8)
    assert effect == pytest.approx(2.8016, abs=0.03)
    assert is_verified(replications(effect, seed=2), null, 0.8)
    assert not is_verified(replications(0.8 * effect, seed=2), null, 0.8)
    assert not is_verified(replications(1.2 * effect, seed=2), null, 0.8)
