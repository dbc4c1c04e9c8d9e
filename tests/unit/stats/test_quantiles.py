import numpy as np
import pytest

from evalkit.stats.balance import Groups
from evalkit.stats.covariates import Covariate
from evalkit.stats.quantiles import MOST_BINS, SMALLEST_BIN, binned_quantiles, quantile_rows

ROUNDING = 1e-12


def test_equal_parts_are_plain_means_and_borders_are_split() -> None:
    x = np.arange(1.0, 5.0)
    np.testing.assert_allclose(binned_quantiles(x, np.ones(4), 2), [1.5, 3.5], rtol=ROUNDING)
    np.testing.assert_allclose(binned_quantiles(x, np.ones(4), 3), [1.25, 2.5, 3.75], rtol=ROUNDING)


def test_weights_count_like_repeated_firms() -> None:
    rng = np.random.default_rng(3)
    x, weight = np.sort(rng.normal(size=50)), rng.integers(0, 4, 50)
    repeated = np.repeat(x, weight)
    found = binned_quantiles(x, weight.astype(float), 5)
    np.testing.assert_allclose(found, binned_quantiles(repeated, np.ones(len(repeated)), 5), atol=1e-10)
    assert found.mean() == pytest.approx(repeated.mean())
    assert (np.diff(found) > 0).all()


@pytest.mark.parametrize(("n", "bins"), [(2 * SMALLEST_BIN - 1, 0), (35, 3), (1000, MOST_BINS)])
def test_every_bin_stands_for_enough_firms(n: int, bins: int) -> None:
    x = np.random.default_rng(1).normal(size=2 * n)
    treated = np.arange(2 * n) < n
    rows = quantile_rows(Covariate("x", x), Groups(treated, ~treated, np.ones(2 * n)))
    assert len(rows) == bins
    uneven = Groups(treated, ~treated, np.where(treated, 1.0, np.arange(2 * n) == n))
    assert quantile_rows(Covariate("x", x), uneven) == []


def test_rows_sort_the_firms_first() -> None:
    x, treated = np.tile([9.0, 1.0, 5.0, 3.0], 20), np.arange(80) < 40
    (low, *_, high) = quantile_rows(Covariate("x", x), Groups(treated, ~treated, np.ones(80)))
    assert (low["treated"], high["control"]) == pytest.approx((1.0, 9.0))


def test_categories_and_flags_have_no_quantiles() -> None:
    treated = np.arange(100) < 50
    groups = Groups(treated, ~treated, np.ones(100))
    assert quantile_rows(Covariate("flag", np.tile([0.0, 1.0], 50)), groups) == []
    assert quantile_rows(Covariate("kind", np.zeros(100, np.int32), ("a",)), groups) == []
