import json

import numpy as np
import pytest
from scipy import stats

import references
from evalkit.errors import EstimationError
from evalkit.stats.pretrend_power import detectable_slope, power

VCOV = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.4], [0.5, 0.4, 2.0]]) / 100
TIMES = np.array([-3.0, -2.0, -1.0])
QUADRATIC = 0.024
"""Of the curved drift in the pretrends package's example, 0.024 times the square of the years since the reference."""
N_DRAWS = 400_000
NOISE = 4 * 0.5 / np.sqrt(N_DRAWS)


@pytest.mark.parametrize("slope", [0.0, 0.05, 0.1])
def test_power_is_the_share_of_samples_that_reject(slope: float) -> None:
    b = np.random.default_rng(1).multivariate_normal(slope * TIMES, VCOV, N_DRAWS)
    outside = (np.abs(b / np.sqrt(np.diag(VCOV))) > stats.norm.isf(0.025)).any(axis=1)
    statistic = np.einsum("np,pq,nq->n", b, np.linalg.inv(VCOV), b)
    assert power(slope * TIMES, VCOV, test="any") == pytest.approx(outside.mean(), abs=NOISE)
    assert power(slope * TIMES, VCOV) == pytest.approx((statistic > stats.chi2.isf(0.05, 3)).mean(), abs=NOISE)


@pytest.mark.parametrize("test", ["joint", "any"])
def test_the_slope_has_the_power_asked_for_and_follows_units(test: str) -> None:
    slope = detectable_slope(TIMES, VCOV, 0.8, test=test)
    assert power(slope * TIMES, VCOV, test=test) == pytest.approx(0.8, abs=1e-4)
    assert detectable_slope(TIMES, VCOV * 1e-12, 0.8, test=test) == pytest.approx(slope * 1e-6, rel=1e-5)


def test_he_and_wang() -> None:
    """Published by the pretrends package: slopes, size, power, and odds of passing under a drift seen half the time."""
    answer = json.loads(references.reference("answers/pretrends_power.json").read_text(encoding="utf-8"))
    found = json.loads(references.reference("data/HeAndWangResults.json").read_text(encoding="utf-8"))
    vcov = np.array(found["sigma"])[:3, :3]
    expected, allowed = answer["values"], answer["tolerance"]
    slope = detectable_slope(TIMES, vcov, 0.5, test="any")
    assert slope == pytest.approx(expected["slope50"], abs=allowed["slope"])
    assert detectable_slope(TIMES, vcov, 0.8, test="any") == pytest.approx(expected["slope80"], abs=allowed["slope"])
    size = power(0 * TIMES, vcov, test="any")
    assert size == pytest.approx(expected["null_reject"], abs=allowed["power"])
    curved = power(QUADRATIC * TIMES**2, vcov, test="any")
    assert curved == pytest.approx(expected["quad_power"], abs=allowed["power"])
    assert (1 - 0.5) / (1 - size) == pytest.approx(expected["bayes"], abs=allowed["bayes"])


def test_power_below_size_is_refused() -> None:
    with pytest.raises(EstimationError) as error:
        detectable_slope(TIMES, VCOV, 0.04)
    assert error.value.code == "E_OPTION"
