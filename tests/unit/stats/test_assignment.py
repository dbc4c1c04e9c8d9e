import itertools

import numpy as np
import pytest

from evalkit.stats.assignment import full_match, limited_full_match, optimal_pairs

ROUNDING = 1e-12
"""Sums of at most a few hundred distances of size 1."""
VERTEX = 1e-6
"""The linear programme is solved to reduced costs of 1e-7 times the largest distance."""


def gaps(seed: int, most: int = 5) -> np.ndarray:
    """Distances in the plane, on a line, or whole numbers with many ties; some pairs are forbidden in every third."""
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, most, 2)
    if seed % 3 == 0:
        gap = rng.random(shape)
    else:
        a, b = rng.integers(0, 4, shape[0]) * 1.0, rng.integers(0, 4, shape[1]) * 1.0
        gap = np.abs((a + (seed % 3 == 1) * rng.random(shape[0]))[:, None] - b)
    if seed % 4 == 0:
        gap[rng.random(shape) < 0.4] = np.inf
    return gap


def best_pairs(gap: np.ndarray, ratio: int) -> tuple[int, int, float]:
    """Try every set of pairs: fewest treated firms without a control, most pairs, least distance."""
    n_treated, n_control = gap.shape
    best = (n_treated, 0, 0.0)
    for owner in itertools.product(range(-1, n_treated), repeat=n_control):
        pairs = [(t, c) for c, t in enumerate(owner) if t >= 0]
        served = np.bincount([t for t, _ in pairs], minlength=n_treated)
        if served.max(initial=0) <= ratio and all(np.isfinite(gap[p]) for p in pairs):
            best = min(best, (int((served == 0).sum()), -len(pairs), float(sum(gap[p] for p in pairs))))
    return best


def best_cover(gap: np.ndarray, fewest: int, most: float, most_treated: float) -> tuple[float, float]:
    """Try every set of arcs: fewest firms without a place, then least distance."""
    arcs = np.argwhere(np.isfinite(gap))
    best = (np.inf, np.inf)
    for chosen in itertools.product([False, True], repeat=len(arcs)):
        own = arcs[np.array(chosen, dtype=bool)]
        treated = np.bincount(own[:, 0], minlength=gap.shape[0])
        control = np.bincount(own[:, 1], minlength=gap.shape[1])
        if treated.max() <= most and control.max() <= most_treated:
            n_short = np.maximum(fewest - treated, 0).sum() + (control == 0).sum()
            best = min(best, (float(n_short), float(gap[tuple(own.T)].sum())))
    return best


def expect_stars(treated: np.ndarray, control: np.ndarray) -> None:
    """Check that every pair has a firm that is in no other pair."""
    alone = (np.bincount(treated)[treated] == 1) | (np.bincount(control)[control] == 1)
    assert alone.all()
    assert len(set(zip(treated.tolist(), control.tolist(), strict=True))) == len(treated)


@pytest.mark.parametrize("ratio", [1, 2])
@pytest.mark.parametrize("seed", range(30))
def test_pairs_are_the_best_of_all(seed: int, ratio: int) -> None:
    gap = gaps(seed)
    treated, control = optimal_pairs(gap, ratio)
    served = np.bincount(treated, minlength=len(gap))
    found = ((served == 0).sum(), -len(treated), gap[treated, control].sum())
    assert found == pytest.approx(best_pairs(gap, ratio), abs=ROUNDING)
    assert served.max() <= ratio
    assert len(set(control.tolist())) == len(control)
    assert np.lexsort((gap[treated, control], treated)).tolist() == list(range(len(treated)))


@pytest.mark.parametrize("seed", range(40))
def test_full_match_is_the_best_of_all(seed: int) -> None:
    gap = gaps(seed, most=4)
    treated, control = full_match(gap)
    n_short, distance = best_cover(gap, 1, np.inf, np.inf)
    assert gap[treated, control].sum() == pytest.approx(distance, abs=ROUNDING)
    assert sum(gap.shape) - len(set(treated.tolist())) - len(set(control.tolist())) == n_short
    expect_stars(treated, control)


@pytest.mark.parametrize("limits", [(1, np.inf, np.inf), (1, 2, 1), (1, 1, 2), (2, 3, 1), (1, 2, 2)])
@pytest.mark.parametrize("seed", range(12))
def test_limited_full_match_is_the_best_of_all(seed: int, limits: tuple[int, float, float]) -> None:
    fewest, most, most_treated = limits
    gap = gaps(seed, most=4)
    treated, control = limited_full_match(gap, (fewest, most), most_treated)
    served = np.bincount(treated, minlength=gap.shape[0])
    used = np.bincount(control, minlength=gap.shape[1])
    n_short = np.maximum(fewest - served, 0).sum() + (used == 0).sum()
    found = n_short, gap[treated, control].sum()
    assert found == pytest.approx(best_cover(gap, fewest, most, most_treated), abs=VERTEX)
    assert (served.max(initial=0), used.max(initial=0)) <= (most, most_treated)
    expect_stars(treated, control)


@pytest.mark.parametrize("seed", range(3))
def test_two_ways_to_a_full_match_agree(seed: int) -> None:
    """A matching and a linear programme."""
    rng = np.random.default_rng(seed)
    gap = np.linalg.norm(rng.normal(0, 1, (25, 1, 3)) - rng.normal(0.3, 1, (60, 3)), axis=2)
    a, b = full_match(gap), limited_full_match(gap, (1, np.inf), np.inf)
    np.testing.assert_array_equal(np.stack(a), np.stack(b))


def test_equal_firms_make_as_many_sets_as_possible() -> None:
    """Two kinds of firms: 3 treated and 2 controls, 1 treated and 4 controls."""
    kind_treated, kind_control = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1, 1, 1])
    treated, control = full_match(np.abs(kind_treated[:, None] - kind_control) * 1.0)
    np.testing.assert_array_equal(kind_treated[treated], kind_control[control])
    expect_stars(treated, control)
    assert len(treated) == 10 - 3


@pytest.mark.parametrize("match", [lambda gap: optimal_pairs(gap, 2), full_match])
def test_without_an_allowed_pair_there_is_none(match: object) -> None:
    treated, control = match(np.full((2, 3), np.inf))
    assert (len(treated), len(control)) == (0, 0)
    treated, control = limited_full_match(np.full((2, 3), np.inf), (1, 2.0), 1)
    assert (len(treated), len(control)) == (0, 0)
