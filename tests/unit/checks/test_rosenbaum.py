"""Bounds under hidden bias: published answers, all assignments of signs, and pairs of made firms."""

import itertools

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.checks.rosenbaum import pair_differences
from evalkit.stats.observed import Observed
from evalkit.stats.rosenbaum import SignedRanks, shifts

EXPOSED = "38 23 41 18 37 36 23 62 31 34 24 14 21 17 16 20 15 10 45 39 22 35 49 48 44 35 43 39 34 13 73 25 27"
CONTROL = "16 18 18 24 19 11 10 15 16 18 18 13 19 10 16 16 24 13 9 14 21 19 7 18 19 12 11 22 25 16 13 11 13"
LEAD = np.array(EXPOSED.split(), float) - np.array(CONTROL.split(), float)
"""Lead in the blood of children whose father works with lead and of neighbours: Rosenbaum (2002), table 3.1."""
PUBLISHED = {1: 0.0001, 2: 0.0018, 3: 0.0136, 4: 0.0388, 4.25: 0.0468, 5: 0.0740}
"""Greatest p-values, the same book, table 4.1 (the first printed as below 0.0001)."""
PUBLISHED_SHIFTS = {1: (15.0, 15.0), 2: (10.25, 19.5), 3: (8.0, 23.0), 4: (6.5, 25.0), 5: (5.0, 26.5)}
"""The same book, table 4.2: Hodges-Lehmann estimates."""
PRINTED = 5.1e-5
TIES = 0.25 + 1e-9
"""The book takes the middle of the values at which the rank sum jumps; differences are whole numbers."""


@pytest.mark.parametrize("gamma", PUBLISHED)
def test_published_p_values(gamma: float) -> None:
    _, greatest = SignedRanks.of(LEAD).p_values(gamma)
    if gamma == 1:
        assert greatest < PUBLISHED[1]
    else:
        assert greatest == pytest.approx(PUBLISHED[gamma], abs=PRINTED)


@pytest.mark.parametrize("gamma", PUBLISHED_SHIFTS)
def test_published_shifts(gamma: float) -> None:
    assert shifts(LEAD, gamma) == pytest.approx(PUBLISHED_SHIFTS[gamma], abs=TIES)


def test_the_breakdown_is_where_the_greatest_p_value_is_alpha() -> None:
    ranks = SignedRanks.of(LEAD)
    for alpha in (0.01, 0.05, 0.2):
        assert ranks.p_values(ranks.breakdown(alpha))[1] == pytest.approx(alpha, rel=1e-9)
    assert SignedRanks.of(-LEAD).breakdown(0.05) < 1


@pytest.mark.parametrize("gamma", [1.0, 1.7, 3.0])
def test_mean_and_variance_are_those_over_all_signs(gamma: float) -> None:
    """Under the worst bias each sign is positive with chance gamma / (1 + gamma), whatever the others are."""
    d = np.array([1.0, -2.0, 2.0, 3.5, -0.5, 6.0, 0.0])
    size = pd.Series(np.abs(d)).rank().to_numpy()[d != 0]
    chance = gamma / (1 + gamma)
    sums, weights = [], []
    for signs in itertools.product([0, 1], repeat=len(size)):
        sums.append(size @ signs)
        weights.append(np.prod([chance if s else 1 - chance for s in signs]))
    mean = np.average(sums, weights=weights)
    spread = np.sqrt(np.average((np.array(sums) - mean) ** 2, weights=weights))
    ranks = SignedRanks.of(d)
    assert ranks.z(chance) == pytest.approx((ranks.positive - mean) / spread, rel=1e-12)


def test_differences_are_changes_of_pairs() -> None:
    y = np.array([[1.0, 2, 5, 7], [0, 1, 2, 3], [4, 4, 4, 9], [1, 1, np.nan, 1], [2, np.nan, 3, 4], [0, 0, 0, 0]])
    cohort = np.array([2013, 0, 2014, 0, 2013, 0], np.int32)
    firms = Observed(y, np.ones(6), cohort, (2011, 2012, 2013, 2014), 0)
    found = pair_differences(firms, np.array([0, 2, 4]), np.array([1, 3, 5]))
    gap = y[0] - y[1]
    assert found.tolist() == [gap[2:].mean() - gap[1]]
    later = pair_differences(firms, np.array([2]), np.array([5]))
    assert later.tolist() == [5.0]


def frame(effect: float, n: int = 240, noise: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    g = np.where(np.arange(n) % 4 == 0, 2013, 0)
    years = np.arange(2011, 2016)
    y = rng.normal(0, 1, (n, 1)) + noise * rng.normal(0, 1, (n, 5))
    y += effect * ((g[:, None] > 0) & (years >= 2013))
    columns = {"firm": np.repeat([f"F{i:04d}" for i in range(n)], 5), "year": np.tile(years, n), "y": y.ravel()}
    return pd.DataFrame(columns | {"g": np.repeat(g, 5), "size": np.repeat(rng.normal(0, 1, n), 5)})


def check(table: pd.DataFrame, matching: str = "nearest", **options: object) -> ek.CheckResult:
    panel = ek.Panel.from_frame(table, firm="firm", year="year", cohort="g", outcomes=["y"], covariates=["size"])
    return ek.check(ek.match(panel, matching, **options), (), "rosenbaum")


@pytest.mark.parametrize(
    ("effect", "kind", "verdict"),
    [(3.0, "strong", "pass"), (-3.0, "strong", "pass"), (1.0, "weak", "warn"), (0.0, "null", "info")],
)
def test_rule_table(effect: float, kind: str, verdict: str) -> None:
    result = check(frame(effect))
    assert (result.values["case"], result.verdict) == (kind, verdict)
    if effect:
        first = result.rows[0]
        assert first["shift_low"] <= first["shift_high"]
        assert abs(first["shift_low"] - effect) < 0.5


def test_without_pairs_there_is_no_answer() -> None:
    assert check(frame(1.0), "none").values["case"] == "no_pairs"
    assert check(frame(1.0), replace=True).values["case"] == "no_pairs"
    assert check(frame(1.0, n=36)).values["case"] == "few_pairs"


@pytest.mark.slow
def test_size_is_that_of_the_test() -> None:
    """Without effect and bias it finds something to explain away in about 5 % of samples."""
    rng = np.random.default_rng(9)
    draws = rng.normal(size=(2000, 80))
    found = [max(SignedRanks.of(d).breakdown(0.025), SignedRanks.of(-d).breakdown(0.025)) >= 1 for d in draws]
    assert 0.035 <= np.mean(found) <= 0.065
