"""Cost per effect against Fieller's theorem solved the general way, and against a grid of all costs."""

import math

import numpy as np
import pytest

from evalkit.stats.cost_ratio import Interval, cost_of_one, total_effect

Z = 1.959963984540054
EXACT = 1e-12
"""Both ways are a few operations on doubles."""
CASES = [(5_000.0, 10.0, 2.0), (5_000.0, 10.0, 5.0), (1e9, 0.07, 0.01)]


def fieller(amount, effect, error):
    """Solve (amount - c effect)^2 = z^2 c^2 error^2 for the cost c of one unit."""
    a, b, c = effect**2 - Z**2 * error**2, -2 * amount * effect, amount**2
    root = math.sqrt(b**2 - 4 * a * c)
    return sorted(((-b - root) / (2 * a), (-b + root) / (2 * a)))


@pytest.mark.parametrize(("amount", "effect", "error"), CASES)
def test_the_interval_is_fiellers(amount, effect, error):
    total = Interval(effect, effect - Z * error, effect + Z * error)
    found = cost_of_one(amount, total)
    low, high = fieller(amount, effect, error)
    assert found.value == pytest.approx(amount / effect, rel=EXACT)
    if total.low > 0:
        assert (found.low, found.high) == pytest.approx((low, high), rel=EXACT)
    else:
        assert found.low == pytest.approx(max(low, high), rel=EXACT)
        assert math.isnan(found.high)


@pytest.mark.parametrize("error", [2.0, 5.0, 20.0])
def test_it_holds_the_costs_that_the_data_do_not_speak_against(error):
    """Every positive cost c is tried: t = (amount - c effect) / (c error)."""
    amount, effect = 5_000.0, 10.0
    found = cost_of_one(amount, Interval(effect, effect - Z * error, effect + Z * error))
    costs = np.geomspace(1, 1e7, 200_001)
    inside = costs[np.abs((amount - costs * effect) / (costs * error)) <= Z]
    step = costs[1] / costs[0]
    assert found.low / step <= inside.min() <= found.low * step
    if math.isnan(found.high):
        assert inside.max() == costs[-1]
    else:
        assert found.high / step <= inside.max() <= found.high * step


@pytest.mark.parametrize("total", [Interval(0.0, -1.0, 1.0), Interval(-2.0, -3.0, 4.0), Interval(math.nan, 0.0, 1.0)])
def test_without_a_gain_there_is_no_cost(total):
    found = cost_of_one(100.0, total)
    assert math.isnan(found.value)
    assert math.isnan(found.low)


def test_units_and_totals():
    total = total_effect(Interval(2.0, 1.0, 3.0), 50)
    assert total == Interval(100.0, 50.0, 150.0)
    in_yen = cost_of_one(1_000.0, total, unit=1_000)
    assert in_yen.value == pytest.approx(0.01, rel=EXACT)
