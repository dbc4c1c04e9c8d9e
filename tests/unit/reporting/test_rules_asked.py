"""Rules on regressions and order statistics, each by a number of a release that it hides, in two profiles."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import reports
from evalkit import methods
from evalkit.model.check import CheckResult
from evalkit.reporting.disclosure.profiles import PROFILES
from evalkit.reporting.disclosure.regressions import thin_regressors
from evalkit.reporting.release import release
from evalkit.run import assemble

PROFILES_ASKED = ("release", "acro")
YEARS = range(2012, 2020)


def panel(cohorts, n_control, **roles):
    """Return firms with smooth paths, no one of them large, and awards of 100, 101, 102, ..."""
    own = [g for g, n in {**cohorts, 0: n_control}.items() for _ in range(n)]
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"firm": [f"f{i:03d}" for i in range(len(own))], "cohort": own, "size": rng.random(len(own))})
    frame["industry"] = [f"i{i % 7}" for i in range(len(own))]
    frame["award"] = np.where(frame["cohort"] > 0, 100.0 + frame.index, np.nan)
    long = frame.merge(pd.DataFrame({"year": list(YEARS)}), how="cross")
    after = (long["cohort"] > 0) & (long["year"] >= long["cohort"])
    long["y"] = 50 + 10 * long["size"] + 0.5 * (long["year"] - 2012) + 3 * after + rng.normal(0, 1, len(long))
    return ek.Panel.from_frame(long, firm="firm", year="year", cohort="cohort", outcomes=["y"], **roles)


def released(own, profile, method, **options):
    """Return the release of one estimate."""
    asked = reports.study(
        outcome=[{"name": "y", "transform": "level", "unit": "yen"}], check=[], disclosure={"profile": profile},
        period={"first": YEARS[0], "last": YEARS[-1]},
    )  # fmt: skip
    sample = ek.match(own, "none")
    return release(assemble(asked, sample, (ek.estimate(sample, method, **options),), ()))


def estimates(made, method, by="overall"):
    return {row.labels.get(by): made.value(row, "estimate") for row in made.tables[f"effects/{method}/{by}"]}


@pytest.mark.parametrize("profile", PROFILES_ASKED)
@pytest.mark.parametrize("method", ["event_study", "sun_abraham", "stacked", "imputation", "two_stage"])
def test_few_degrees_of_freedom_hide_the_effects_of_a_regression(profile, method):
    """Eight years: up to seven effects and seven years, of 20 firms, leave fewer than ten; of 40 they do not."""
    few, more = panel({2016: 10}, 10), panel({2016: 20}, 20)
    options = {"before": 4, "after": 3} if method == "stacked" else {}
    for by in ("overall", "event_time"):
        assert set(estimates(released(few, profile, method, **options), method, by).values()) == {None}
    assert estimates(released(more, profile, method, **options), method)[None] is not None


@pytest.mark.parametrize("profile", PROFILES_ASKED)
def test_effects_estimated_by_themselves_have_two_means(profile):
    few = panel({2016: 10}, 10)
    assert estimates(released(few, profile, "group_time"), "group_time")[None] is not None
    assert estimates(released(few, profile, "twfe"), "twfe")[None] is not None


@pytest.mark.parametrize("profile", PROFILES_ASKED)
def test_covariates_and_past_outcomes_take_degrees_of_freedom(profile):
    """26 firms less two means, six of seven industries, one size and two years before leave 15; 20 leave nine."""
    options = {"covariates": ("industry", "size"), "n_lags": 2}
    for n, is_shown in ((13, True), (10, False)):
        own = panel({2016: n}, n, covariates=["industry", "size"])
        found = estimates(released(own, profile, "lagged_outcome", **options), "lagged_outcome")[None]
        assert (found is not None) == is_shown


@pytest.mark.parametrize("profile", PROFILES_ASKED)
def test_effects_of_regressors_that_few_firms_have_are_hidden(profile):
    """The counts of a row are firms with its regressor: nine firms have event time 4, and 3 is hidden beside it."""
    sample = ek.match(panel({2015: 9, 2016: 30}, 40), "none")
    problem = methods.build("estimation", "event_study", {}).problem(sample)
    design, firms = by_firm(problem)
    thin = {problem.labels["event_time"][j] for j in thin_regressors(design, firms, PROFILES[profile])}
    shown = estimates(released(sample.panel, profile, "event_study"), "event_study", "event_time")
    assert thin == {4}
    assert {e for e in shown if shown[e] is None} == {3, 4}


def by_firm(problem):
    """Return the regressors of the first outcome, one row per firm and year, and the firm of each row."""
    columns, n = problem.designs[0].columns, problem.moments.n.astype(int)
    groups = np.repeat(np.arange(len(n)), n)
    return columns[groups].reshape(-1, columns.shape[2]), np.repeat(np.arange(len(groups)), columns.shape[1])


@pytest.mark.parametrize("profile", PROFILES_ASKED)
def test_amounts_near_the_extremes_are_not_told(profile):
    """Of 60 awards six lie below the first decile and above the last; of 160, sixteen do."""
    made = released(panel({2016: 60}, 60, dose="award"), profile, "dose", form="curve", degree=1)
    found = estimates(made, "dose", "group")
    assert {name for name, value in found.items() if value is None} == {"[X] 1", "[X] 2"}
    assert len(found) > 4
    assert not any(f".group.y.{amount}." in i for i in made.numbers for amount in (100, 150))
    more = estimates(
        released(panel({2016: 160}, 60, dose="award"), profile, "dose", form="curve", degree=1), "dose", "group"
    )
    assert None not in more.values()


@pytest.mark.parametrize("profile", PROFILES_ASKED)
def test_cuts_between_amounts_are_quantiles_and_declared_ones_are_not(profile):
    own = panel({2016: 40}, 60, dose="award")
    by_data = estimates(released(own, profile, "dose", n_cuts=4), "dose", "group")
    assert {name for name in by_data if not name.startswith("[X]")} < {*by_data}
    declared = estimates(released(own, profile, "dose", cuts=(104.0, 120.0)), "dose", "group")
    assert set(declared) == {"1: <= 104", "2: 104 to 120", "3: > 120"}
    assert declared["1: <= 104"] is None


@pytest.mark.parametrize("profile", PROFILES_ASKED)
@pytest.mark.parametrize(
    ("key", "n", "is_shown"),
    [("median_size", 20, True), ("median_size", 19, False), ("size_p20", 50, True), ("size_p20", 49, False),
     ("size_max", 500, False), ("smallest", 500, False)],
)  # fmt: skip
def test_quantiles_and_extremes_in_checks(profile, key, n, is_shown):
    """In the values and in the table; without counts of firms it is a quantile of something else."""
    record = {"n_treated": n, "n_control": n, key: 3.5, "mean_size": 3.0}
    own = CheckResult("mine", "?", "info", "x", {"case": "x", **record}, None, (record,))
    asked = reports.study(disclosure={"profile": profile})
    made = release(reports.evaluation(study=asked, checks=(own,)))
    for prefix in ("checks.mine", "checks.mine.rows.000"):
        assert (made.numbers[f"{prefix}.{key}"].value is not None) == is_shown
        assert made.numbers[f"{prefix}.mean_size"].value == 3.0


@pytest.mark.parametrize("profile", PROFILES_ASKED)
def test_quantile_tables_of_balance_stay_with_the_analyst(profile):
    sample = ek.match(panel({2016: 30}, 30, covariates=["size"]), "none")
    effects = ek.estimate(sample)
    balance = ek.check(sample, effects, "balance")
    assert balance.values["quantiles"]
    asked = reports.study(outcome=[{"name": "y", "transform": "level"}], disclosure={"profile": profile})
    made = release(assemble(asked, sample, (effects,), (balance,)))
    assert not any("quantile" in i for i in made.numbers)
    assert made.checks["balance"].values == {}


@pytest.mark.parametrize("profile", PROFILES_ASKED)
def test_a_share_of_firms_before_the_award_is_a_count(profile):
    """10 % of 90 firms are nine."""
    asked = reports.study(disclosure={"profile": profile})
    for share, is_shown in ((0.1, False), (0.2, True), (0.95, False)):
        made = reports.effects(asked)
        effects = dataclasses.replace(made, baseline=made.baseline | {"exit": share})
        found = release(reports.evaluation(study=asked, effects=(effects,)))
        assert (found.numbers["effects.group_time.baseline.exit"].value is not None) == is_shown
