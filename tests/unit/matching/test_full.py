import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import firms
from evalkit.matching import full
from evalkit.stats.covariates import read_covariates
from evalkit.stats.distances import places

ROUNDING = 1e-9
"""Relative; sums of a few hundred distances."""


def few(n: int = 240) -> ek.Panel:
    return firms.panel(firms.frame(n))


def sets(sample: ek.MatchedSample) -> pd.DataFrame:
    """One row per matched set: treated firms and controls in it."""
    kept = pd.DataFrame({"set": sample.subclass, "treated": sample.panel.cohort > 0})[sample.weight > 0]
    return kept.groupby("set")["treated"].agg(treated="sum", control=lambda t: (~t).sum())


def within(sample: ek.MatchedSample, place: np.ndarray) -> np.ndarray:
    """Distance of every treated firm to every control of its set; one of the two is alone in its group."""
    treated = np.flatnonzero((sample.panel.cohort > 0) & (sample.weight > 0))
    control = np.flatnonzero((sample.panel.cohort == 0) & (sample.weight > 0))
    same = np.argwhere(sample.subclass[treated][:, None] == sample.subclass[control])
    return np.linalg.norm(place[treated[same[:, 0]]] - place[control[same[:, 1]]], axis=1)


def test_all_firms_are_in_sets_with_one_firm_in_the_middle() -> None:
    sample = ek.match(few(), "full")
    assert (sample.weight > 0).all()
    assert sample.estimand == "att"
    found = sets(sample)
    assert (found.min(axis=1) == 1).all()
    assert found["treated"].max() > 1
    assert found["control"].max() > 1
    own = found.loc[sample.subclass]
    wanted = np.where(sample.panel.cohort > 0, 1.0, own["treated"] / own["control"])
    np.testing.assert_allclose(sample.weight, wanted, rtol=1e-15)


def test_total_distance_is_below_that_of_optimal_pairs_and_their_left_over_controls() -> None:
    """Pairs with each left-over control added to its nearest treated firm are a full matching too, but not the best."""
    names = ("size", "growth", "debt")
    panel = few()
    place, _ = places(read_covariates(panel, names), panel.cohort > 0, "mahalanobis")
    sample = ek.match(panel, "full", distance="mahalanobis", covariates=names)
    pairs = ek.match(panel, "optimal", distance="mahalanobis", covariates=names)
    left = np.flatnonzero(pairs.weight == 0)
    apart = np.linalg.norm(place[left][:, None] - place[panel.cohort > 0], axis=2).min(axis=1)
    assert within(sample, place).sum() < 0.999 * (sum(pairs.pairs["distance"].to_pylist()) + apart.sum())


def test_limits_hold_and_cost_distance() -> None:
    panel = few()
    free = ek.match(panel, "full")
    total = within(free, free.distance[:, None]).sum()
    for fewest, most in ((0.5, 8), (1.0, 20), (None, 7), (2.0, None)):
        sample = ek.match(panel, "full", min_controls=fewest, max_controls=most)
        found = sets(sample)
        assert (found["control"] / found["treated"]).min() >= (fewest or 0)
        assert found["control"].max() <= (most or np.inf)
        assert (sample.weight > 0).all()
        assert within(sample, sample.distance[:, None]).sum() >= total * (1 - ROUNDING)


def test_controls_without_a_place_are_dropped() -> None:
    panel = few()
    sample = ek.match(panel, "full", max_controls=1)
    n_treated = int((panel.cohort > 0).sum())
    assert (sample.n_treated, sample.n_control, sample.estimand) == (n_treated, n_treated, "att")
    assert set(sample.reason[sample.weight == 0]) == {"not_matched"}
    pairs = ek.match(panel, "optimal").pairs["distance"].to_pylist()
    assert within(sample, sample.distance[:, None]).sum() == pytest.approx(sum(pairs), rel=ROUNDING)


def test_treated_firms_without_a_place_are_dropped() -> None:
    table = firms.frame(90)
    table["g"] = np.where(table.index % 3 > 0, 2013, 0)
    sample = ek.match(firms.panel(table, ("size",)), "full", min_controls=1.0)
    assert (sample.n_treated, sample.n_control, sample.estimand) == (30, 30, "att_matched")
    assert set(sample.reason[sample.weight == 0]) == {"no_control_left"}
    third = ek.match(firms.panel(table, ("size",)), "full", min_controls=1 / 3)
    assert third.n_treated == 60
    assert sets(third)["treated"].max() == 3


def test_calipers_hold_within_every_set() -> None:
    table = firms.frame()
    options = {"calipers": {"size": 0.05}, "exact": ("debt",), "covariates": ("size", "growth")}
    sample = ek.match(firms.panel(table), "full", **options)
    size, debt = table[["size"]].to_numpy(), table[["debt"]].to_numpy()
    assert within(sample, size).max() <= 0.05
    assert within(sample, debt).max() == 0
    treated = sample.panel.cohort > 0
    apart = (np.abs(size - size[treated].T) > 0.05) | (debt != debt[treated].T)
    alone = ~treated & apart.all(axis=1)
    assert alone.any()
    np.testing.assert_array_equal(sample.reason == "not_matched", alone)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"min_controls": 0.0}, "E_OPTION"),
        ({"min_controls": 1.5}, "E_OPTION"),
        ({"max_controls": 0}, "E_OPTION"),
        ({"min_controls": 3.0, "max_controls": 2}, "E_OPTION"),
        ({"caliper": -1.0}, "E_OPTION"),
        ({"min_controls": 50.0}, "E_TOO_FEW_CONTROLS"),
        ({"calipers": {"size": 1e-9}}, "E_NO_OVERLAP"),
        ({"covariates": ("y",)}, "E_ROLE"),
        ({"covariates": ("sise",)}, "E_UNKNOWN_NAME"),
    ],
)
def test_impossible_matches_are_refused(options: dict, code: str) -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(few(), "full", **options)
    assert caught.value.code == code


@pytest.mark.parametrize(("limit", "options"), [("MOST_PAIRS", {}), ("MOST_LIMITED", {"max_controls": 30})])
def test_cells_that_are_too_large_are_refused(monkeypatch: pytest.MonkeyPatch, limit: str, options: dict) -> None:
    panel = few()
    n_treated = int((panel.cohort > 0).sum())
    monkeypatch.setattr(full, limit, n_treated * (240 - n_treated))
    assert ek.match(panel, "full", **options).n_treated == n_treated
    monkeypatch.setattr(full, limit, n_treated * (240 - n_treated) - 1)
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(panel, "full", **options)
    assert (caught.value.code, caught.value.exit_code) == ("E_TOO_LARGE", 4)
    assert "nearest" in caught.value.hint
