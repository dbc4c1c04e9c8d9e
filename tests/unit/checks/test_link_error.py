import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

import evalkit as ek
import twins
from evalkit.model.flow import Flow, FlowStep
from evalkit.stats.link_error import LinkQuality, attenuation, attenuation_bounds, effect_bounds, wilson

EXACT = 1e-12
EFFECT, REPETITIONS = 0.8, 30


def mislinked(precision: float, recall: float, seed: int, n: int = 1000) -> tuple[pd.DataFrame, float, float]:
    """Supported firms in 2013; awards of some find no firm, and as many links as make the precision are wrong."""
    rng = np.random.default_rng(seed)
    long = twins.frame(n, effect=0.0, seed=seed)
    firms = np.array(sorted(long["firm"].unique()))
    truth = rng.permutation(n) < n // 4
    linked = truth & (rng.random(n) < recall)
    n_wrong = round(linked.sum() * (1 / precision - 1))
    wrong = np.zeros(n, dtype=bool)
    wrong[rng.choice(np.flatnonzero(~truth), n_wrong, replace=False)] = True
    is_in = dict(zip(firms, truth, strict=True))
    recorded = dict(zip(firms, linked | wrong, strict=True))
    long["y"] += EFFECT * (long["firm"].map(is_in) & (long["year"] >= 2013))
    long["g"] = np.where(long["firm"].map(recorded), 2013, 0)
    return long, float(linked.sum() / (linked | wrong).sum()), float(linked.sum() / truth.sum())


@pytest.mark.parametrize(("precision", "recall"), [(0.9, 1.0), (1.0, 0.8), (0.85, 0.75)])
def test_simulated_links_show_the_share_of_the_formula(precision: float, recall: float) -> None:
    """The mean estimate over samples, over the effect; and the corrected effect is the planted one."""
    shown, told, corrected = [], [], []
    for seed in range(REPETITIONS):
        long, p, r = mislinked(precision, recall, seed)
        sample = twins.sample(twins.panel(long))
        effects = ek.estimate(sample, "group_time")
        result = ek.check(sample, effects, "link_error", precision=p, recall=r)
        shown.append(result.rows[0]["estimate"] / EFFECT)
        told.append(result.values["share_least"])
        corrected.append(result.rows[0]["low"])
    noise = 3 * np.std(shown) / np.sqrt(REPETITIONS)
    assert np.mean(shown) == pytest.approx(np.mean(told), abs=noise)
    assert np.mean(told) < 0.95
    assert np.mean(corrected) == pytest.approx(EFFECT, abs=noise * EFFECT / np.mean(told))


def test_formula_counts_firms() -> None:
    """100 recorded, 80 right; these are half of 160: 80 stand among 800 controls."""
    assert attenuation(0.8, 0.5, 100 / 800) == pytest.approx(0.8 - 80 / 800, abs=EXACT)
    assert attenuation(1.0, 1.0, 5.0) == 1.0


def test_bounds_are_the_extremes_of_a_grid() -> None:
    for odds in (0.1, 0.8, 3.0):
        quality = LinkQuality((0.7, 0.95), (0.6, 0.9))
        grid = [attenuation(p, r, odds) for p in np.linspace(0.7, 0.95, 21) for r in np.linspace(0.6, 0.9, 21)]
        assert attenuation_bounds(quality, odds) == pytest.approx((min(grid), max(grid)), abs=EXACT)


def test_effects_grow_and_keep_their_sign() -> None:
    assert effect_bounds(-0.2, -0.2, (0.5, 0.8)) == pytest.approx((-0.4, -0.25))
    assert effect_bounds(-0.1, 0.3, (0.5, 1.0)) == pytest.approx((-0.2, 0.6))
    assert effect_bounds(0.1, 0.2, (-0.1, 1.0)) is None


def test_wilson_intervals_hold_the_share() -> None:
    """Exact coverage, by adding up the binomial, and a published interval (10 of 10: from 0.7225)."""
    assert wilson(1.0, 10) == pytest.approx((0.7225, 1.0), abs=5e-5)
    k = np.arange(201)
    ends = np.array([wilson(i / 200, 200) for i in k])
    covered = binom.pmf(k, 200, 0.9)[(ends[:, 0] <= 0.9) & (ends[:, 1] >= 0.9)].sum()
    assert covered == pytest.approx(0.95, abs=0.015)


def check(*, flow: Flow | None = None, **options: object):
    panel = twins.panel(twins.frame(200))
    sample = twins.sample(dataclasses.replace(panel, flow=flow or panel.flow))
    return ek.check(sample, ek.estimate(sample, "group_time"), "link_error", **options)


def test_verdicts() -> None:
    cases = {"pass": {"precision": 0.99}, "warn": {"precision": 0.85}, "fail": {"precision": 0.6}}
    assert {check(**options).verdict for options in cases.values()} == set(cases)
    assert all(check(**options).verdict == verdict for verdict, options in cases.items())
    assert check(precision=0.3, recall=0.3).values["case"] == "nothing"


def test_a_small_labelled_sample_leaves_more_open() -> None:
    exact, large, small = (check(precision=0.9, n_labelled=n).statistic for n in (0, 10_000, 50))
    assert small < large < exact
    assert large == pytest.approx(exact, abs=0.01)


def test_the_rate_is_taken_from_the_flow() -> None:
    flow = Flow((FlowStep("link to firms", "awards", 200, 120, quarantined=80),))
    result = check(flow=flow)
    assert (result.verdict, result.values["share_linked"], result.values["share_recall"]) == ("fail", 0.6, 0.6)
    assert result.values["share_precision"] == 1


def test_nothing_known_is_said() -> None:
    result = check()
    assert (result.verdict, result.values["case"]) == ("info", "not_known")


@pytest.mark.parametrize("options", [{"precision": 0.0}, {"recall": 1.2}, {"n_labelled": -1}])
def test_impossible_options_are_refused(options: dict) -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        check(**options)
    assert caught.value.code == "E_OPTION"
