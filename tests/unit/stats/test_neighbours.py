import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import firms
from evalkit.stats.neighbours import Neighbours, Points, Rules, nearest_neighbours


def match(score: np.ndarray, treated: np.ndarray, cell: np.ndarray, tie: np.ndarray, rules: Rules) -> Neighbours:
    points = Points(score, cell.astype(np.int64), tie.astype(np.uint64))
    return nearest_neighbours(points.take(treated), points.take(~treated), rules)


def rows(found: Neighbours, treated: np.ndarray) -> list[tuple[int, int, int]]:
    pairs = zip(
        np.flatnonzero(treated)[found.treated].tolist(), np.flatnonzero(~treated)[found.control].tolist(),
        found.turn.tolist(), strict=True,
    )  # fmt: skip
    return sorted(pairs, key=lambda pair: (pair[0], pair[2]))


FIRMS = st.lists(
    st.tuples(st.integers(-6, 6), st.booleans(), st.integers(0, 1)), min_size=1, max_size=24
)  # Few scores: most distances are tied, on the same side and on both.
RULES = st.builds(
    Rules,
    ratio=st.integers(1, 3),
    caliper=st.sampled_from([np.inf, 0.0, 1.0, 3.0]),
    capacity=st.sampled_from([1, 2, None]),
    order=st.sampled_from(["largest", "smallest", "random"]),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(FIRMS, RULES, st.randoms(use_true_random=False))
def test_equals_looking_at_every_control(some: list[tuple[int, bool, int]], rules: Rules, random) -> None:
    score, treated, cell = (np.array(column) for column in zip(*some, strict=True))
    tie = np.array(random.sample(range(100), len(some)))
    key = {"largest": -score, "smallest": score, "random": tie * 0}[rules.order]
    first = np.lexsort((tie, key))
    wanted = firms.greedy(
        score.astype(float), treated, cell, first[treated[first]], ratio=rules.ratio, caliper=rules.caliper,
        capacity=rules.capacity or np.inf, tie=tie,
    )  # fmt: skip
    found = match(score.astype(float), treated, cell, tie, rules)
    assert rows(found, treated) == wanted
    distance = np.abs(score[treated][:, None] - score[~treated][None, :]).astype(float)
    distance[cell[treated][:, None] != cell[~treated][None, :]] = np.inf
    np.testing.assert_array_equal(found.gap, distance.min(axis=1, initial=np.inf))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(FIRMS, RULES, st.randoms(use_true_random=False))
def test_order_of_firms_does_not_matter(some: list[tuple[int, bool, int]], rules: Rules, random) -> None:
    score, treated, cell = (np.array(column) for column in zip(*some, strict=True))
    tie, other = np.arange(len(some)), np.array(random.sample(range(len(some)), len(some)))
    found = rows(match(score.astype(float), treated, cell, tie, rules), treated)
    moved = match(score[other].astype(float), treated[other], cell[other], tie[other], rules)
    assert sorted((other[t], other[c], k) for t, c, k in rows(moved, treated[other])) == sorted(found)


@pytest.mark.parametrize(("caliper", "n_pairs"), [(0.5, 1), (0.4999, 0)])
def test_caliper_includes_its_end(caliper: float, n_pairs: int) -> None:
    score, treated = np.array([1.0, 1.5]), np.array([True, False])
    found = match(score, treated, np.zeros(2), np.arange(2), Rules(caliper=caliper))
    assert len(found.treated) == n_pairs
    np.testing.assert_array_equal(found.gap, [0.5])


def test_everyone_gets_a_first_control_before_anyone_gets_a_second() -> None:
    score = np.array([3.0, 2.9, 2.95, 2.99])
    treated = np.array([True, True, False, False])
    found = match(score, treated, np.zeros(4), np.arange(4), Rules(ratio=2))
    assert rows(found, treated) == [(0, 3, 0), (1, 2, 0)]


def test_many_firms_with_one_score_are_served_one_after_the_other() -> None:
    n = 4000
    treated = np.arange(n) % 2 == 0
    found = match(np.zeros(n), treated, np.zeros(n), np.arange(n), Rules())
    np.testing.assert_array_equal(found.treated, np.arange(n // 2))
    np.testing.assert_array_equal(found.control, np.arange(n // 2))
