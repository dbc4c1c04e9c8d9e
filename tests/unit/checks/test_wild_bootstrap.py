"""What the check says of estimates with few clusters."""

import dataclasses

import numpy as np
import pytest

import evalkit as ek
import twins
from evalkit.errors import EvalkitError


def sample_of(effect: float = 0.0, n_clusters: int = 8, treated_clusters: int = 6, clusters=("region",), shuffle=None):
    long = twins.frame(n=80, periods=5, seed=6, effect=0.0)
    number = long["firm"].str[1:].astype(int)
    code = number % n_clusters
    long["g"] = np.where((code < treated_clusters) & (number % 3 > 0), 2013, 0)
    long["y"] += np.where((long["g"] > 0) & (long["year"] >= long["g"]), effect, 0.0)
    long["region"], long["size"] = "R" + code.astype(str), "S" + (number % 5).astype(str)
    if shuffle is not None:
        long = long.sample(frac=1, random_state=shuffle)
    panel = twins.panel(long, covariates=["region", "size"])
    return twins.sample(dataclasses.replace(panel, clusters=clusters))


def ask(sample, estimators=("event_study", "twfe", "sun_abraham", "extended_twfe", "group_time"), **options):
    return ek.check(sample, [ek.estimate(sample, m) for m in estimators], "wild_bootstrap", **options)


def test_regressions_have_rows_and_others_do_not() -> None:
    sample = sample_of(effect=3.0)
    result = ask(sample)
    assert (result.verdict, result.values["case"]) == ("pass", "effect")
    assert [row["method"] for row in result.rows] == ["event_study", "twfe", "sun_abraham", "extended_twfe"]
    for row in result.rows:
        overall = ek.aggregate(ek.estimate(sample, row["method"]), "overall").table.iloc[0]
        assert row["estimate"] == pytest.approx(overall["estimate"], rel=1e-7)
        assert row["p_value"] == overall["p_value"]
        assert row["conf_low"] < row["estimate"] < row["conf_high"]
        assert (row["clusters"], row["treated_clusters"]) == (8, 6)


def test_no_effect_is_none_here_either() -> None:
    result = ask(sample_of(), ("twfe",))
    assert result.values["case"] in ("chance", "differ")
    (row,) = result.rows
    assert row["conf_low"] < 0 < row["conf_high"]


def test_disagreement_warns() -> None:
    result = ask(sample_of(effect=9.0, n_clusters=5, treated_clusters=3), ("twfe",))
    (row,) = result.rows
    assert (result.verdict, row["conf_low"]) == ("warn", None), "five clusters can never reject at 5 %"


@pytest.mark.parametrize(
    ("sample", "estimators", "case"),
    [
        (sample_of(clusters=()), ("twfe",), "firms"),
        (sample_of(clusters=("region", "size")), ("twfe",), "two_ways"),
        (sample_of(treated_clusters=2), ("twfe",), "too_few"),
        (sample_of(), ("group_time",), "no_regression"),
    ],
)
def test_what_cannot_be_asked_is_told(sample, estimators, case) -> None:
    result = ask(sample, estimators)
    assert (result.verdict, result.values["case"]) == ("info", case)


def test_regressions_beside_covariates_of_firms_are_not_resampled() -> None:
    sample = sample_of()
    long = twins.frame(n=80, periods=5, seed=6).assign(x=lambda t: np.cos(t.index * 1.7))
    wide = twins.panel(long, time_varying=["x"])
    table = sample.panel.source
    for name in (f"x@{p}" for p in wide.periods):
        table = table.append_column(name, wide.source.column(name))
    sample = dataclasses.replace(sample, panel=dataclasses.replace(sample.panel, source=table, time_varying=("x",)))
    effects = ek.estimate(sample, "twfe", time_varying=("x",), covariance="cr1")
    result = ek.check(sample, [effects], "wild_bootstrap")
    assert (result.verdict, result.values["case"]) == ("info", "own_regressors")


@pytest.mark.parametrize("options", [{"law": "rademacher"}, {"law": "webb", "draws": 999}])
def test_order_of_firms_does_not_change_it(options) -> None:
    assert ask(sample_of(), ("twfe",), **options).rows == ask(sample_of(shuffle=2), ("twfe",), **options).rows


@pytest.mark.parametrize("options", [{"draws": 998}, {"alpha": 1.0}])
def test_impossible_options_are_refused(options) -> None:
    with pytest.raises(EvalkitError) as error:
        ask(sample_of(), ("twfe",), **options)
    assert error.value.code == "E_OPTION"
