"""A rehearsal recovers what it planted, names what does not work, and reads no outcome after the award."""

import dataclasses
from functools import partial

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import norm

import rehearsals
from evalkit import methods, run
from evalkit.errors import StudyError
from evalkit.model.study import MethodSpec
from evalkit.simulate.rehearsal import GROWING, Cast, Stages
from evalkit.simulate.stand_ins import StandIns, suppose
from evalkit.simulate.truths import OTHER_EFFECT, overall_truth
from evalkit.stats.aggregate import aggregate

NOISELESS = {"mean": 5.0, "growth": 0.02, "sd_firms": 1.0, "sd_shocks": 1e-9, "autocorrelation": 0.0, "missing": 0.0}
EXACT = 1e-7
"""What shocks of 1e-9 and moments rounded to 2^-37 of the range leave."""
BIASED = ("twfe",)
"""Wrong for effects that grow, by construction."""
NEEDS_MORE = ("dose",)
"""Needs amounts, which these firms do not have."""
ESTIMATORS = [n for n in methods.names("estimation") if n not in (*OTHER_EFFECT, *BIASED, *NEEDS_MORE)]


def failures(found) -> set[tuple[str, str, str]]:
    return {(f.key, f.estimate, f.arm) for f in found.failures}


def stand_ins(firms, asked) -> StandIns:
    return StandIns(firms, suppose(firms, asked.rehearsal, np.ones(firms.n_firms, bool)), asked.seed)


@pytest.mark.slow
def test_a_sound_study_recovers_both_and_its_smallest_effect_is_that_of_the_formula() -> None:
    """Against the closed form: one cohort of 80 firms, one year after, 80 others; changes over one year."""
    firms, n = rehearsals.panel(cohorts=(2021,)), 200
    found = rehearsals.rehearsed(rehearsals.study(replications=n), firms)
    assert found.is_recovered, found.failures
    error = 0.1 * np.sqrt(2 * (1 - 0.5)) * np.sqrt(2 / 80)
    expected = (norm.ppf(0.975) + norm.ppf(0.8)) * error
    assert found.detectable == pytest.approx(expected, rel=3.5 / np.sqrt(2 * n))
    by_arm = {row.arm: row for row in found.rows}
    assert by_arm["null"].effect == 0
    assert by_arm["detectable"].effect == pytest.approx(found.detectable)
    assert by_arm["planted"].effect == pytest.approx(1.5 * found.detectable)
    assert by_arm["planted"].found > by_arm["detectable"].found > by_arm["null"].found


@pytest.mark.slow
def test_twfe_is_caught_where_effects_grow_and_group_time_is_not() -> None:
    firms = rehearsals.panel(n=300, share=0.9, cohorts=(2016, 2018, 2020))
    found = rehearsals.rehearsed(rehearsals.study("group_time", "twfe"), firms)
    assert ("bias", "twfe", "planted") in failures(found)
    assert not [f for f in found.failures if f.estimate == "group_time"]
    assert not [f for f in found.failures if f.arm == "null"]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_without_noise_estimates_are_the_truth(name: str) -> None:
    """The truth of every shape of rows against the estimator itself, which has hardly any noise to miss it by."""
    firms, asked = rehearsals.panel(), rehearsals.study(outcome=NOISELESS)
    path = {"y": np.array([0.1, 0.2, 0.4])}
    sample = run.match_study(asked, stand_ins(firms, asked).made(1, 0, path))
    options = {"after": 3} if name == "difference" else {}
    effects = run.estimate_study(MethodSpec(method=name, **options), sample)
    overall = aggregate(effects, "overall").table["estimate"].to_numpy()
    truth = overall_truth(effects, sample, path)
    assert 0.1 < truth[0] < 0.4
    assert overall == pytest.approx(truth, abs=EXACT)


def test_the_truth_of_one_number_for_all_is_the_mean_over_supported_firm_years() -> None:
    firms, asked = rehearsals.panel(), rehearsals.study(outcome=NOISELESS)
    sample = run.match_study(asked, stand_ins(firms, asked).made(1, 0, {}))
    effects = run.estimate_study(MethodSpec(method="twfe"), sample)
    path = np.array(GROWING)
    own = [path[min(year - g, 3)] for g in (2016, 2018) for year in range(g, 2022)]
    assert overall_truth(effects, sample, {"y": path}) == pytest.approx([np.mean(own)], rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "outcome"), [
    ("level", {**rehearsals.NOISE, "mean": 1e9, "sd_firms": 1e8, "sd_shocks": 1e7, "growth": 1e6}),
    ("growth", {"mean": 0.02, "growth": 0.0, "sd_firms": 0.01, "sd_shocks": 0.1, "autocorrelation": 0.2,
                "missing": 0.02}),
    ("asinh", rehearsals.NOISE), ("share", {**rehearsals.NOISE, "mean": 0.5, "sd_firms": 0.1, "sd_shocks": 0.02}),
    ("binary", {"mean": 0.6, "sd_firms": 1.0, "sd_shocks": 1.0, "autocorrelation": 0.5, "missing": 0.05}),
])  # fmt: skip
def test_every_scale_is_rehearsed(scale: str, outcome: dict[str, float]) -> None:
    firms = rehearsals.panel(n=400, scale=scale if scale != "binary" else "level")
    own = dataclasses.replace(firms, outcomes=(firms.outcomes[0].model_copy(update={"transform": scale}),))
    found = rehearsals.rehearsed(rehearsals.study(outcome=outcome, scale=scale), own)
    assert found.is_recovered, found.failures
    assert found.detectable > 0


def test_outcomes_after_the_award_are_not_read() -> None:
    """Poison that no arithmetic survives, in every outcome from the first award on: the same firms to the bit."""
    firms, asked = rehearsals.panel(), rehearsals.study(outcome={})
    columns = {name: firms.source[name] for name in firms.source.column_names}
    for year in range(2016, 2022):
        columns[f"y@{year}"] = pa.array([1e300, np.inf, -1e300, 0.0] * (firms.n_firms // 4))
    poisoned = dataclasses.replace(firms, source=pa.table(columns))
    laws = [suppose(p, asked.rehearsal, np.ones(p.n_firms, bool)) for p in (firms, poisoned)]
    assert laws[0] == laws[1]
    assert laws[0]["y"].source["mean"] == "seen"
    one, other = (stand_ins(p, asked).made(0, 0, {}).source for p in (firms, poisoned))
    assert one.equals(other)
    made = stand_ins(poisoned, asked).made(0, 0, {})
    assert np.isfinite(made.to_frame()[[f"y@{year}" for year in rehearsals.YEARS]].to_numpy()).all()


def test_firms_with_an_award_before_all_others_do_not_tell_the_law() -> None:
    """Firms awarded in the first period are treated in all years: poison in theirs changes nothing."""
    firms, asked = rehearsals.panel(n=90, cohorts=(2014, 2017, 2018)), rehearsals.study(outcome={})
    early = firms.cohort == 2014
    columns = {name: firms.source[name] for name in firms.source.column_names}
    for year in (2014, 2015, 2016):
        values = np.where(early, 1e30, np.exp(2 + (np.arange(90) * 37 + year * 101) % 89 / 100))
        columns[f"y@{year}"] = pa.array(values)
    spoiled = dataclasses.replace(firms, source=pa.table(columns))
    (law,) = suppose(spoiled, asked.rehearsal, np.ones(90, bool)).values()
    assert law.noise.mean < 10
    assert set(law.source.values()) == {"seen"}


def test_what_is_declared_whole_is_not_looked_for() -> None:
    firms, asked = rehearsals.panel(), rehearsals.study()
    bare = dataclasses.replace(firms, source=firms.source.drop_columns([f"y@{year}" for year in rehearsals.YEARS]))
    (law,) = suppose(bare, asked.rehearsal, np.ones(firms.n_firms, bool)).values()
    assert set(law.source.values()) == {"declared"}


def test_replications_differ_and_firms_keep_their_numbers() -> None:
    firms, asked = rehearsals.panel(), rehearsals.study()
    cast = stand_ins(firms, asked)
    draws = ((0, 0), (0, 0), (0, 1), (1, 0))
    first, again, next_one, other_arm = (cast.made(arm, draw, {}).source["y@2016"] for arm, draw in draws)
    assert first.equals(again)
    assert not first.equals(next_one)
    assert not first.equals(other_arm)
    some = np.arange(firms.n_firms) % 3 == 0
    few = dataclasses.replace(firms, source=firms.source.filter(pa.array(some)))
    part = dataclasses.replace(cast, panel=few).made(0, 0, {}).source["y@2016"]
    assert part.equals(first.filter(pa.array(some)))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_firms_without_a_weight_change_no_estimate(name: str) -> None:
    """Replications leave them out, the study itself does not."""
    firms, asked = rehearsals.panel(), rehearsals.study(name)
    sample = run.match_study(asked, stand_ins(firms, asked).made(0, 0, {}))
    sample = dataclasses.replace(sample, weight=np.where(np.arange(firms.n_firms) % 5 == 3, 0.0, sample.weight))
    stages = Stages(partial(run.match_study, asked), run.estimate_study, rehearsals.nothing)
    cast = Cast(stages, {name: asked.estimate[0]}, stand_ins(firms, asked), sample, 1)
    few, whole = (cast._sample("planted", 0, {"y": np.array(GROWING)}, is_whole=w) for w in (False, True))
    assert (few.panel.n_firms, whole.panel.n_firms) == (128, 160)
    found, expected = (run.estimate_study(asked.estimate[0], s).table for s in (few, whole))
    numbers = ["estimate", "std_error"]
    assert found[numbers].to_numpy() == pytest.approx(expected[numbers].to_numpy(), rel=1e-12, nan_ok=True)
    rest = ["outcome", "cohort", "year", "event_time", "n_treated", "n_control"]
    assert found[rest].equals(expected[rest])


@pytest.mark.slow
def test_too_few_firms_are_caught() -> None:
    found = rehearsals.rehearsed(rehearsals.study(), rehearsals.panel(n=80, share=0.1))
    assert ("few_firms", "", "") in failures(found)
    assert {f.value for f in found.failures if f.key == "few_firms"} == {"treated"}


def test_a_thin_comparison_is_caught() -> None:
    found = rehearsals.rehearsed(rehearsals.study(), rehearsals.panel(n=80, share=0.95))
    assert {f.value for f in found.failures if f.key == "few_firms"} == {"control"}


@pytest.mark.slow
def test_an_effect_that_the_study_declares_and_seldom_finds_is_caught() -> None:
    small = rehearsals.study(outcome={**rehearsals.NOISE, "effect": 0.01})
    found = rehearsals.rehearsed(small, rehearsals.panel())
    assert failures(found) == {("weak", "group_time", "planted")}
    large = rehearsals.study(outcome={**rehearsals.NOISE, "effect": (0.1, 0.2)})
    assert rehearsals.rehearsed(large, rehearsals.panel()).is_recovered


def test_an_estimate_that_is_refused_each_time_is_named() -> None:
    firms = rehearsals.panel(share=1.0, cohorts=(2016, 2018))
    found = rehearsals.rehearsed(rehearsals.study(), firms)
    assert ("refused", "group_time", "null") in failures(found)
    assert {f.value for f in found.failures if f.key == "refused"} == {"E_NO_CONTROL"}
    assert np.isnan(found.detectable)


@pytest.mark.slow
def test_estimators_of_something_else_are_left_out_and_told() -> None:
    asked = rehearsals.study("group_time", "ratio", scale="level", outcome={**rehearsals.NOISE, "mean": 100.0})
    assert rehearsals.rehearsed(asked, rehearsals.panel(scale="level")).skipped == ("ratio",)
    with pytest.raises(StudyError, match="E_REHEARSAL"):
        rehearsals.rehearsed(rehearsals.study("ratio"), rehearsals.panel())


def test_an_amount_whose_noise_nobody_knows_is_refused() -> None:
    firms = rehearsals.panel(scale="level", cohorts=(2015,))
    with pytest.raises(StudyError, match="E_SUPPOSE") as refused:
        rehearsals.rehearsed(rehearsals.study(outcome={}, scale="level"), firms)
    assert "sd_firms, sd_shocks" in refused.value.hint


@pytest.mark.slow
def test_no_room_for_an_effect_on_a_share_is_told() -> None:
    outcome = {"mean": 0.97, "missing": 0.0, "growth": 0.0}
    firms = rehearsals.panel(n=60, scale="level")
    own = dataclasses.replace(firms, outcomes=(firms.outcomes[0].model_copy(update={"transform": "binary"}),))
    found = rehearsals.rehearsed(rehearsals.study(outcome=outcome, scale="binary"), own)
    assert "no_room" in {f.key for f in found.failures}
