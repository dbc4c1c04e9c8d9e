"""Splits against effects written out, dealt clusters, and how often the check cries."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

import evalkit as ek
import twins
from evalkit.checks.aa_splits import INFO
from evalkit.engine.deals import deal
from evalkit.engine.splits import cluster_splits, firm_splits
from evalkit.stats.aa_splits import Calibration, first_in, pretended, two_sided, untreated
from evalkit.stats.randomisation import deals, studentised_draws

EXACT = 1e-8
SIZE_REPETITIONS, MOST_FALSE_ALARMS = 300, 6
"""Of 300 calibrated samples one is expected outside a band of three errors; seven would have a chance of 1e-5."""


def frame(n: int = 200, seed: int = 1, n_treated: int = 40, cohorts: int = 1) -> pd.DataFrame:
    long = twins.frame(n, periods=5, seed=seed)
    number = long["firm"].str[1:].astype(int)
    return long.assign(g=np.where(number < n_treated, 2013 + number % cohorts, 0))


def heavy(seed: int) -> pd.DataFrame:
    """Firms whose sizes differ by orders of magnitude, eight of them supported."""
    rng, long = np.random.default_rng(seed), frame(400, seed, n_treated=8)
    size = np.exp(3 * rng.normal(size=400))[long["firm"].str[1:].astype(int)]
    return long.assign(y=size * np.exp(0.5 * rng.normal(size=len(long))))


def towns(seed: int, n_towns: int = 30) -> pd.DataFrame:
    """Towns of very different sizes, with shocks that their firms share."""
    rng, long = np.random.default_rng(seed), frame(300, seed, n_treated=40)
    ends = rng.exponential(size=n_towns).cumsum()
    town = np.searchsorted(ends / ends[-1], long["firm"].str[1:].astype(int) / 300)
    shock = rng.normal(size=(n_towns + 1, 5))[town, long["year"] - 2011]
    return long.assign(y=long["y"] + shock, town="T" + pd.Series(town, long.index).astype(str))


def check(long: pd.DataFrame, correction: str = "auto", **roles: object) -> ek.CheckResult:
    panel = twins.panel(long, **roles)
    inference = panel.inference.model_copy(update={"correction": correction})
    return ek.check(twins.sample(dataclasses.replace(panel, inference=inference)), (), "aa_splits")


def test_with_one_cohort_a_split_is_welchs_test() -> None:
    sample = twins.sample(twins.panel(frame()))
    found = firm_splits(sample, sample.panel.outcomes[0], 20, 3)
    dealt = untreated(deal(sample, sample.panel.outcomes[0]))
    wide = frame().pivot_table(index="firm", columns="year", values="y").iloc[40:]
    change = (wide[[2013, 2014, 2015]].mean(axis=1) - wide[2012]).to_numpy()
    np.testing.assert_allclose(dealt.change[:, 0], change, rtol=1e-12)
    for p, (rows,) in zip(found.p_values, deals(dealt.cohort, dealt.stratum, 20, 3), strict=True):
        rest = np.delete(change, rows)
        assert p == pytest.approx(ttest_ind(change[rows], rest, equal_var=False).pvalue, rel=EXACT)


def test_a_split_is_tested_as_group_time_effects_are() -> None:
    """Cohorts, weights, few firms: the test of the estimator on the same pretended cohorts."""
    long = frame(cohorts=2, n_treated=30)
    sample = twins.sample(twins.panel(long))
    dealt = untreated(deal(sample, sample.panel.outcomes[0]))
    (members,) = deals(dealt.cohort, dealt.stratum, 1, 5)
    firms = np.array(sorted(long.loc[long["g"] == 0, "firm"].unique()))
    made_up = {firm: 2013 + c for c, rows in enumerate(members) for firm in firms[rows]}
    split = long[long["g"] == 0].assign(g=lambda t: t["firm"].map(made_up).fillna(0))
    effects = dataclasses.replace(ek.estimate(twins.sample(twins.panel(split)), "group_time"), shares=None)
    row = ek.aggregate(effects).table.iloc[0]
    (one,) = studentised_draws(dealt, 1, 5)
    share = np.array([15 * 3, 15 * 2]) / 75
    assert dealt.share == pytest.approx(share)
    assert one.estimate == pytest.approx(row["estimate"], rel=EXACT)
    assert one.std_error == pytest.approx(row["std_error"], rel=EXACT)
    assert two_sided([one])[0] == pytest.approx(row["p_value"], rel=1e-6)


def test_clusters_are_dealt_whole_and_tested_as_group_time_effects_are() -> None:
    long = towns(2).assign(g=lambda t: np.where(t["firm"].str[1:].astype(int) % 6 == 0, 2013, 0))
    sample = twins.sample(twins.panel(long, clusters=["town"]))
    found = cluster_splits(sample, sample.panel.outcomes[0], 3, 7)
    control = long[long["g"] == 0]
    labels = np.array(sorted(control["town"].unique()))
    assert found.n_pretended == len(labels) // 2, "supported firms are in nearly all towns"
    sizes = first_in(np.array([found.n_pretended]), len(labels))
    for p, (rows,) in zip(found.p_values, deals(sizes, np.zeros(len(labels), np.int64), 3, 7), strict=True):
        split = control.assign(g=np.where(control["town"].isin(labels[rows]), 2013, 0))
        effects = ek.estimate(twins.sample(twins.panel(split, clusters=["town"])), "group_time")
        row = ek.aggregate(dataclasses.replace(effects, shares=None)).table.iloc[0]
        assert p == pytest.approx(row["p_value"], rel=1e-6)


@pytest.mark.parametrize("roles", [{}, {"clusters": ["town"]}])
def test_outcomes_of_supported_firms_do_not_matter(roles: dict) -> None:
    long = towns(3)
    spoilt = long.assign(y=np.where(long["g"] > 0, 7.0, long["y"]))
    one, other = check(long, **roles), check(spoilt, **roles)
    assert one.values["p_value"] == pytest.approx(other.values["p_value"], rel=EXACT)
    assert one.rows == other.rows


def test_sizes_are_those_of_the_real_cohorts_and_at_most_half() -> None:
    assert pretended(np.array([30, 10]), 40, 200).tolist() == [30, 10]
    assert pretended(np.array([30, 10]), 40, 41).tolist() == [15, 5]
    assert pretended(np.array([300, 2]), 302, 100).tolist() == [50, 0]
    assert pretended(np.array([5, 5, 5]), 15, 16).tolist() == [3, 3, 2]


def test_band_is_that_of_three_errors() -> None:
    """The bands that a table of 200 and one of 1,000 splits gives: 0.5 to 9.5 and 2.9 to 7.1 %."""

    def rejecting(n: int, of: int) -> Calibration:
        rest = (np.arange(of - n) + 0.5) / (of - n) * 0.95 + 0.05
        return Calibration.of(np.concatenate([np.linspace(0.001, 0.049, n), rest]))

    held = {of: [n for n in range(of // 5) if rejecting(n, of).holds] for of in (200, 1000)}
    assert (held[200][0], held[200][-1]) == (1, 19)
    assert held[1000][0] >= 30 - 1
    assert held[1000][-1] <= 71


def test_p_values_that_are_not_uniform_do_not_hold() -> None:
    middle = np.linspace(0.3, 0.7, 190)
    found = Calibration.of(np.concatenate([np.linspace(0.001, 0.049, 10), middle]))
    assert found.rejected == 0.05
    assert not found.holds


def test_rule_table() -> None:
    good, bad = check(frame()), check(heavy(0))
    assert (good.verdict, good.values["case"]) == ("pass", "pass")
    assert (bad.verdict, bad.values["case"]) == ("fail", "fail")
    assert (good.values["n_pretended"], good.values["n_rest"]) == (40, 120)
    assert [row["percent_expected"] for row in good.rows] == [1, 5, 10, 20, 50]
    assert bad.sentence.startswith("Inference is not calibrated on these data")


def test_few_unequal_clusters_need_the_correction() -> None:
    assert check(towns(0), clusters=["town"]).values["case"] == "pass_clusters"
    assert check(towns(0), "cr1", clusters=["town"]).values["case"] == "fail_clusters"


def test_more_draws_or_another_seed() -> None:
    sample = twins.sample(twins.panel(frame()))
    few, many = (firm_splits(sample, sample.panel.outcomes[0], n, 0).p_values for n in (100, 150))
    assert (many[:100] == few).all()
    assert (firm_splits(sample, sample.panel.outcomes[0], 100, 1).p_values != few).all()


@pytest.mark.parametrize(
    ("long", "roles", "case"),
    [
        (frame(60, n_treated=45), {}, "too_few"),
        (frame(n_treated=2), {}, "too_few"),
        (frame().assign(g=0), {}, "too_few"),
        (frame().assign(g=2013), {}, "too_few"),
        (towns(1, 6), {"clusters": ["town"]}, "too_few"),
        (towns(1).assign(g=2013), {"clusters": ["town"]}, "too_few"),
        (towns(1).assign(g=0), {"clusters": ["town"]}, "too_few"),
        (frame().assign(y=lambda t: t["year"] * 1.0), {}, "no_error"),
        (towns(1).assign(land=lambda t: "L" + t["firm"].str[-1]), {"clusters": ["town", "land"]}, "two_ways"),
    ],
)
def test_what_cannot_be_split_is_said(long: pd.DataFrame, roles: dict, case: str) -> None:
    result = check(long, **roles)
    assert (result.verdict, result.values["case"], result.sentence) == ("info", case, INFO[case])


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        ek.check(twins.sample(twins.panel(frame())), (), "aa_splits", draws=99)
    assert caught.value.code == "E_OPTION"


@pytest.mark.slow
def test_calibrated_samples_pass() -> None:
    verdicts = [check(frame(seed=s)).verdict for s in range(SIZE_REPETITIONS)]
    assert verdicts.count("fail") <= MOST_FALSE_ALARMS


@pytest.mark.slow
def test_tails_too_heavy_for_few_firms_and_uncorrected_clusters_fail() -> None:
    assert [check(heavy(s)).verdict for s in range(30)].count("fail") >= 27
    found = [check(towns(s), "cr1", clusters=["town"]).verdict for s in range(30)]
    assert found.count("fail") >= 24
