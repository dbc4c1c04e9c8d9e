"""What estimators refuse or tell, row by row of the table of bad inputs; ids are its own."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.errors import EvalkitError

METHODS = (
    "group_time", "event_study", "twfe", "sun_abraham", "extended_twfe", "imputation", "two_stage", "stacked",
    "difference",
)  # fmt: skip
OPTIONS = {"stacked": {"before": 2, "after": 1}}


def estimate(method: str, long, weight=None, **options: object) -> ek.Effects:
    return ek.estimate(twins.sample(twins.panel(long), weight), method, **OPTIONS.get(method, {}), **options)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_treated", [1, 2])
def test_EST01_one_or_two_treated_firms_have_no_interval(method: str, n_treated: int) -> None:
    long = twins.frame(n=60, seed=2)
    firms = sorted(long["firm"].unique())
    long["g"] = np.where(long["firm"].isin(firms[:n_treated]), 2013, 0)
    table = estimate(method, long).table
    assert np.isfinite(table["estimate"]).all()
    assert table[["std_error", "p_value", "conf_low", "conf_high"]].isna().all(axis=None)


@pytest.mark.parametrize("method", METHODS)
def test_EST02_few_treated_firms_are_corrected_and_told(method: str) -> None:
    long = twins.frame(n=60, seed=2)
    firms = sorted(long["firm"].unique())
    long["g"] = np.where(long["firm"].isin(firms[:12]), 2013, 0)
    found = estimate(method, long)
    assert "few_treated_corrected:y" in found.notes
    assert (found.row_dof < 59).all()


@pytest.mark.parametrize("method", METHODS)
def test_EST03_one_cluster_is_refused(method: str) -> None:
    panel = twins.panel(twins.frame(n=60).assign(region="one"), covariates=["region"])
    with pytest.raises(EvalkitError) as error:
        ek.estimate(twins.sample(dataclasses.replace(panel, clusters=("region",))), method, **OPTIONS.get(method, {}))
    assert error.value.code == "E_CLUSTERS"


@pytest.mark.parametrize("method", METHODS)
def test_EST04_firms_seen_once_do_not_count(method: str) -> None:
    long = twins.frame(n=120, seed=3)
    once = long.iloc[[2]].assign(firm="single", y=1e3)
    plain, more = estimate(method, long).table, estimate(method, pd.concat([long, once])).table
    np.testing.assert_allclose(more["estimate"], plain["estimate"], atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_EST05_all_treated_in_one_year_is_refused(method: str) -> None:
    long = twins.frame(n=60).assign(g=2013)
    with pytest.raises(EvalkitError) as error:
        estimate(method, long)
    assert error.value.code in ("E_NO_CONTROL", "E_COLLINEAR")


@pytest.mark.parametrize("method", ["sun_abraham", "extended_twfe", "imputation", "two_stage"])
def test_EST06_without_never_treated_the_last_cohort_stands_in(method: str) -> None:
    long = twins.frame(n=200, seed=4)
    long = long[long["g"] > 0]
    last = long["g"].max()
    table = estimate(method, long).table
    if "cohort" in table and table["cohort"].notna().all():
        assert last not in set(table["cohort"])
    assert np.isfinite(table["estimate"]).all()


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_EST08_weights_that_are_none_are_refused(bad: float) -> None:
    long = twins.frame(n=40)
    weight = np.ones(40)
    weight[3] = bad
    with pytest.raises(EvalkitError) as error:
        estimate("group_time", long, weight)
    assert error.value.code == "E_WEIGHT"


def test_EST08_no_weight_at_all_is_refused() -> None:
    with pytest.raises(EvalkitError):
        estimate("group_time", twins.frame(n=40), np.zeros(40))


def test_EST09_event_times_that_add_up_to_effects_are_refused() -> None:
    long = twins.frame(n=200, seed=4)
    with pytest.raises(EvalkitError) as error:
        estimate("event_study", long[long["g"] > 0])
    assert error.value.code == "E_COLLINEAR"


def test_EST12_one_year_before_the_award_leaves_no_test() -> None:
    long = twins.frame(n=80).query("year >= 2012").assign(g=lambda t: np.where(t["g"] > 0, 2013, 0))
    sample = twins.sample(twins.panel(long))
    result = ek.check(sample, ek.estimate(sample, "event_study"), "pretrends")
    assert (result.verdict, result.values["case"]) == ("info", "no_pre_period")


def test_EST13_paths_that_differ_before_fail() -> None:
    long = twins.frame(n=300, noise=0.2)
    long["y"] += np.where(long["g"] > 0, 0.3 * (long["year"] - long["g"]), 0.0)
    sample = twins.sample(twins.panel(long))
    assert ek.check(sample, ek.estimate(sample, "group_time"), "pretrends").verdict == "fail"


@pytest.mark.parametrize("method", METHODS)
def test_EST01_two_treated_clusters_have_no_interval(method: str) -> None:
    long = twins.frame(n=60, seed=2)
    number = long["firm"].str[1:].astype(int)
    long["region"] = "R" + (number % 8).astype(str)
    long["g"] = np.where(number % 8 < 2, 2013, 0)
    panel = dataclasses.replace(twins.panel(long, covariates=["region"]), clusters=("region",))
    found = ek.estimate(twins.sample(panel), method, **OPTIONS.get(method, {}))
    assert np.isfinite(found.table["estimate"]).all()
    assert (found.table["n_treated"] > 10).all()
    assert found.table[["std_error", "p_value", "conf_low", "conf_high"]].isna().all(axis=None)
    assert "no_interval:y" in found.notes


def test_EST01_effects_with_covariates_need_three_treated_clusters_too() -> None:
    long = twins.frame(n=60, seed=2)
    number = long["firm"].str[1:].astype(int)
    long["region"], long["size"] = "R" + (number % 8).astype(str), np.sin(number * 1.7)
    long["g"] = np.where(number % 8 < 2, 2013, 0)
    panel = dataclasses.replace(twins.panel(long, covariates=["region", "size"]), clusters=("region",))
    found = ek.estimate(twins.sample(panel), "group_time", adjustment="regression", covariates=("size",))
    assert found.table["std_error"].isna().all()
    assert "no_interval:y" in found.notes
