"""Hand-computed effects on each scale."""

import math

import pytest

from evalkit.stats.scales import Triple, scaled

EXACT = 1e-12  # arithmetic on a handful of doubles


def test_log_effects_are_exponentiated_end_by_end():
    percent, level = scaled(Triple(math.log(1.1), math.log(0.95), math.log(1.25)), "log", 2_000.0)
    assert percent == pytest.approx((10.0, -5.0, 25.0), abs=EXACT)
    assert level == pytest.approx((200.0, -100.0, 500.0), abs=EXACT)


def test_the_log_interval_is_not_symmetric_in_per_cent():
    percent, _ = scaled(Triple(0.5, 0.0, 1.0), "log", math.nan)
    assert percent.high - percent.estimate > percent.estimate - percent.low


def test_level_effects_are_compared_with_the_baseline():
    percent, level = scaled(Triple(3.0, -1.0, 7.0), "level", 50.0)
    assert level == (3.0, -1.0, 7.0)
    assert percent == pytest.approx((6.0, -2.0, 14.0), abs=EXACT)


@pytest.mark.parametrize("transform", ["share", "binary", "growth"])
def test_points(transform):
    percent, level = scaled(Triple(0.04, 0.01, 0.07), transform, 0.5)
    assert level == pytest.approx((4.0, 1.0, 7.0), abs=EXACT)
    assert all(map(math.isnan, percent))


def test_asinh_stays_in_its_own_units():
    percent, level = scaled(Triple(0.04, 0.01, 0.07), "asinh", 100.0)
    assert level == (0.04, 0.01, 0.07)
    assert all(map(math.isnan, percent))


@pytest.mark.parametrize("baseline", [math.nan, 0.0, -10.0])
def test_without_a_positive_baseline_what_needs_it_is_unknown(baseline):
    percent, level = scaled(Triple(0.1, 0.0, 0.2), "log", baseline)
    assert percent.estimate == pytest.approx(100 * (math.e**0.1 - 1), abs=EXACT)
    assert all(map(math.isnan, level))
    percent, level = scaled(Triple(0.1, 0.0, 0.2), "level", baseline)
    assert all(map(math.isnan, percent))
    assert level == (0.1, 0.0, 0.2)


def test_an_unknown_interval_stays_unknown_and_an_absurd_one_is_infinite():
    percent, level = scaled(Triple(0.1, math.nan, 1_000.0), "log", 10.0)
    assert math.isnan(percent.low)
    assert math.isnan(level.low)
    assert percent.high == math.inf
