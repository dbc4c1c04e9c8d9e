"""Lee's bounds: a brute-force twin, his own formula of the variance, coverage, and what monotonicity promises."""

import numpy as np
import pytest
from scipy import optimize, stats

from evalkit.errors import EvalkitError
from evalkit.stats.lee_bounds import Arm, effect_interval, lee_bounds

EXACT = 1e-12
SOLVED = 1e-9
"""What the solver of the linear programme leaves open."""
REPETITIONS = 400


def arm(value, weight=None) -> Arm:
    value = np.asarray(value, float)
    return Arm(value, np.ones(len(value)) if weight is None else np.asarray(weight, float))


def two_arms(n: int, seed: int, effect: float = 0.3, pull: float = 0.4) -> tuple[Arm, Arm]:
    """Treatment lets firms stay that would have left: low ones, so a plain difference of means is too low."""
    rng = np.random.default_rng(seed)
    latent, drawn = rng.normal(size=(2, n)), rng.normal(size=(2, n))
    stays = 0.7 * latent + drawn > np.array([[-0.6 - pull], [-0.6]])
    y = np.where(stays, latent + np.array([[effect], [0.0]]), np.nan)
    return arm(y[0]), arm(y[1])


def brute(treated: list[float], control: list[float]) -> tuple[float, float]:
    """Copy every firm until the cut falls between two copies; then cut whole copies from a sorted list."""
    seen = [[v for v in side if not np.isnan(v)] for side in (treated, control)]
    rates = [len(s) / len(a) for s, a in zip(seen, (treated, control), strict=True)]
    more = int(rates[1] > rates[0])
    copies = len(treated) * len(seen[more]) * len(control) * len(seen[1 - more])
    n_kept = round(len(seen[more]) * copies * rates[1 - more] / rates[more])
    ends = []
    for y in (sorted(seen[more]), sorted(seen[more], reverse=True)):
        left, total = n_kept, 0.0
        for v in y:
            used = min(copies, left)
            total, left = total + used * v, left - used
        ends.append(total / n_kept)
    other = np.mean(seen[1 - more])
    return tuple(sorted((e - other if more == 0 else other - e) for e in ends))


@pytest.mark.parametrize("seed", range(12))
def test_bounds_are_those_of_counting_copies(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sides = [np.where(rng.random(n) < share, rng.integers(0, 6, n), np.nan) for n, share in ((17, 0.8), (23, 0.6))]
    sides = sides[::-1] if seed % 2 else sides
    found = lee_bounds(arm(sides[0]), arm(sides[1]))
    assert (found.low, found.high) == pytest.approx(brute(*(s.tolist() for s in sides)), abs=EXACT)


@pytest.mark.parametrize("seed", range(6))
def test_bounds_are_the_ends_over_all_choices_of_who_stays_either_way(seed: int) -> None:
    """A linear programme over which part of each firm stays, as many in all as at the lower rate."""
    rng = np.random.default_rng(seed)
    sides = [np.where(rng.random(n) < share, rng.integers(0, 6, n), np.nan) for n, share in ((17, 0.8), (23, 0.6))]
    own, other = (arm(y, rng.uniform(0.2, 3.0, len(y))) for y in sides[:: 1 if seed % 2 else -1])
    more, less = (own, other) if own.rate > other.rate else (other, own)
    y, weight = more.value[more.is_seen], more.weight[more.is_seen]
    kept = weight.sum() * less.rate / more.rate
    ends = [
        sign * optimize.linprog(sign * y * weight / kept, A_eq=[weight], b_eq=[kept], bounds=(0, 1)).fun
        for sign in (1, -1)
    ]
    mean = np.average(less.value[less.is_seen], weights=less.weight[less.is_seen])
    wanted = sorted((e - mean) * (1 if more is own else -1) for e in ends)
    found = lee_bounds(own, other)
    assert (found.low, found.high) == pytest.approx(wanted, abs=SOLVED)


def test_a_weight_of_two_is_the_firm_twice() -> None:
    treated, control = two_arms(60, 3)
    weight = np.random.default_rng(5).integers(1, 4, 60)
    once = lee_bounds(arm(treated.value, weight), control)
    twice = lee_bounds(arm(np.repeat(treated.value, weight)), control)
    assert (once.low, once.high, once.trimmed) == pytest.approx((twice.low, twice.high, twice.trimmed), abs=EXACT)


def test_equal_rates_give_one_number() -> None:
    rng = np.random.default_rng(1)
    treated, control = rng.normal(1, 1, 50), rng.normal(0, 1, 80)
    found = lee_bounds(arm(treated), arm(control))
    assert (found.low, found.high) == pytest.approx((treated.mean() - control.mean(),) * 2, abs=EXACT)
    error = np.sqrt((found.influence_treated**2).sum(axis=0) + (found.influence_control**2).sum(axis=0))
    assert error == pytest.approx(np.sqrt(treated.var() / 50 + control.var() / 80), rel=1e-9)


def test_who_is_called_treated_only_turns_the_sign() -> None:
    treated, control = two_arms(200, 2)
    one, other = lee_bounds(treated, control), lee_bounds(control, treated)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=EXACT)


def test_influences_sum_to_nothing() -> None:
    found = lee_bounds(*two_arms(500, 4))
    n_at_cut = 2
    assert np.abs(found.influence_treated.sum(axis=0)).max() < n_at_cut * 5 / 500
    assert found.influence_control.sum(axis=0) == pytest.approx([0, 0], abs=1e-10)


def test_variance_is_lees_formula() -> None:
    """Proposition 3, written out: variance within the cut, of the cut, of the trimmed share, and of the other group."""
    treated, control = two_arms(200_000, 6)
    found = lee_bounds(treated, control)
    y, q = treated.value[treated.is_seen], 1 - found.trimmed
    limit = np.quantile(y, q)
    inside, n, share = y[y <= limit], 400_000, 0.5
    rate, other = treated.rate, control.rate
    within = inside.var() / (rate * share * q)
    cut = (limit - inside.mean()) ** 2 * (1 - q) / (rate * share * q)
    of_share = q**2 * ((1 - other / q) / (share * other / q) + (1 - other) / ((1 - share) * other))
    trimmed = ((limit - inside.mean()) / q) ** 2 * of_share
    rest = np.nanvar(control.value) / ((1 - share) * other)
    mine = n * ((found.influence_treated[:, 0] ** 2).sum() + (found.influence_control[:, 0] ** 2).sum())
    assert mine == pytest.approx(within + cut + trimmed + rest, rel=1e-3)


def test_errors_are_those_of_repetitions_and_the_effect_lies_inside() -> None:
    ends, errors, n_inside, truth = [], [], 0, 0.3
    for seed in range(REPETITIONS):
        found = lee_bounds(*two_arms(500, seed))
        squares = (found.influence_treated**2).sum(axis=0) + (found.influence_control**2).sum(axis=0)
        own = np.sqrt(squares)
        ends.append((found.low, found.high))
        errors.append(own)
        low, high = effect_interval(found.low, found.high, (own[0], own[1]), 0.95)
        n_inside += low <= truth <= high
    assert np.std(ends, axis=0) == pytest.approx(np.mean(errors, axis=0), rel=3 / np.sqrt(2 * REPETITIONS))
    assert n_inside / REPETITIONS >= stats.binom.ppf(0.001, REPETITIONS, 0.95) / REPETITIONS


def test_the_interval_is_the_usual_one_without_width_and_one_sided_with_much() -> None:
    assert effect_interval(0.0, 0.0, (1.0, 1.0), 0.95) == pytest.approx((-1.959964, 1.959964), abs=1e-6)
    assert effect_interval(0.0, 50.0, (1.0, 1.0), 0.95) == pytest.approx((-1.644854, 51.644854), abs=1e-6)
    assert effect_interval(1.0, 2.0, (0.0, 0.0), 0.95) == (1.0, 2.0)


def test_a_group_without_outcomes_is_refused() -> None:
    with pytest.raises(EvalkitError) as caught:
        lee_bounds(arm([np.nan, np.nan]), arm([1.0, 2.0]))
    assert caught.value.code == "E_NO_POST"
