"""Each rule against cases worked by hand."""

import numpy as np
import pytest

from evalkit.model.study import Disclosure
from evalkit.reporting.disclosure.counts import is_empty_or_full, too_few, too_few_compared, too_few_firms
from evalkit.reporting.disclosure.dominance import (
    Contributions,
    fails_dominance,
    fails_pq,
    is_concentrated,
    is_dominated,
)
from evalkit.reporting.disclosure.order_statistics import is_extreme, too_few_beyond
from evalkit.reporting.disclosure.profiles import PROFILES, profile_of
from evalkit.reporting.disclosure.regressions import thin_regressors, too_few_dof
from evalkit.reporting.disclosure.rounding import rounded_share, rounded_total, to_midpoint, to_nearest

RELEASE, ACRO, OPEN_SAFELY = (PROFILES[name] for name in ("release", "acro", "opensafely"))


@pytest.mark.parametrize(("profile", "hidden", "shown"), [("release", 9, 10), ("jp_table", 2, 3), ("opensafely", 7, 8)])
def test_minimum_counts_of_the_profiles(profile, hidden, shown):
    threshold = profile_of(Disclosure(profile=profile)).threshold
    assert too_few(hidden, threshold)
    assert not too_few(shown, threshold)
    assert not too_few(0, threshold)


def test_the_threshold_of_the_study_comes_before_that_of_the_profile():
    assert profile_of(Disclosure(profile="jp_table", threshold=5)).threshold == 5
    assert profile_of(Disclosure()).threshold == 10


def test_three_firms_in_five_years_are_three():
    rows = [firm for firm in "abc" for _ in range(5)]
    assert too_few_firms(rows, 10)
    assert not too_few_firms(range(10), 10)


@pytest.mark.parametrize(("treated", "control", "few"), [(9, 50, True), (50, 9, True), (0, 50, True), (10, 10, False)])
def test_effects_with_few_firms_in_an_arm(treated, control, few):
    assert too_few_compared(treated, control, 10) is few


@pytest.mark.parametrize(("n", "told"), [(0, True), (20, True), (19, False)])
def test_none_and_all_tell_about_each(n, told):
    assert is_empty_or_full(n, 20) is told


@pytest.mark.parametrize(("values", "dominated"), [([60, 25, 15], True), ([60, 24, 16], False), ([-60, -25, 15], True)])
def test_two_largest_at_85_per_cent(values, dominated):
    """(60 + 25) / 100 = 0.85 is too much, 0.84 is not; signs do not count."""
    assert is_dominated(Contributions.of(values), 2, 0.85) is dominated


def test_one_largest():
    assert is_dominated(Contributions.of([70, 20, 10]), 1, 0.7)
    assert not is_dominated(Contributions.of([69, 21, 10]), 1, 0.7)


@pytest.mark.parametrize(
    ("values", "fails"), [([100, 50, 9], True), ([100, 50, 10], False), ([100], True), ([0, 0], False)]
)
def test_p_per_cent(values, fails):
    """159 - 100 - 50 = 9 < 10 = 0.1 x 100."""
    assert fails_pq(Contributions.of(values), 0.1) is fails


def test_what_others_know_before():
    """With others known within a half, 2 x 10 % of the largest must be left."""
    found = Contributions.of([100, 50, 19])
    assert not fails_pq(found, 0.1)
    assert fails_pq(found, 0.1, 0.5)


def test_profiles_differ_in_dominance():
    """(500 + 370) / 1000 = 0.87 lies between 0.85 and 0.90; 130 > 50 passes p %."""
    found = Contributions.of([500, 370, 130])
    assert fails_dominance(found, RELEASE)
    assert not fails_dominance(found, ACRO)


def test_contributions_of_two_blocks_are_those_of_all_firms():
    rng = np.random.default_rng(3)
    for _ in range(50):
        values = rng.integers(-50, 50, rng.integers(0, 8))
        cut = rng.integers(0, len(values) + 1)
        whole, joined = (
            Contributions.of(values),
            Contributions.of(values[:cut]).and_also(Contributions.of(values[cut:])),
        )
        assert joined == whole
        assert whole.total == np.abs(values).sum()


def test_values_not_known_contribute_nothing():
    assert Contributions.of([3, np.nan, np.inf, 5]) == (5, 3, 0)


@pytest.mark.parametrize(
    ("parts", "concentrated"),
    [([50, 20, 10, 20], False), ([51, 20, 10, 19], True), ([45, 40, 15], False), ([45, 41, 14], True), ([0, 0], False)],
)
def test_influence_of_one_and_two_firms(parts, concentrated):
    assert is_concentrated(Contributions.of(parts), RELEASE) is concentrated


def test_centred_parts_could_never_be_too_large():
    """Why contributions are not centred: one firm that makes the whole effect has half of the deviations."""
    parts = np.array([100.0, 0, 0, 0])
    centred = parts - parts.mean()
    assert np.abs(centred).max() / np.abs(centred).sum() == 0.5
    assert is_concentrated(Contributions.of(parts), RELEASE)


@pytest.mark.parametrize(
    ("name", "extreme"),
    [("max", True), ("sales_min", True), ("range", True), ("top_5", True), ("rank", True), ("mean", False),
     ("employment", False), ("maximal_change", False)],
)  # fmt: skip
def test_extremes_by_name(name, extreme):
    assert is_extreme(name) is extreme


@pytest.mark.parametrize(
    ("n", "q", "few"),
    [(20, 0.5, False), (19, 0.5, True), (100, 0.9, False), (99, 0.1, True), (99, 0.9, True)],
)
def test_ten_firms_on_either_side_of_a_quantile(n, q, few):
    assert too_few_beyond(n, q) is few


def test_a_quantile_is_a_share():
    with pytest.raises(ValueError, match="between 0 and 1"):
        too_few_beyond(100, 50)


def test_degrees_of_freedom_count_firms():
    assert too_few_dof(12, 3, RELEASE)
    assert not too_few_dof(13, 3, RELEASE)


def test_regressors_that_few_firms_have_or_lack():
    firms = np.repeat(np.arange(30), 2)
    rare, common, usual = firms < 9, firms < 15, firms < 21
    design = np.column_stack([np.ones(60), rare, common, usual, np.linspace(0, 1, 60)]).astype(float)
    assert thin_regressors(design, firms, RELEASE) == [1, 3]


@pytest.mark.parametrize(
    ("n", "nearest", "midpoint"),
    [(0, 0, 0), (1, 0, 3), (2, 0, 3), (3, 5, 3), (6, 5, 3), (7, 5, 9), (12, 10, 9), (13, 15, 15)],
)
def test_rounding(n, nearest, midpoint):
    assert to_nearest(n) == nearest
    assert to_midpoint(n) == midpoint


def test_totals_and_shares_come_from_rounded_counts():
    assert rounded_total([12, 12, 12], OPEN_SAFELY) == 30
    assert rounded_share(12, 41, OPEN_SAFELY) == 10 / 40
    assert rounded_share(1, 2, OPEN_SAFELY) is None
    assert rounded_total([12, 12, 12], RELEASE) == 36
