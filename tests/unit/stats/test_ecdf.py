import numpy as np
import pytest
from scipy.stats import ks_2samp

from evalkit.stats.ecdf import ecdf_gaps

ROUNDING = 1e-12


def brute(x: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    gaps = [
        abs(first[x <= v].sum() / first.sum() - second[x <= v].sum() / second.sum())
        for v in np.unique(x[(first > 0) | (second > 0)])
    ]
    return float(np.mean(gaps)), float(np.max(gaps))


@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_equals_a_loop_over_values(decimals: int) -> None:
    rng = np.random.default_rng(decimals)
    x = rng.normal(size=120).round(decimals)
    treated = (rng.random(120) < 0.3).astype(float)
    weight = (1 - treated) * rng.choice([0.0, 0.5, 2.0], 120)
    pairs = [(treated, 1 - treated), (treated, weight)]
    for found, pair in zip(ecdf_gaps(x, pairs), pairs, strict=True):
        assert found == pytest.approx(brute(x, *pair), abs=ROUNDING)


def test_largest_gap_is_the_kolmogorov_smirnov_statistic() -> None:
    rng = np.random.default_rng(1)
    x, first = rng.normal(size=90), np.arange(90.0) % 3 == 0
    ((_, largest),) = ecdf_gaps(x, [(first.astype(float), (~first).astype(float))])
    assert largest == pytest.approx(ks_2samp(x[first], x[~first]).statistic, abs=ROUNDING)


def test_a_group_without_weight_has_no_gap() -> None:
    assert np.isnan(ecdf_gaps(np.arange(4.0), [(np.ones(4), np.zeros(4))])).all()
    assert np.isnan(ecdf_gaps(np.zeros(0), [(np.zeros(0), np.zeros(0))])).all()
