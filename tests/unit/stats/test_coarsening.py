import numpy as np
import pytest

from evalkit.errors import StudyError
from evalkit.stats.coarsening import MOST_INTERVALS, cut_points, grouped, intervals
from evalkit.stats.covariates import Covariate

VALUES = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 8, 20])


@pytest.mark.parametrize(
    ("rule", "n_intervals"),
    [
        ("sturges", 5),  # log2(10) + 1 = 4.3
        ("scott", 3),  # 20 * 10^(1/3) / (3.5 * 5.680) = 2.17
        ("fd", 5),  # quartiles 2.25 and 6.75: 20 * 10^(1/3) / 9 = 4.79
        (4, 4),
        (1, 1),
    ],
)
def test_number_of_intervals_by_hand(rule: str | int, n_intervals: int) -> None:
    np.testing.assert_allclose(cut_points(VALUES, rule), np.arange(1, n_intervals) * 20 / n_intervals, rtol=1e-15)


def test_equal_quartiles_leave_it_to_scott() -> None:
    share = np.array([1.0] + [0.0] * 19)
    np.testing.assert_array_equal(cut_points(share, "fd"), cut_points(share, "scott"))
    assert len(cut_points(share, "fd")) == 3  # 20^(1/3) / (3.5 * 0.2236) = 3.47


@pytest.mark.parametrize("rule", ["sturges", "fd", "scott", 5])
@pytest.mark.parametrize("values", [[3.0], [3.0, 3.0, 3.0]])
def test_a_constant_is_one_interval(rule: str | int, values: list[float]) -> None:
    coarse = intervals(Covariate("x", np.array(values)), rule, np.arange(len(values)))
    assert len(set(coarse.values.tolist())) == 1


def test_far_values_are_refused_rather_than_cut_into_millions() -> None:
    with pytest.raises(StudyError) as caught:
        cut_points(np.append(np.linspace(0, 1, 1000), 1e9), "fd")
    assert caught.value.code == "E_OPTION"
    assert f"{MOST_INTERVALS:,}" in caught.value.problem


def test_a_value_at_a_cut_point_belongs_to_the_interval_above() -> None:
    number = Covariate("x", np.array([-5, 0.9, 1.0, 1.5, 3.0, 99.0, np.nan]))
    coarse = intervals(number, [3, 1, 1.0], np.arange(6))
    np.testing.assert_array_equal(coarse.values[:6], [0, 0, 1, 1, 2, 2])
    assert len(coarse.levels) == 3


def test_intervals_come_from_the_firms_compared() -> None:
    number = Covariate("x", np.array([0.0, 1.0, 10.0, 1000.0]))
    np.testing.assert_array_equal(intervals(number, 2, np.arange(3)).values, [0, 0, 1, 1])


def test_levels_in_a_group_are_one() -> None:
    category = Covariate("x", np.array([0, 1, 2, 3, -1], dtype=np.int32), ("a", "b", "c", "d"))
    coarse = grouped(category, [["d", "a"], ["c", "gone"]])
    assert coarse.levels == ("b", "c", "d")
    np.testing.assert_array_equal(coarse.values, [2, 0, 1, 2, -1])


def test_a_number_has_no_levels_to_group() -> None:
    with pytest.raises(StudyError) as caught:
        grouped(Covariate("x", VALUES), [["a"]])
    assert (caught.value.code, caught.value.where) == ("E_OPTION", "grouping.x")
