import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import firms
from evalkit.stats.limits import Limit, Limits
from evalkit.stats.neighbours import Neighbours, nearest_neighbours
from evalkit.stats.points import Points, Rules


def match(score: np.ndarray, treated: np.ndarray, cell: np.ndarray, tie: np.ndarray, rules: Rules) -> Neighbours:
    points = Points(score, cell.astype(np.int64), tie.astype(np.uint64))
    return nearest_neighbours(points.take(treated), points.take(~treated), rules)


def rows(found: Neighbours, treated: np.ndarray) -> list[tuple[int, int, int]]:
    pairs = zip(
        np.flatnonzero(treated)[found.treated].tolist(), np.flatnonzero(~treated)[found.control].tolist(),
        found.turn.tolist(), strict=True,
    )  # fmt: skip
    return sorted(pairs, key=lambda pair: (pair[0], pair[2]))


SEEDS = st.integers(0, 10**6)


def tied_firms(seed: int) -> tuple[np.ndarray, ...]:
    """Score, treated, cell, a second coordinate, a kind, tie. Few scores: most distances are tied, on both sides."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 25))
    score, treated, cell = rng.integers(-6, 7, n).astype(float), rng.random(n) < 0.4, rng.integers(0, 2, n)
    return score, treated, cell, rng.integers(-2, 3, n), rng.integers(0, 3, n), rng.permutation(n)


ORDERS = ["largest", "smallest", "closest", "random", "data"]
RULES = st.fixed_dictionaries({
    "ratio": st.integers(1, 3), "caliper": st.sampled_from([np.inf, 0.0, 1.0, 3.0]),
    "capacity": st.sampled_from([1, 2, None]), "order": st.sampled_from(ORDERS),
})  # fmt: skip
LIMITS = st.sampled_from([(), ("near",), ("differ",), ("near", "differ")])


def limits(names: tuple[str, ...], second: np.ndarray, kind: np.ndarray, treated: np.ndarray) -> Limits:
    known = {
        "near": Limit(second[treated], second[~treated], 1.0), "differ": Limit(kind[treated], kind[~treated], None)
    }  # fmt: skip
    return Limits(tuple(known[name] for name in names))


@settings(max_examples=400, deadline=None, derandomize=True)
@given(SEEDS, RULES, LIMITS, st.booleans())
def test_equals_looking_at_every_control(seed: int, options: dict, names: tuple, is_flat: bool) -> None:
    """Whatever the order, with replacement or not, on a line and in a plane, with limits and without, all tied."""
    score, treated, cell, second, kind, tie = tied_firms(seed)
    plane = np.column_stack([score, np.zeros_like(score) if is_flat else 1.5 * second])
    apart = np.sqrt(((plane[:, None] - plane[None]) ** 2).sum(axis=2))
    allowed = cell[:, None] == cell[None]
    if "near" in names:
        allowed &= abs(second[:, None] - second[None]) <= 1
    if "differ" in names:
        allowed &= kind[:, None] != kind[None]
    wanted = firms.greedy(
        np.where(allowed & (apart <= options["caliper"]), apart, np.inf), treated, score, tie, order=options["order"],
        ratio=options["ratio"], capacity=options["capacity"] or np.inf,
    )  # fmt: skip
    nearest = np.where(cell[:, None] == cell[None], apart, np.inf)[treated][:, ~treated].min(axis=1, initial=np.inf)
    places = [plane] if not is_flat else [None, plane]
    for place in places:
        points = Points(score, cell.astype(np.int64), tie.astype(np.uint64), place)
        rules = Rules(**options, limits=limits(names, second, kind, treated))
        if place is None or options["caliper"] == np.inf:
            found = nearest_neighbours(points.take(treated), points.take(~treated), rules)
            assert rows(found, treated) == wanted
            np.testing.assert_array_equal(found.gap, nearest)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(SEEDS, RULES, st.booleans())
def test_order_of_firms_does_not_matter(seed: int, options: dict, is_plane: bool) -> None:
    score, treated, cell, second, _, tie = tied_firms(seed)
    if options["order"] == "data":
        options = {**options, "order": "closest"}
    other = np.random.default_rng(seed + 1).permutation(len(score))
    place = np.column_stack([score, second]).astype(float) if is_plane else None
    points = Points(score, cell.astype(np.int64), tie.astype(np.uint64), place)
    moved = Points(points.score[other], points.cell[other], points.tie[other], None if place is None else place[other])
    if is_plane:
        options = {**options, "caliper": np.inf}
    found = nearest_neighbours(points.take(treated), points.take(~treated), Rules(**options))
    again = nearest_neighbours(moved.take(treated[other]), moved.take(~treated[other]), Rules(**options))
    moved_back = [(int(other[t]), int(other[c]), k) for t, c, k in rows(again, treated[other])]
    assert sorted(moved_back, key=lambda pair: (pair[0], pair[2])) == rows(found, treated)


def test_many_controls_around_one_place_are_found_one_after_the_other() -> None:
    """More treated firms than a tree gives neighbours at first, all wanting the same controls, at tied distances."""
    grid = np.array([(x, y) for x in range(20) for y in range(20)], dtype=float)
    place = np.vstack([np.full((150, 2), 7.0), grid])
    treated = np.arange(len(place)) < 150
    points = Points(np.zeros(len(place)), np.zeros(len(place), np.int64), np.arange(len(place), dtype=np.uint64), place)
    found = nearest_neighbours(points.take(treated), points.take(~treated), Rules(order="random"))
    by_distance = np.lexsort((np.arange(400), ((grid - 7.0) ** 2).sum(axis=1)))
    np.testing.assert_array_equal(found.treated, np.arange(150))
    np.testing.assert_array_equal(found.control, by_distance[:150])


def test_each_firm_gets_as_many_as_it_wants() -> None:
    score = np.array([0.0, 5.0, *np.linspace(-0.3, 0.3, 7)])
    treated = np.arange(9) < 2
    found = match(score, treated, np.zeros(9), np.arange(9), Rules(ratio=np.array([3, 1])))
    np.testing.assert_array_equal(np.bincount(found.treated), [3, 1])
    assert found.turn.tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("n_cells", [3, 70_000])
def test_cells_of_any_number(n_cells: int) -> None:
    """Cells beyond 16 bits are sorted in another way."""
    cell = np.array([0, n_cells - 1, n_cells - 1, 0, 1])
    found = match(np.array([1.0, 1.0, 1.1, 3.0, 1.0]), np.arange(5) < 2, cell, np.arange(5), Rules())
    np.testing.assert_array_equal(found.control, [1, 0])


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
