"""Scales of outcomes."""

import numpy as np

from evalkit.stats.transforms import transform

LEVELS = np.array([[1.0, 2.0, np.nan, 8.0], [0.0, -1.0, 4.0, 4.0]])


def test_levels_stay() -> None:
    for scale in ("level", "share", "binary"):
        assert transform(LEVELS, scale) is LEVELS


def test_log_of_nothing_is_not_observed() -> None:
    expected = [[0, np.log(2), np.nan, np.log(8)], [np.nan, np.nan, np.log(4), np.log(4)]]
    np.testing.assert_array_equal(transform(LEVELS, "log"), expected)


def test_growth_needs_two_neighbouring_periods() -> None:
    expected = [[np.nan, np.log(2), np.nan, np.nan], [np.nan, np.nan, np.nan, 0.0]]
    np.testing.assert_array_equal(transform(LEVELS, "growth"), expected)


def test_asinh_takes_any_sign() -> None:
    found = transform(LEVELS, "asinh")
    np.testing.assert_allclose(np.sinh(found), LEVELS, atol=1e-14)


def test_the_levels_are_not_changed() -> None:
    before = LEVELS.copy()
    for scale in ("log", "growth", "asinh"):
        transform(LEVELS, scale)
    np.testing.assert_array_equal(LEVELS, before)
