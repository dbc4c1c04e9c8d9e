"""Does every check that tests reject a true null as often as it says, and a false one more often the more it is false?

What stands elsewhere is not repeated: Rosenbaum's size at gamma 1 (tests/unit/checks/test_rosenbaum.py), the
conditional test of honest bounds (tests/unit/stats/test_conditional_test.py), the randomisation test where supported
firms vary more (tests/unit/checks/test_randomisation.py). Balance, composition, co-treatment, contamination, overlap
and influence judge sizes and test nothing; the E-value is no test.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import norm

import evalkit as ek
import twins
from evalkit.model.panel import Panel
from evalkit.model.study import Outcome
from evalkit.stats.graph_tests import partial_association
from evalkit.stats.rosenbaum import SignedRanks
from evalkit.stats.specifications import Specification, curve
from evalkit.stats.trend_bounds import EventPath, relative_magnitudes, smoothness

pytestmark = pytest.mark.slow

ALPHA = 0.05
MANY, BATCH = 2_000, 10
"""Replications where one costs milliseconds at most, or where a panel holds a batch of them as outcomes."""
SOME = 600
"""Replications where each estimates again, or takes 499 draws and more: a minute a check."""
FEW = 200
"""Replications under an alternative, and of intervals that are found by a search: only the order of shares counts."""
YEARS = np.arange(2011, 2018)
EVENT = 2014


def band(n: int) -> tuple[float, float]:
    """Shares of n replications within three standard errors of 5 %; 3.5 to 6.5 % with 2,000."""
    reach = 3 * np.sqrt(ALPHA * (1 - ALPHA) / n)
    return ALPHA - reach, ALPHA + reach


def cohorts(n: int, n_treated: int) -> np.ndarray:
    """First awards of two cohorts, and of as many other firms as remain."""
    return np.where(np.arange(n) < n_treated, EVENT + np.arange(n) % 2, 0)


def noise(seed: int, n_outcomes: int, n: int) -> np.ndarray:
    """Outcomes (n_outcomes, n, T): firm effects, and shocks of which a half is left a year later."""
    rng = np.random.default_rng(seed)
    y = rng.standard_normal((n_outcomes, n, len(YEARS)))
    for t in range(1, len(YEARS)):
        y[..., t] += 0.5 * y[..., t - 1]
    return y + 2 * rng.standard_normal((n_outcomes, n, 1)) + np.sin(YEARS)


def sample(y: np.ndarray, g: np.ndarray, columns: dict | None = None, **roles: object) -> ek.MatchedSample:
    """Firms with outcomes y (n_outcomes, n, T), NaN where missing, all compared."""
    table = {"firm_id": [f"F{i:04d}" for i in range(len(g))], "cohort": pa.array(g.astype(np.int32), mask=g == 0)}
    for r, values in enumerate(y):
        table |= {
            f"y{r}@{year}": pa.array(v, mask=np.isnan(v)) for year, v in zip(YEARS.tolist(), values.T, strict=True)
        }
    outcomes = tuple(Outcome(name=f"y{r}") for r in range(len(y)))
    return twins.sample(Panel(pa.table({**table, **(columns or {})}), tuple(YEARS.tolist()), outcomes, **roles))


def pretrends(drift: float, n: int) -> np.ndarray:
    """Supported firms grow faster by `drift` a year, before the award too."""
    g, found = cohorts(300, 100), []
    for k in range(n // BATCH):
        y = noise(k, BATCH, len(g)) + drift * (g > 0)[:, None] * (YEARS - EVENT)
        of = sample(y, g)
        found += [row["p_value"] for row in ek.check(of, ek.estimate(of), "pretrends").rows]
    return np.array(found)


def anticipation(move: float, n: int) -> np.ndarray:
    """Supported firms change by `move` in the year before their award."""
    g, found = cohorts(400, 160), []
    for k in range(n):
        y = noise(k, 1, len(g)) + move * ((g[:, None] > 0) & (g[:, None] - 1 == YEARS))
        found.append(ek.check(sample(y, g), (), "anticipation").statistic)
    return np.array(found)


def attrition(gap: float, n: int) -> np.ndarray:
    """Of the firms 15 % go missing in each year from 2014 on, of supported ones `gap` less."""
    g, found = cohorts(400, 160), []
    for k in range(n):
        y, rng = noise(k, 1, len(g)), np.random.default_rng([k, 1])
        leaves = (rng.random(y.shape[1:]) < 0.15 - gap * (g > 0)[:, None]) & (YEARS >= EVENT)
        y[:, np.maximum.accumulate(leaves, axis=1)] = np.nan
        found.append(ek.check(sample(y, g), (), "attrition").values["p_value"])
    return np.array(found)


def comparison_groups(spoilt: float, n: int) -> np.ndarray:
    """Of three groups without an award, one gains `spoilt` from 2014 on."""
    g, found = cohorts(240, 60), []
    group = np.where(g > 0, None, np.array(["a", "b", "c"], dtype=object)[np.arange(240) % 3])
    for k in range(n):
        y = noise(k, 1, len(g)) + spoilt * (group == "c")[:, None] * (YEARS >= EVENT)
        of = sample(y, g, {"who": pa.array(group, pa.string())}, pool="who")
        found.append(ek.check(of, ek.estimate(of), "comparison_groups").statistic)
    return np.array(found)


def randomisation(effect: float, n: int) -> np.ndarray:
    """Ten of 60 firms are supported; p-values of 499 draws are multiples of 1/500."""
    g, found = cohorts(60, 10), []
    for k in range(n):
        y = noise(k, 1, len(g)) + effect * ((g[:, None] > 0) & (g[:, None] <= YEARS))
        of = sample(y, g)
        found.append(ek.check(of, ek.estimate(of), "randomisation", draws=499, seed=k).statistic)
    return np.array(found)


def wild_bootstrap(effect: float, n: int) -> np.ndarray:
    """Ten areas with shocks of their own, all firms of five of them supported from 2014 on."""
    area = np.arange(60) % 10
    g, found = np.where(area < 5, EVENT, 0), []
    columns = {"area": pa.array([f"A{a}" for a in area])}
    for k in range(n):
        shared = np.random.default_rng([k, 1]).standard_normal((10, len(YEARS)))
        y = noise(k, 1, len(g)) + shared[area] + effect * ((g[:, None] > 0) & (g[:, None] <= YEARS))
        of = sample(y, g, columns, clusters=("area",))
        found.append(ek.check(of, ek.estimate(of, "twfe"), "wild_bootstrap").statistic)
    return np.array(found)


def causal_graph(association: float, n: int) -> np.ndarray:
    """Two characteristics that share two causes, and `association` beside."""
    rng, found = np.random.default_rng(1), []
    for _ in range(n):
        given = rng.standard_normal((200, 2))
        first = given @ [1.0, 0.5] + rng.standard_normal(200)
        second = given @ [0.3, -1.0] + association * first + rng.standard_normal(200)
        found.append(partial_association(first[:, None], second[:, None], given))
    return np.array(found)


def rosenbaum(effect: float, n: int) -> np.ndarray:
    """Twice the smaller of both one-sided p-values of 80 pairs without hidden bias."""
    d = np.random.default_rng(2).standard_normal((n, 80)) + effect
    return np.array([min(1.0, 2 * min(SignedRanks.of(s * row).p_values(1.0)[1] for s in (1, -1))) for row in d])


def specification_curve(effect: float, n: int) -> np.ndarray:
    """Twenty specifications of one effect that have nothing in common but it: the case for which the test is exact."""
    z = np.random.default_rng(3).standard_normal((n, 20)) + effect
    return np.array([joint(2 * norm.sf(np.abs(row))) for row in z])


def joint(p_values: np.ndarray) -> float:
    return curve([Specification({}, 0.0, 0.0, 0.0, float(p)) for p in p_values]).p_value


TESTS: dict[str, tuple[Callable[[float, int], np.ndarray], int, tuple[float, float]]] = {
    "pretrends": (pretrends, MANY, (0.1, 0.2)),
    "anticipation": (anticipation, MANY, (0.25, 0.5)),
    "attrition": (attrition, MANY, (0.04, 0.08)),
    "comparison_groups": (comparison_groups, SOME, (0.4, 0.8)),
    "randomisation": (randomisation, SOME, (0.8, 1.6)),
    "wild_bootstrap": (wild_bootstrap, SOME, (1.0, 2.0)),
    "causal_graph": (causal_graph, MANY, (0.1, 0.2)),
    "rosenbaum": (rosenbaum, MANY, (0.2, 0.4)),
    "specification_curve": (specification_curve, MANY, (1.0, 2.0)),
}
"""p-values under a violation, how many under the null, and two violations."""


Tell = Callable[[str, float], None]


@pytest.mark.parametrize("name", TESTS)
def test_size_and_power(name: str, tell: Tell) -> None:
    p_values, n, violations = TESTS[name]
    shares = {}
    for violation, times in zip((0.0, *violations), (n, FEW, FEW), strict=True):
        shares[violation] = np.mean(p_values(violation, times) <= ALPHA)
        tell(f"power at {violation:g}" if violation else "size", shares[violation])
    (low, high), (size, small, large) = band(n), shares.values()
    assert low <= size <= high
    assert high < small < large


def test_the_joint_test_of_specifications_is_cautious_when_they_are_alike(tell: Tell) -> None:
    """Specifications share firms and years; whatever they share, a true null is rejected in at most 5 %."""
    rng = np.random.default_rng(4)
    shares = []
    for rho in (0.5, 0.9, 1.0):
        z = np.sqrt(rho) * rng.standard_normal((MANY, 1)) + np.sqrt(1 - rho) * rng.standard_normal((MANY, 20))
        shares.append(np.mean([joint(2 * norm.sf(np.abs(row))) <= ALPHA for row in z]))
        tell(f"size at correlation {rho:g}", shares[-1])
    assert max(shares) <= band(MANY)[1]
    assert shares[2] <= ALPHA / 20 + 3 * np.sqrt(ALPHA / 20 / MANY)


def test_the_drift_told_is_missed_as_often_as_told(tell: Tell) -> None:
    """The drift that `pretrend_power` names in the middle of 20 studies, put into 500 others."""
    g = cohorts(300, 100)
    told: dict[float, list[float]] = {}
    for k in range(20):
        of = sample(noise(10**6 + k, 1, len(g)), g)
        for row in ek.check(of, ek.estimate(of), "pretrend_power").rows:
            told.setdefault(row["power"], []).append(row["slope"])
    for wanted, slopes in told.items():
        found = np.mean(pretrends(float(np.median(slopes)), 500) <= ALPHA)
        tell(f"power where {wanted:g} is told", found)
        assert found == pytest.approx(wanted, abs=3 * np.sqrt(wanted * (1 - wanted) / 500) + ESTIMATED)


ESTIMATED = 0.02
"""The covariance of a study of 300 firms is itself estimated."""
VCOV = 0.02**2 * (0.5 * np.eye(5) + 0.5)
DRIFT = np.array([-0.02, -0.01, 0.01, 0.02, 0.03])
"""A straight line through the year before the award, which both restrictions allow."""


@pytest.mark.parametrize(("bounds", "limit"), [(smoothness, 0.0), (relative_magnitudes, 1.0)])
def test_honest_intervals_hold_the_effect(bounds: Callable, limit: float, tell: Tell) -> None:
    """The groups drift apart as the restriction just allows: the effect, which is 0, is missed in 5 % at most."""
    path = EventPath(DRIFT[:2], DRIFT[2:], VCOV, np.array([1.0, 0.0, 0.0]))
    draws = DRIFT + np.random.default_rng(6).standard_normal((FEW, 5)) @ np.linalg.cholesky(VCOV).T
    missed = {0.0: 0, 0.08: 0, 0.16: 0}
    for draw in draws:
        for effect in missed:
            low, high = bounds(dataclasses.replace(path, pre=draw[:2], post=draw[2:] + effect), limit)
            missed[effect] += not low <= 0 <= high
    shares = [n / FEW for n in missed.values()]
    for effect, share in zip(missed, shares, strict=True):
        tell(f"power at {effect:g}" if effect else "size", share)
    assert shares[0] <= band(FEW)[1]
    assert shares[0] < shares[1] < shares[2]
