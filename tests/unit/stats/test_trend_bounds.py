"""Known answers: the event study of the Medicaid expansion of Rambachan and Roth's own example, and R's intervals."""

import dataclasses

import numpy as np
import pytest
from scipy.optimize import minimize

from evalkit.errors import EstimationError
from evalkit.stats.fixed_length import half_length
from evalkit.stats.trend_bounds import EventPath, relative_magnitudes, smoothness

BETA = np.array([-0.00528535, -0.01129732, -0.00267599, -0.00141931, 0.00033966, 0.04644685, 0.06920618])
"""Share insured, 2008 to 2012 and 2014, 2015 against 2013: states that expanded in 2014 less later ones, 43 states."""
LOWER = (
    (7.488483635897528e-05,),
    (6.039874095644236e-05, 7.266500616996834e-05),
    (4.444619818461026e-05, 3.789330221287986e-05, 5.052051940162803e-05),
    (3.385764706089073e-05, 2.8665780251483592e-05, 2.6736794324838028e-05, 4.003222026337692e-05),
    (4.328011254743431e-05, 4.5433206284036257e-05, 2.7781935676739387e-05, 2.4128599757162923e-05,
     5.4626622070541646e-05),
    (4.7658804787777954e-05, 4.428850119317916e-05, 3.060644108905397e-05, 2.3808682090734703e-05,
     3.682531051743017e-05, 8.37566882467734e-05),
    (2.4251286997539844e-05, 2.8246550429844665e-05, 9.637533882667573e-06, 2.9238781433625865e-06,
     9.722947502416873e-06, 6.3213979625336e-05, 0.00010712352303004255),
)  # fmt: skip
FIRST_YEAR = {0.5: (0.0241, 0.0673), 1.0: (0.0171, 0.0720), 1.5: (0.00859, 0.0796), 2.0: (-0.00107, 0.0883)}
"""HonestDiD's README, relative magnitudes, first year from the expansion on."""
R_GRID = 4.0e-4 + 2e-4
"""R looks at 1,000 points over 40 standard errors, 0.0004 apart, and simulates its critical value with 1,000 draws."""
LINEAR, SMOOTH = (0.0260, 0.0607), (-0.0272, 0.1207)
"""HonestDiD's README, smoothness with M = 0 and M = 0.05."""
PRINTED = 6e-5


def path(target: tuple[float, float] = (1.0, 0.0), n_pre: int = 5) -> EventPath:
    vcov = np.zeros((7, 7))
    for i, row in enumerate(LOWER):
        vcov[i, : i + 1] = vcov[: i + 1, i] = row
    keep = slice(5 - n_pre, 7)
    return EventPath(BETA[5 - n_pre : 5], BETA[5:], vcov[keep, keep], np.array(target))


@pytest.mark.parametrize("bound", FIRST_YEAR)
def test_relative_magnitudes_equal_rs(bound: float) -> None:
    assert relative_magnitudes(path(), bound) == pytest.approx(FIRST_YEAR[bound], abs=R_GRID)


@pytest.mark.parametrize(("bound", "expected"), [(0.0, LINEAR), (0.05, SMOOTH)])
def test_smoothness_equals_rs(bound: float, expected: tuple[float, float]) -> None:
    assert smoothness(path(), bound) == pytest.approx(expected, abs=PRINTED)


@pytest.mark.parametrize("bound", [0.002, 0.01, 0.03])
def test_no_other_weights_give_a_shorter_interval(bound: float) -> None:
    """A second search, over all weights on the years before that leave a linear trend out."""
    p = path()
    time = np.array([-6, -5, -4, -3, -2, 0, 1]) + 1.0
    changes = np.vstack([np.diff(np.eye(8), 2, axis=0)])
    changes = np.delete(changes, 5, axis=1)

    def length(free: np.ndarray) -> float:
        w = np.concatenate([free, [0.0], p.target])
        w[4] = -(w @ time) / time[4]
        coefficient = np.linalg.lstsq(changes.T, w, rcond=None)[0]
        return half_length(bound * np.abs(coefficient).sum(), float(np.sqrt(w @ p.vcov @ w)), 0.05)[0]

    starts = [np.zeros(4), np.array([0.0, 0, 0, 0.5]), np.full(4, 0.1)]
    options = {"xatol": 1e-10, "fatol": 1e-14, "maxiter": 20_000, "maxfev": 20_000}
    best = min(minimize(length, s, method="Nelder-Mead", options=options).fun for s in starts)
    low, high = smoothness(p, bound)
    assert (high - low) / 2 == pytest.approx(best, rel=1e-5)


def test_half_length_is_the_point_it_says() -> None:
    from scipy.stats import norm

    h, by_bias, by_error = half_length(0.7, 1.3, 0.05)
    assert norm.cdf((h - 0.7) / 1.3) - norm.cdf((-h - 0.7) / 1.3) == pytest.approx(0.95, abs=1e-12)
    step = 1e-6
    assert by_bias == pytest.approx((half_length(0.7 + step, 1.3, 0.05)[0] - h) / step, rel=1e-4)
    assert by_error == pytest.approx((half_length(0.7, 1.3 + step, 0.05)[0] - h) / step, rel=1e-4)


def test_intervals_grow_with_the_bound_and_hold_the_estimate() -> None:
    p = path((0.5, 0.5))
    widths = []
    for bound in (0.0, 0.25, 0.5, 1.0, 2.0, 4.0):
        low, high = relative_magnitudes(p, bound)
        assert low < p.estimate < high
        widths.append(high - low)
    assert widths == sorted(widths)


def test_units_do_not_matter() -> None:
    """Very small variances, as large registers have, leave an interval open in grid searches of fixed width."""
    p = path()
    small = dataclasses.replace(p, pre=p.pre * 1e-6, post=p.post * 1e-6, vcov=p.vcov * 1e-12)
    expected = np.array(relative_magnitudes(p, 1.0))
    np.testing.assert_allclose(relative_magnitudes(small, 1.0), expected * 1e-6, rtol=1e-3)
    np.testing.assert_allclose(smoothness(small, 1e-8), np.array(smoothness(p, 1e-2)) * 1e-6, rtol=1e-5)


def test_precise_estimates_far_from_zero_find_their_ends() -> None:
    p = path()
    precise = dataclasses.replace(p, vcov=p.vcov * 1e-8)
    low, high = relative_magnitudes(precise, 1.0)
    steps = np.abs(np.diff(np.append(p.pre, 0.0))).max()
    assert (low, high) == pytest.approx((p.post[0] - steps, p.post[0] + steps), abs=1e-5)


def test_many_periods_are_solved() -> None:
    n = 60
    rng = np.random.default_rng(0)
    root = rng.normal(size=(2 * n, 3 * n)) / 20
    p = EventPath(rng.normal(size=n) / 10, 1 + rng.normal(size=n) / 10, root @ root.T, np.eye(n)[0])
    low, high = smoothness(p, 0.01)
    assert low < high


@pytest.mark.slow
def test_coverage_where_the_bound_is_reached() -> None:
    """True drift at its bound: the interval misses the effect in at most 5 % of samples."""
    p = path(n_pre=2)
    drift = np.array([-0.01, -0.005, 0.005, 0.010])
    root = np.linalg.cholesky(p.vcov)
    missed, n_samples = 0, 150
    for seed in range(n_samples):
        draw = drift + root @ np.random.default_rng(seed).normal(size=4)
        low, high = relative_magnitudes(dataclasses.replace(p, pre=draw[:2], post=draw[2:]), 1.0)
        missed += not low <= 0 <= high
    assert missed / n_samples <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_samples)


def test_without_years_before_it_is_refused() -> None:
    p = path()
    bare = EventPath(p.pre[:0], p.post, p.vcov[5:, 5:], p.target)
    for bounds in (relative_magnitudes, smoothness):
        with pytest.raises(EstimationError) as error:
            bounds(bare, 1.0)
        assert error.value.code == "E_NO_PRE"
