import numpy as np
import pytest

from evalkit.stats.balance import Groups, level_balance, number_balance, smd, weighted_mean, weighted_variance

ROUNDING = 1e-12


def groups(weight: list[float]) -> Groups:
    treated = np.array([True, True, True, False, False, False, False, False])
    return Groups(treated, ~treated & (np.arange(8) < 7), np.array(weight))


WEIGHT = [1, 1, 0, 2, 0.5, 0, 0, 9.0]
X = np.array([1.0, 3.0, 8.0, 2.0, 4.0, 6.0, 10.0, 99.0])


def test_a_number_by_hand() -> None:
    found = number_balance(X, groups(WEIGHT))
    sd = np.std([1, 3, 8], ddof=1)
    assert found.mean_treated_before == pytest.approx(4, rel=ROUNDING)
    assert found.mean_treated == pytest.approx(2, rel=ROUNDING)
    assert found.mean_control_before == pytest.approx(5.5, rel=ROUNDING)
    assert found.mean_control_after == pytest.approx((2 * 2 + 0.5 * 4) / 2.5, rel=ROUNDING)
    assert found.smd_before == pytest.approx(-1.5 / sd, rel=ROUNDING)
    assert found.smd_after == pytest.approx(-0.4 / sd, rel=ROUNDING)
    assert found.variance_ratio_before == pytest.approx(sd**2 / np.var([2, 4, 6, 10], ddof=1), rel=ROUNDING)


def test_missing_values_are_left_out() -> None:
    some = X.copy()
    some[[2, 6]] = np.nan
    found = number_balance(some, groups(WEIGHT))
    assert found.mean_treated_before == pytest.approx(2)
    assert found.mean_control_before == pytest.approx(4)


def test_a_0_1_number_is_a_share() -> None:
    found = number_balance(np.array([1.0, 0, 1, 0, 0, 1, 0, 0]), groups(WEIGHT))
    assert found.smd_before == pytest.approx((2 / 3 - 1 / 4) / np.sqrt(2 / 3 * 1 / 3), rel=ROUNDING)
    assert np.isnan(found.variance_ratio_before)


def test_levels_equal_their_indicators() -> None:
    code, rng = np.array([0, 1, 2, 0, 0, 1, -1, 2], dtype=np.int32), groups(WEIGHT)
    found = level_balance(code, 3, rng)
    for level in range(3):
        x = np.where(code < 0, np.nan, code == level)
        wanted = number_balance(x, rng)
        for name in ("mean_treated_before", "mean_treated", "mean_control_after", "smd_before", "smd_after"):
            assert getattr(found[level], name) == pytest.approx(getattr(wanted, name), rel=ROUNDING), name


def test_equal_weights_give_the_usual_variance() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=50)
    assert weighted_variance(x, np.full(50, 0.3)) == pytest.approx(x.var(ddof=1), rel=ROUNDING)
    assert weighted_mean(x, np.full(50, 0.3)) == pytest.approx(x.mean(), rel=1e-10)
    assert np.isnan(weighted_variance(x[:1], np.ones(1)))
    assert np.isnan(weighted_mean(x, np.zeros(50)))


@pytest.mark.parametrize(
    ("difference", "treated", "control", "wanted"),
    [(1.0, 4.0, 100.0, 0.5), (1.0, 0.0, 8.0, 0.5), (0.0, 0.0, 0.0, 0.0), (-1.0, 0.0, 0.0, -np.inf)],
)
def test_which_standard_deviation(difference: float, treated: float, control: float, wanted: float) -> None:
    assert smd(difference, treated, control) == wanted
