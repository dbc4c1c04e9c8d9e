"""Simultaneous bands against cases with a known answer."""

import numpy as np
import pytest
from scipy import stats

import evalkit as ek
import twins
from evalkit.stats.bands import sup_t

DRAWN = 0.015
"""Simulation error of a 95 % point from 100,000 draws."""


def test_independent_effects_follow_the_sidak_point() -> None:
    for k in (1, 5, 20):
        exact = stats.norm.ppf(0.5 + 0.5 * 0.95 ** (1 / k))
        assert sup_t(np.diag(np.arange(1.0, k + 1))) == pytest.approx(exact, abs=DRAWN)


def test_one_effect_written_many_times_needs_the_pointwise_value() -> None:
    assert sup_t(np.ones((6, 6)) * 4.0) == pytest.approx(stats.norm.ppf(0.975), abs=DRAWN)


def test_band_contains_the_pointwise_interval() -> None:
    path = ek.aggregate(ek.estimate(twins.sample(twins.panel(twins.frame())), "group_time"), "event_time")
    band = ek.simultaneous_band(path)
    assert (band["band_low"] < path.table["conf_low"]).all()
    assert (band["band_high"] > path.table["conf_high"]).all()
    assert ek.simultaneous_band(path).equals(band)


def test_effects_without_error_have_no_band() -> None:
    path = ek.aggregate(ek.estimate(twins.sample(twins.panel(twins.frame(noise=0.0))), "group_time"), "event_time")
    band = ek.simultaneous_band(path)
    rounding = 1e-6
    assert (band["band_high"] - band["band_low"]).max() < rounding
