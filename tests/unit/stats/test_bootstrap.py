"""Multiplier bootstrap against a loop over firms, the analytic covariance and the band in closed form."""

import numpy as np
import pytest

from evalkit.errors import EstimationError
from evalkit.stats.bands import sup_t
from evalkit.stats.bootstrap import POINTS, Unit, block_sums, critical_value, high_multipliers, multiplier_draws
from evalkit.stats.stable_hash import counted, hash_codes

LAWS = ["rademacher", "mammen"]
ROUNDED = 1e-9
"""Influence is rounded to more than 40 bits here."""


def influence(n: int = 600, k: int = 4, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    psi = rng.normal(size=(n, 3)) @ rng.normal(size=(3, k)) + 0.3 * rng.normal(size=(n, k))
    return (psi - psi.mean(axis=0)) / n, hash_codes(np.arange(n), 7)


@pytest.mark.parametrize("law", LAWS)
def test_a_draw_is_the_sum_over_firms_of_multiplier_times_influence(law) -> None:
    psi, key = influence(n=50)
    is_high, (low, high) = high_multipliers(key, law, 20), POINTS[law]
    expected = [
        sum((high if is_high[i, b] else low) * psi[i] for i in range(50)) for b in range(20)
    ]  # fmt: skip
    assert multiplier_draws(psi, key, law, 20).values == pytest.approx(np.array(expected), rel=1e-6, abs=ROUNDED)


@pytest.mark.parametrize("law", LAWS)
def test_multipliers_have_the_moments_of_their_law(law) -> None:
    low, high = POINTS[law]
    v = np.where(high_multipliers(hash_codes(np.arange(2_000), 3), law, 500), high, low)
    error = 5 / np.sqrt(v.size)
    assert v.mean() == pytest.approx(0, abs=error)
    assert (v**2).mean() == pytest.approx(1, abs=2 * error)
    assert (v**3).mean() == pytest.approx(1 if law == "mammen" else 0, abs=5 * error)
    across_draws = np.corrcoef(v.T[:40]) - np.eye(40)
    assert np.abs(across_draws).max() < 5 / np.sqrt(2_000)


@pytest.mark.parametrize("law", LAWS)
def test_variance_of_draws_is_the_analytic_covariance(law) -> None:
    psi, key = influence()
    n_draws = 20_000
    found = multiplier_draws(psi, key, law, n_draws)
    analytic = psi.T @ psi
    scale = np.sqrt(np.outer(np.diag(analytic), np.diag(analytic)))
    assert np.cov(found.values.T) / scale == pytest.approx(analytic / scale, abs=5 * np.sqrt(2 / n_draws))


@pytest.mark.parametrize("law", LAWS)
def test_critical_value_agrees_with_the_normal_band_for_many_firms(law) -> None:
    psi, key = influence(n=3_000)
    vcov = psi.T @ psi
    found = critical_value(multiplier_draws(psi, key, law, 20_000).values, np.sqrt(np.diag(vcov)), 0.95)
    assert found == pytest.approx(sup_t(vcov), abs=0.06)


@pytest.mark.parametrize("law", LAWS)
def test_EST11_order_and_blocks_change_no_bit(law) -> None:
    psi, key = influence(n=5_000)
    unit = Unit.covering(np.abs(psi).max(axis=0), len(psi))
    whole = block_sums(psi, key, law, 99, unit)
    order = np.random.default_rng(2).permutation(len(psi))
    parts = [block_sums(psi[rows], key[rows], law, 99, unit) for rows in np.array_split(order, 7)]
    other = parts[3] + parts[0] + parts[6] + parts[5] + parts[1] + parts[2] + parts[4]
    assert whole.high.tobytes() == other.high.tobytes()
    assert whole.total.tobytes() == other.total.tobytes()
    assert (whole.n, whole.n_high.tolist()) == (other.n, other.n_high.tolist())


def test_more_draws_keep_the_first_ones_and_another_seed_gives_others() -> None:
    psi, key = influence()
    few, many = (multiplier_draws(psi, key, "rademacher", n).values for n in (100, 300))
    np.testing.assert_array_equal(few, many[:100])
    other = multiplier_draws(psi, hash_codes(np.arange(len(psi)), 8), "rademacher", 100).values
    assert abs(np.corrcoef(few[:, 0], other[:, 0])[0, 1]) < 0.4


def test_EST10_degenerate_draws_are_counted_and_too_many_refused() -> None:
    """All signs are alike in 2 of 2^G draws: 0.2 % with ten clusters, 6 % with five."""
    psi, key = influence(n=10)
    found = multiplier_draws(psi, key, "rademacher", 4_000)
    assert 1 <= found.n_degenerate <= 25
    assert len(found.values) == 4_000 - found.n_degenerate
    psi, key = influence(n=5)
    with pytest.raises(EstimationError) as error:
        multiplier_draws(psi, key, "rademacher", 4_000)
    assert error.value.code == "E_BOOTSTRAP"
    psi, key = influence()
    psi[3, 1] = np.inf
    with pytest.raises(EstimationError), np.errstate(all="ignore"):
        multiplier_draws(psi, key, "mammen", 100)


def test_firms_without_influence_do_not_count() -> None:
    psi, _ = influence(n=5)
    with pytest.raises(EstimationError):
        multiplier_draws(np.vstack([psi, np.zeros((100, 4))]), hash_codes(np.arange(105), 7), "rademacher", 4_000)


def test_an_effect_without_error_does_not_count_in_the_band() -> None:
    psi, key = influence()
    psi[:, 2] = 0.0
    values, error = multiplier_draws(psi, key, "rademacher", 999).values, np.sqrt((psi**2).sum(axis=0))
    rest = [0, 1, 3]
    assert critical_value(values, error) == critical_value(values[:, rest], error[rest])
    error[1] = np.nan
    assert critical_value(values, error) == critical_value(values[:, [0, 3]], error[[0, 3]])
    assert critical_value(values, np.full(4, np.nan)) == pytest.approx(1.96, abs=0.001)


def test_the_critical_value_is_the_order_statistic_that_a_level_names() -> None:
    """Of 999 draws of one effect the 950th is that of 95 %."""
    values = np.random.default_rng(1).permutation(np.arange(1.0, 1000.0))[:, None]
    assert critical_value(values, np.ones(1), 0.95) == 950


def test_lanes_are_cut_from_words_in_the_same_way_everywhere() -> None:
    """One word by the mixing function in whole numbers."""
    golden, key = 0x9E3779B97F4A7C15, 12345
    z = (key + golden) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    z ^= z >> 31
    found = counted(np.array([key], np.uint64), 8, "<u1")
    assert found.tolist() == [list(z.to_bytes(8, "little"))]
