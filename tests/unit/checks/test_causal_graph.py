import numpy as np
import pandas as pd
import pytest
from scipy import stats

import evalkit as ek
import twins
from evalkit.errors import EvalkitError
from evalkit.stats.graph_tests import implications, partial_association

ARROWS = ("size -> award", "size -> outcome", "region -> size", "region -> award", "award -> outcome")


def sample(n: int = 2000, *, hidden: float = 0.0, seed: int = 0) -> ek.MatchedSample:
    """Firms in which region acts on size, and both on the award; `hidden` relates `other` and the award."""
    rng = np.random.default_rng(seed)
    region = rng.integers(0, 3, n)
    size = rng.normal(size=n) + 0.5 * region
    other = rng.normal(size=n)
    chance = 1 / (1 + np.exp(-(0.8 * size - 1 + 0.3 * region + hidden * other)))
    g = np.where(rng.random(n) < chance, 2013, 0)
    firms = pd.DataFrame({
        "firm": [f"F{i:05d}" for i in range(n)], "g": g, "size": size, "other": other,
        "region": [f"R{r}" for r in region],
    })  # fmt: skip
    long = firms.loc[firms.index.repeat(3)].assign(year=np.tile([2012, 2013, 2014], n), y=rng.normal(size=3 * n))
    return twins.sample(twins.panel(long, covariates=("size", "region", "other")))


def check(of: ek.MatchedSample, **options: object):
    return ek.check(of, (), "causal_graph", **options)


def test_what_the_graph_asks_for_passes() -> None:
    result = check(sample(), arrows=ARROWS, covariates=("size", "region"))
    assert (result.verdict, result.values["case"]) == ("pass", "pass")


def test_a_confounder_left_out_is_named() -> None:
    result = check(sample(), arrows=(*ARROWS, "region -> outcome"), covariates=("size",))
    assert (result.verdict, result.values["case"]) == ("warn", "not_enough")
    assert result.values["asked"] == "region, size"


def test_what_the_award_changes_must_not_be_held_fixed() -> None:
    result = check(
        sample(), arrows=(*ARROWS, "award -> other", "other -> outcome"), covariates=("size", "region", "other")
    )
    assert (result.verdict, result.values["bad"]) == ("fail", "other")


def test_a_common_cause_nobody_saw_leaves_the_effect_unidentified() -> None:
    arrows = (*ARROWS, "talent -> award", "talent -> outcome")
    result = check(sample(), arrows=arrows, unobserved=("talent",), covariates=("size", "region"))
    assert (result.verdict, result.values["case"]) == ("fail", "not_identified")


def test_a_graph_that_the_data_contradict_is_told() -> None:
    arrows = (*ARROWS, "other -> outcome")
    agrees, contradicts = (
        check(sample(hidden=h), arrows=arrows, covariates=("size", "region", "other")) for h in (0, 1)
    )
    assert (agrees.verdict, contradicts.verdict) == ("pass", "warn")
    assert [(r["node"], r["other"]) for r in contradicts.rows if r["rejected"]] == [("award", "other")]


def test_the_graph_of_the_roles_asks_for_all_covariates() -> None:
    result = check(sample())
    assert (result.verdict, result.values["asked"], result.values["n_tests"]) == ("pass", "other, region, size", 0)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"arrows": ("size > award",)}, "is no arrow"),
        ({"arrows": ("size -> award", "award -> size")}, "in a circle"),
        ({"arrows": ("sice -> award", "award -> outcome")}, "sice"),
    ],
)
def test_graphs_that_are_none_are_refused(options: dict, told: str) -> None:
    with pytest.raises(EvalkitError, match=told):
        check(sample(200), **options)


def test_partial_association_is_the_test_of_partial_correlation() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(size=(400, 2))
    x, y = z @ [1.0, 0.5] + rng.normal(size=400), z @ [0.3, -1] + rng.normal(size=400)
    residuals = [
        v - np.column_stack([np.ones(400), z]) @ np.linalg.lstsq(np.column_stack([np.ones(400), z]), v)[0]
        for v in (x, y)
    ]
    r = stats.pearsonr(*residuals).statistic
    t = r * np.sqrt((400 - 4) / (1 - r**2))
    exact = 2 * stats.t.sf(abs(t), 400 - 4)
    assert partial_association(x[:, None], y[:, None], z) == pytest.approx(exact, rel=0.01)


def test_size_of_the_test_between_categories() -> None:
    rng = np.random.default_rng(2)
    eye = np.eye(3)[:, 1:]
    p = [
        partial_association(eye[rng.integers(0, 3, 200)], eye[rng.integers(0, 3, 200)], rng.normal(size=(200, 1)))
        for _ in range(1000)
    ]
    assert 0.035 < np.mean(np.array(p) < 0.05) < 0.065


def test_implications_are_those_of_the_local_markov_condition() -> None:
    parents = {"a": [], "b": ["a"], "c": ["b"], "d": ["a", "c"]}
    assert implications(parents, ["a", "b", "c", "d"], ["a", "b", "c", "d"]) == [
        ("c", "a", ("b",)),
        ("d", "b", ("a", "c")),
    ]
    assert implications(parents, ["a", "b", "c", "d"], ["a", "c", "d"]) == []
