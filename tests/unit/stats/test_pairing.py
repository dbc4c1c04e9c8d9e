import numpy as np
import pytest

from evalkit.stats.limits import Limits
from evalkit.stats.pairing import Pairing
from evalkit.stats.points import Points


def treated(score: list[float], place: np.ndarray | None = None) -> Points:
    n = len(score)
    return Points(np.array(score), np.zeros(n, np.int64), np.arange(n, dtype=np.uint64), place)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"ratio": 2, "max_controls": 3}, [1, 1, 3, 3, 2]),
        ({"ratio": 2, "max_controls": 4}, [1, 1, 3, 4, 1]),
        ({"ratio": 2, "min_controls": 2, "max_controls": 4}, [2, 2, 2, 2, 2]),
        ({"ratio": 3, "min_controls": 2, "max_controls": 6}, [2, 2, 3, 6, 2]),
        ({"ratio": 3, "max_controls": 3}, [3, 3, 3, 3, 3]),
    ],
)
def test_those_with_the_largest_scores_want_the_fewest(options: dict, wanted: list[int]) -> None:
    rules = Pairing(**options).rules(treated([5.0, 4.0, 2.0, 1.0, 3.0]), np.inf, Limits())
    np.testing.assert_array_equal(rules.ratio, wanted)
    assert np.sum(rules.ratio) == 5 * options["ratio"]


def test_rules_follow_the_options() -> None:
    plain = Pairing(ratio=2).rules(treated([1.0]), 0.5, Limits())
    assert (plain.ratio, plain.caliper, plain.capacity, plain.order) == (2, 0.5, 1, "largest")
    assert Pairing().rules(treated([1.0], np.zeros((1, 2))), 0.5, Limits()).order == "closest"
    assert Pairing(replace=True).rules(treated([1.0]), 0.5, Limits()).capacity is None
    assert Pairing(replace=True, reuse_max=3).rules(treated([1.0]), 0.5, Limits()).capacity == 3


def test_cells_short_of_controls_are_counted() -> None:
    """Cell 0: 2 treated, 3 controls; cell 1: 1 and 1; cell 2: controls only; cell 3: treated only."""
    cell = np.array([0, 0, 0, 0, 0, 1, 1, 2, 3])
    is_treated = np.array([1, 1, 0, 0, 0, 1, 0, 0, 1], dtype=bool)
    assert Pairing().n_short_cells(cell, is_treated) == 1
    assert Pairing(ratio=2).n_short_cells(cell, is_treated) == 3
    assert Pairing(ratio=2, replace=True).n_short_cells(cell, is_treated) == 2
