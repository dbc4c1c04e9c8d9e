"""E-values: published answers and the rule table."""

import dataclasses
import math

import numpy as np
import pytest

import evalkit as ek
import twins
from evalkit.model.study import Outcome
from evalkit.stats.e_value import e_value, e_values

PRINTED = 0.005
"""The paper prints two decimals."""


@pytest.mark.parametrize(
    ("ratio", "low", "high", "published", "published_limit"),
    [
        (3.9, 1.8, 8.7, 7.26, 3.0),  # maternal feeding and respiratory deaths, the paper's main example
        (0.80, 0.71, 0.91, 1.81, 1.43),  # its example of a ratio below 1
    ],
)
def test_published_answers(ratio: float, low: float, high: float, published: float, published_limit: float) -> None:
    found = e_values(*(math.log(x) for x in (ratio, low, high)))
    assert found == pytest.approx((published, published_limit), abs=PRINTED)


@pytest.mark.parametrize("ratio", [1.0, 1.3, 2.0, 5.0])
def test_it_is_where_the_bounding_factor_reaches_the_ratio(ratio: float) -> None:
    """Ding and VanderWeele (2016): two risk ratios a and b explain away at most a b / (a + b - 1)."""
    e = e_value(ratio)
    assert e * e / (2 * e - 1) == pytest.approx(ratio, rel=1e-12)
    assert e_value(1 / ratio) == pytest.approx(e, rel=1e-12)


def test_an_interval_with_zero_needs_nothing() -> None:
    assert e_values(0.1, -0.1, 0.3)[1] == 1.0
    assert e_values(-0.5, -0.7, -0.3)[1] == pytest.approx(e_value(math.exp(0.3)))


def check(effect: float, transform: str = "log", n: int = 400) -> ek.CheckResult:
    table = twins.frame(n=n, effect=effect, noise=0.2)
    values = np.exp(table["y"]) if transform == "log" else table["y"]
    panel = twins.panel(table.assign(y=values))
    sample = twins.sample(dataclasses.replace(panel, outcomes=(Outcome(name="y", transform=transform),)))
    return ek.check(sample, ek.estimate(sample, "group_time"), "e_value")


@pytest.mark.parametrize(
    ("effect", "kind", "verdict"), [(0.8, "strong", "pass"), (0.1, "weak", "warn"), (0.0, "null", "info")]
)
def test_rule_table(effect: float, kind: str, verdict: str) -> None:
    result = check(effect)
    assert (result.values["case"], result.verdict) == (kind, verdict)


def test_a_level_is_standardised() -> None:
    table = twins.frame(n=400, effect=1.5, noise=0.2)
    sample = twins.sample(twins.panel(table))
    overall = ek.aggregate(ek.estimate(sample, "group_time")).table.iloc[0]
    last = table[table["year"] == table["year"].max()]
    spread = np.sqrt(last.groupby(last["g"] > 0)["y"].transform(lambda y: (y - y.mean()) ** 2).mean())
    row = ek.check(sample, ek.estimate(sample, "group_time"), "e_value").rows[0]
    assert row["e_value"] == pytest.approx(e_value(math.exp(0.91 * overall["estimate"] / spread)), rel=1e-10)


def test_points_are_no_ratio() -> None:
    table = twins.frame(n=60)
    panel = twins.panel(table.assign(y=(table["y"] > 0).astype(float)))
    sample = twins.sample(dataclasses.replace(panel, outcomes=(Outcome(name="y", transform="binary"),)))
    assert ek.check(sample, ek.estimate(sample, "group_time"), "e_value").values["case"] == "no_ratio"
