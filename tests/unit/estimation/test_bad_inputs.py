"""What estimators refuse or tell, row by row of the table of bad inputs; ids are its own."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.errors import EvalkitError
from evalkit.model.study import Inference

METHODS = (
    "group_time", "event_study", "twfe", "sun_abraham", "extended_twfe", "imputation", "two_stage", "stacked",
    "difference",
)  # fmt: skip
OPTIONS = {"stacked": {"before": 2, "after": 1}}


def estimate(method: str, long, weight=None, **options: object) -> ek.Effects:
    return ek.estimate(twins.sample(twins.panel(long), weight), method, **OPTIONS.get(method, {}), **options)


def in_regions(long: pd.DataFrame) -> ek.Panel:
    """Return firms in regions as clusters."""
    return twins.panel(long, covariates=["region"], clusters=("region",))


def clustered(method: str, long: pd.DataFrame, weight: np.ndarray | None = None) -> ek.Effects:
    return ek.estimate(twins.sample(in_regions(long), weight), method, **OPTIONS.get(method, {}))


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


@pytest.mark.parametrize("method", ["event_study", "twfe", "sun_abraham", "extended_twfe"])
@pytest.mark.parametrize("n_treated", [3, 12, 49])
def test_EST02_few_treated_firms_beside_covariates_are_corrected_and_told(method: str, n_treated: int) -> None:
    long = twins.frame(n=150, seed=2)
    rng = np.random.default_rng(4)
    long = long.assign(
        g=np.where(long["firm"] < f"F{n_treated:05d}", 2013, 0), x=rng.normal(size=len(long)),
        size=long["firm"].map(lambda firm: np.sqrt(int(firm[1:]) % 7)),
    )  # fmt: skip
    panel = twins.panel(long, covariates=("size",), time_varying=("x",))
    found = ek.estimate(twins.sample(panel), method, time_varying=("x",), baseline=("size",))
    assert "few_treated_corrected:y" in found.notes
    assert (found.row_dof < 149).all()
    assert found.table["std_error"].notna().all()
    named = ek.estimate(twins.sample(twins.corrected(panel, "cr2")), method, time_varying=("x",), baseline=("size",))
    assert found.vcov.tobytes() == named.vcov.tobytes()


@pytest.mark.parametrize("method", [*METHODS, "lagged_outcome", "cross_sections"])
def test_EST03_a_single_cluster_is_refused(method: str) -> None:
    with pytest.raises(EvalkitError) as error:
        clustered(method, twins.frame(n=60, seed=2).assign(region="R"))
    assert error.value.code == "E_CLUSTERS"


@pytest.mark.parametrize("method", METHODS)
def test_EST03_a_single_cluster_among_the_firms_that_count_is_refused(method: str) -> None:
    long = twins.frame(n=60, seed=2)
    number = long["firm"].str[1:].astype(int)
    weight = (np.arange(60) < 30).astype(float)
    with pytest.raises(EvalkitError) as error:
        clustered(method, long.assign(region=np.where(number < 30, "A", "B")), weight)
    assert error.value.code == "E_CLUSTERS"


@pytest.mark.parametrize("method", ["event_study", "twfe", "sun_abraham", "extended_twfe"])
def test_EST03_fewer_than_thirty_clusters_are_corrected(method: str) -> None:
    long = twins.frame(n=100, seed=2).assign(region=lambda t: "R" + (t["firm"].str[1:].astype(int) % 20).astype(str))
    found = clustered(method, long)
    assert (found.row_dof < 19).all()
    by_name = twins.sample(dataclasses.replace(in_regions(long), inference=Inference(correction="cr2")))
    assert found.vcov.tobytes() == ek.estimate(by_name, method).vcov.tobytes()


@pytest.mark.parametrize("method", METHODS)
def test_EST04_firms_seen_once_do_not_count_and_are_counted(method: str) -> None:
    long = twins.frame(n=120, seed=3)
    once = pd.concat([long.iloc[[k]].assign(firm=f"single{k}", g=0, y=1e3) for k in (2, 3, 4)])
    plain, more = estimate(method, long), estimate(method, pd.concat([long, once]))
    np.testing.assert_allclose(more.table["estimate"], plain.table["estimate"], atol=1e-7)
    assert more.table["n_control"].tolist() == plain.table["n_control"].tolist()
    assert "seen_once:3" in more.notes
    assert not any(note.startswith("seen_once") for note in plain.notes)


@pytest.mark.parametrize("method", [*METHODS, "lagged_outcome", "cross_sections"])
def test_EST05_all_treated_in_one_year_is_refused(method: str) -> None:
    with pytest.raises(EvalkitError) as error:
        estimate(method, twins.frame(n=60).assign(g=2013))
    assert error.value.code == "E_NO_CONTROL"


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("sun_abraham", {}), ("extended_twfe", {}), ("imputation", {}), ("two_stage", {}),
        ("group_time", {"comparison": "not_yet_treated"}),
    ],
)  # fmt: skip
def test_EST06_without_never_treated_the_last_years_are_dropped_and_named(method: str, options: dict) -> None:
    long = twins.frame(n=200, seed=4)
    staggered = long[long["g"] > 0]
    last = staggered["g"].max()
    found = estimate(method, staggered, **options)
    if found.table["cohort"].notna().all():
        assert last not in set(found.table["cohort"][found.table["year"] >= last])
        assert (found.table["year"] < last).all()
    assert np.isfinite(found.table["estimate"]).all()
    assert f"no_comparison:{last}-{long['year'].max()}" in found.notes
    assert not any(note.startswith("no_comparison") for note in estimate(method, long, **options).notes)


def test_EST06_comparison_with_the_never_treated_says_how_else() -> None:
    with pytest.raises(EvalkitError) as error:
        estimate("group_time", twins.frame(n=200, seed=4).query("g > 0"))
    assert error.value.code == "E_NO_CONTROL"
    assert "not_yet_treated" in str(error.value)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_EST08_weights_that_are_none_are_refused(bad: float, method: str) -> None:
    weight = np.ones(40)
    weight[3] = bad
    with pytest.raises(EvalkitError) as error:
        estimate(method, twins.frame(n=40), weight)
    assert error.value.code == "E_WEIGHT"


@pytest.mark.parametrize("method", METHODS)
def test_EST08_no_weight_at_all_is_refused(method: str) -> None:
    with pytest.raises(EvalkitError) as error:
        estimate(method, twins.frame(n=40), np.zeros(40))
    assert error.value.code == "E_NO_TREATED"


def test_EST09_event_times_that_add_up_to_effects_are_refused() -> None:
    long = twins.frame(n=200, seed=4)
    with pytest.raises(EvalkitError) as error:
        estimate("event_study", long[long["g"] > 0])
    assert error.value.code == "E_COLLINEAR"


@pytest.mark.parametrize("method", ["event_study", "twfe", "sun_abraham", "extended_twfe"])
def test_EST09_collinear_covariates_are_refused_by_name(method: str) -> None:
    long = twins.frame(n=80).assign(x=lambda t: np.cos(t.index * 1.7), twice=lambda t: 2 * np.cos(t.index * 1.7) - 3)
    panel = dataclasses.replace(
        twins.panel(long, time_varying=("x", "twice")), inference=Inference(correction="cr1")
    )  # fmt: skip
    with pytest.raises(EvalkitError) as error:
        ek.estimate(twins.sample(panel), method, time_varying=("x", "twice"))
    assert error.value.code == "E_COLLINEAR"
    assert "x, twice" in str(error.value)


@pytest.mark.parametrize("method", ["group_time", "event_study", "imputation", "difference"])
def test_EST10_degenerate_draws_above_one_per_cent_are_refused(method: str) -> None:
    """Of six clusters all have the same sign in one of 32 draws, of ten in one of 512."""
    long = twins.frame(n=60, seed=2)
    number = long["firm"].str[1:].astype(int)
    drawn = Inference(correction="cr1", bootstrap="rademacher")
    few, more = (in_regions(long.assign(region="R" + (number % n).astype(str))) for n in (6, 10))
    with pytest.raises(EvalkitError) as error:
        ek.estimate(twins.sample(dataclasses.replace(few, inference=drawn)), method)
    assert error.value.code == "E_BOOTSTRAP"
    found = ek.estimate(twins.sample(dataclasses.replace(more, inference=drawn)), method)
    told = [note for note in found.notes if note.startswith("degenerate_draws")]
    assert len(found.draws.effects) == drawn.draws - sum(int(note.split(":")[1].split("/")[0]) for note in told)


@pytest.mark.parametrize("method", ["group_time", "event_study", "imputation", "difference"])
def test_EST11_threads_and_row_order_change_no_bit_of_draws(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    long, found = twins.frame(n=80, missing=0.1, seed=2), []
    for threads, rows in (("1", long), ("2", long.sample(frac=1, random_state=1))):
        monkeypatch.setenv("EVALKIT_THREADS", threads)
        panel = dataclasses.replace(twins.panel(rows), inference=Inference(bootstrap="mammen", draws=99))
        found.append(ek.estimate(twins.sample(panel), method).draws.effects.tobytes())
    assert found[0] == found[1]


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


def test_EST14_a_tiny_effect_in_a_huge_sample_comes_with_its_size() -> None:
    """p says that it is there; the estimate beside the mean, and what would just be seen, how small it is."""
    long = twins.frame(n=6000, effect=0.02, noise=0.02, seed=1).assign(y=lambda t: t["y"] + 1000)
    sample = twins.sample(twins.panel(long))
    found = ek.estimate(sample, "group_time")
    overall = ek.aggregate(found).table.iloc[0]
    assert overall["p_value"] < 1e-6
    assert overall["estimate"] / found.baseline["y"] < 1e-4
    power = ek.check(sample, found, "power", effect=10.0)
    assert power.verdict == "pass"
    assert 0 < power.values["detectable"] < 0.02


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("group_time", {"comparison": "not_yet_treated"}), ("sun_abraham", {}), ("extended_twfe", {}),
        ("imputation", {}),
    ],
)  # fmt: skip
def test_MAT16_later_recipients_are_controls_only_while_untreated(method: str, options: dict) -> None:
    """What they do after their own award changes no effect of an earlier cohort."""
    long = twins.frame(n=200, seed=4)
    last = long["g"].max()
    other = long.assign(y=long["y"] + 50 * np.sin(long.index) * ((long["g"] == last) & (long["year"] >= last)))
    rows = [estimate(method, table, **options).table for table in (long, other)]
    early = [r[(r["cohort"] < last).fillna(value=False).to_numpy(bool)] for r in rows]
    assert len(early[0]) > 0
    np.testing.assert_allclose(early[0]["estimate"], early[1]["estimate"], atol=1e-8)


ESTIMATORS = [*METHODS, "ratio", "lagged_outcome", "cross_sections"]


@pytest.mark.parametrize("method", ESTIMATORS)
def test_PAN15_a_constant_outcome_is_refused(method: str) -> None:
    with pytest.raises(EvalkitError) as error:
        estimate(method, twins.frame(n=60).assign(y=5.0))
    assert error.value.code == "E_NO_VARIANCE"
    assert "'y'" in str(error.value)


@pytest.mark.parametrize("method", ESTIMATORS)
def test_one_cohort_beside_never_treated_firms_is_estimated(method: str) -> None:
    long = twins.frame(n=60, seed=2)
    found = estimate(method, long.assign(g=np.where(long["g"] > 0, 2013, 0), y=np.exp(long["y"] / 5)))
    assert np.isfinite(found.table[["estimate", "std_error", "conf_low", "conf_high"]].to_numpy(float)).all()
