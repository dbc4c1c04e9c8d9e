"""The bias by selection: published quantiles, the equations that define it, and samples with a known confounder."""

import numpy as np
import pytest
from scipy.optimize import fsolve, minimize_scalar

from evalkit.errors import DesignError
from evalkit.stats.oster import R2_FACTOR, Regressions, covariates_p_value, regressions

NLSY = Regressions(
    short=0.04447926, long=0.01740748, r2_short=0.04465201, r2_long=0.255621, scale=0.9900242 / 4.629618,
    left=18.99883 / 4.629618**2,
)  # fmt: skip
"""Months of breast feeding and IQ, one of the examples of Oster (2019), as the README of the R package bate prints it
(variances there stand as standard deviations, and as the variance left)."""
PUBLISHED = {0.025: 0.000, 0.05: 0.000, 0.5: 0.009, 0.95: 0.034, 0.975: 0.039}
"""Quantiles of the bias over delta = 0.01 to 0.99 and R2 up to 0.61, both in steps of 0.01, same place."""
PRINTED = 6e-4
"""They are printed with three digits."""
EXACT = 1e-9
"""Of a solver that stops at 1e-12 of the unknowns."""


def drawn(seed: int) -> Regressions:
    rng = np.random.default_rng(seed)
    r2_short, gain = rng.uniform(0.01, 0.2), rng.uniform(0.05, 0.3)
    long = rng.normal()
    return Regressions(
        short=long + rng.uniform(-0.5, 0.5), long=long, r2_short=r2_short, r2_long=r2_short + gain,
        scale=rng.uniform(0.5, 3), left=rng.uniform(0.6, 0.99),
    )  # fmt: skip


def equations(unknown: np.ndarray, r: Regressions, delta: float) -> np.ndarray:
    """Return by how much the equations fail; award of variance 1, change of variance `scale` squared.

    Unknown are the bias, the covariances of the award with the part of the change that covariates make and with that
    of the unseen, and the variances of both parts.
    """
    bias, award_seen, award_unseen, seen, unseen = unknown
    total = r.scale**2
    return np.array([
        award_unseen - bias * r.left,
        r.short - (r.long - bias) - award_seen - award_unseen,
        (r.r2_long - r.r2_short) * total - seen - r.left * bias**2 + (award_seen + award_unseen) ** 2,
        (r.r2_max - r.r2_long) * total - unseen + r.left * bias**2,
        delta * award_seen * unseen - award_unseen * seen,
    ])  # fmt: skip


def test_published_quantiles() -> None:
    deltas, largest = np.arange(0.01, 0.995, 0.01), np.arange(NLSY.r2_long, 0.61, 0.01)
    found = [NLSY.bias(delta, r2_max) for delta in deltas for r2_max in largest]
    assert np.quantile(found, list(PUBLISHED)) == pytest.approx(list(PUBLISHED.values()), abs=PRINTED)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("delta", [0.5, 1.0, 1.4])
def test_the_bias_solves_the_equations(seed: int, delta: float) -> None:
    r = drawn(seed)
    bias = r.bias(delta)
    unseen = (r.r2_max - r.r2_long) * r.scale**2 + r.left * bias**2
    award_seen = r.short - r.long + bias - bias * r.left
    seen = (r.r2_long - r.r2_short) * r.scale**2 - r.left * bias**2 + (award_seen + bias * r.left) ** 2
    start = np.array([bias, award_seen, bias * r.left, seen, unseen]) * 1.02
    found = fsolve(equations, start, args=(r, delta), xtol=1e-13)
    assert found[0] == pytest.approx(bias, rel=EXACT)
    assert np.sign(bias) == np.sign(r.short - r.long)


@pytest.mark.parametrize("seed", range(20))
def test_at_the_ratio_told_no_effect_is_left(seed: int) -> None:
    r = drawn(seed)
    delta = r.delta()
    award_seen = r.short - r.long * r.left
    seen = (r.r2_long - r.r2_short) * r.scale**2 - r.left * r.long**2 + r.short**2
    unseen = (r.r2_max - r.r2_long) * r.scale**2 + r.left * r.long**2
    off = equations(np.array([r.long, award_seen, r.long * r.left, seen, unseen]), r, delta)
    assert off == pytest.approx(np.zeros(5), abs=EXACT)


@pytest.mark.parametrize("seed", range(40))
def test_one_is_reached_continuously(seed: int) -> None:
    """At delta = 1 the cubic loses its highest power; its answer is the limit of those beside it."""
    r = drawn(seed)
    low, at, high = (r.bias(delta) for delta in (1 - 1e-7, 1.0, 1 + 1e-7))
    assert (low, high) == pytest.approx((at, at), rel=1e-4)


def test_covariates_that_move_nothing_leave_no_bias() -> None:
    r = Regressions(short=1.0, long=1.0, r2_short=0.2, r2_long=0.5, scale=1.0, left=0.9)
    assert r.adjusted() == 1.0


def test_r2_is_at_most_one() -> None:
    r = Regressions(short=2.0, long=1.0, r2_short=0.2, r2_long=0.9, scale=1.0, left=0.9)
    assert r.r2_max == 1.0
    assert NLSY.r2_max == pytest.approx(R2_FACTOR * NLSY.r2_long)


def products(*columns: np.ndarray) -> np.ndarray:
    return np.cov(np.array(columns), bias=True)


def test_regressions_are_those_of_least_squares() -> None:
    rng = np.random.default_rng(5)
    x, award = rng.normal(size=(3, 200)), rng.normal(size=200)
    change = award + x[0] - x[2] + rng.normal(size=200)
    r = regressions(products(*x, award, change), ("a", "b", "c"))
    for columns, coefficient, r2 in (([award], r.short, r.r2_short), ([award, *x], r.long, r.r2_long)):
        design = np.column_stack([np.ones(200), *columns])
        b = np.linalg.lstsq(design, change, rcond=None)[0]
        assert coefficient == pytest.approx(b[1], rel=1e-10)
        assert r2 == pytest.approx(1 - (change - design @ b).var() / change.var(), rel=1e-10)
    design = np.column_stack([np.ones(200), *x])
    rest = award - design @ np.linalg.lstsq(design, award, rcond=None)[0]
    assert r.left == pytest.approx(rest.var() / award.var(), rel=1e-10)
    assert r.scale == pytest.approx(change.std() / award.std(), rel=1e-10)


def test_the_f_test_is_that_of_two_regressions() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(6)
    x, award = rng.normal(size=(2, 80)), rng.normal(size=80)
    change = award + 0.2 * x[0] + rng.normal(size=80)
    r = regressions(products(*x, award, change), ("a", "b"))
    short, long = (sm.OLS(change, sm.add_constant(np.column_stack(own))).fit() for own in ([award], [award, *x]))
    assert covariates_p_value(r, 2, 80) == pytest.approx(long.compare_f_test(short)[1], rel=1e-8)


def test_covariates_that_tell_who_is_treated_are_refused() -> None:
    rng = np.random.default_rng(7)
    award = rng.normal(size=50)
    with pytest.raises(DesignError) as caught:
        regressions(products(2 * award, award, rng.normal(size=50)), ("a",))
    assert caught.value.code == "E_COLLINEAR"


@pytest.mark.parametrize("effect", [0.0, 1.0])
def test_a_hidden_confounder_is_taken_out(effect: float) -> None:
    """Seen and unseen select alike (delta = 1), and R2 with the unseen is known: the effect comes back."""
    rng = np.random.default_rng(8)
    n = 400_000
    seen, unseen = rng.normal(size=(2, n))
    award = (0.7 * seen + 0.7 * unseen + rng.normal(size=n) > 0.5) * 1.0
    change = effect * award + seen + unseen + rng.normal(size=n)
    r = regressions(products(seen, award, change), ("seen",))
    whole = np.column_stack([np.ones(n), award, seen, unseen])
    rest = change - whole @ np.linalg.lstsq(whole, change, rcond=None)[0]
    assert abs(r.long - effect) > 0.5
    assert r.adjusted(1.0, 1 - rest.var() / change.var()) == pytest.approx(effect, abs=0.03)


def test_the_ratio_is_that_of_a_search() -> None:
    within = [r for r in map(drawn, range(200)) if 0 < r.delta() < 1 and r.long * (r.short - r.long) > 0]
    assert len(within) > 5
    for r in within:
        found = minimize_scalar(lambda d, r=r: r.adjusted(d) ** 2, bounds=(0, 1), method="bounded").x
        assert found == pytest.approx(r.delta(), abs=1e-3)
