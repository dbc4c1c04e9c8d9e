import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import DesignError
from evalkit.stats.subclasses import subclasses


def keys(n: int) -> np.ndarray:
    return np.random.default_rng(0).permutation(n).astype(np.uint64)


def test_quantiles_of_the_treated_by_hand() -> None:
    """Tertiles of 1 ... 7 are 3 and 5; firms at them go up."""
    score = np.array([1, 2, 3, 4, 5, 6, 7, -1, 2.9, 3, 4.9, 5, 99])
    treated = np.arange(13) < 7
    found = subclasses(score, treated, keys(13), 3, 0)
    np.testing.assert_array_equal(found, [0, 0, 1, 1, 2, 2, 2, 0, 0, 1, 1, 2, 2])


@given(st.integers(2, 8), st.integers(0, 4), st.integers(0, 10_000))
def test_each_subclass_has_the_fewest_and_the_order_by_score_is_kept(n_subclasses: int, min_n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    score, treated = rng.normal(0, 1, 90).round(rng.integers(0, 3)), np.arange(90) < 35
    score[treated] += rng.choice([0, 1, 3])
    found = subclasses(score, treated, keys(90), n_subclasses, min_n)
    n = found.max() + 1
    assert n <= n_subclasses
    for group in (treated, ~treated):
        assert np.bincount(found[group], minlength=n).min() >= min_n
        in_order = found[group][np.lexsort((found[group], score[group]))]
        assert (np.diff(in_order) >= 0).all()
    if min_n == 0:
        cut = np.unique(np.quantile(score[treated], np.linspace(0, 1, n_subclasses + 1)))[1:-1]
        np.testing.assert_array_equal(found, (score[:, None] >= cut).sum(axis=1))


def test_a_short_subclass_takes_the_nearest_firms_and_equal_ones_by_key() -> None:
    score = np.array([1.0, 2, 3, 4, 5, 6, 1, 1, 2, 2, 2, 2])
    treated = np.arange(12) < 6
    key = np.array([0] * 6 + [6, 5, 4, 3, 2, 1], dtype=np.uint64)
    found = subclasses(score, treated, key, 3, 1)
    np.testing.assert_array_equal(found, [0, 0, 1, 1, 2, 2, 0, 0, 2, 1, 0, 0])


@pytest.mark.parametrize(
    ("n_treated", "n_control", "code"), [(5, 50, "E_TOO_FEW_TREATED"), (50, 5, "E_TOO_FEW_CONTROLS")]
)
def test_too_few_firms_are_refused(n_treated: int, n_control: int, code: str) -> None:
    score = np.random.default_rng(1).normal(0, 1, n_treated + n_control)
    with pytest.raises(DesignError) as caught:
        subclasses(score, np.arange(len(score)) < n_treated, keys(len(score)), 6, 1)
    assert caught.value.code == code


def test_equal_scores_are_one_subclass() -> None:
    found = subclasses(np.zeros(20), np.arange(20) < 10, keys(20), 6, 1)
    np.testing.assert_array_equal(found, 0)
