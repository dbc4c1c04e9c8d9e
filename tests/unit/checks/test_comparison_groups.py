import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.engine.pooled import name_in, of_group, pooled

EXACT = 1e-10
SIZE = 0.01
"""A test at 1 % of effects that are the same."""


def frame(n: int = 400, *, noise: float = 0.3, spoilt: float = 0.0, seed: int = 5) -> pd.DataFrame:
    """Untreated firms in three groups and none; from 2013 on those called "sly" gain `spoilt`."""
    table = twins.frame(n, noise=noise, seed=seed)
    who = np.array(["rejected", "sly", "never", None], dtype=object)[table["firm"].str[1:].astype(int) % 4]
    late = (table["year"] >= 2013) & (who == "sly") & (table["g"] == 0)
    return table.assign(who=np.where(table["g"] > 0, None, who), y=table["y"] + spoilt * late)


def panel(table: pd.DataFrame) -> ek.Panel:
    return ek.Panel.from_frame(table, firm="firm", year="year", cohort="g", outcomes=["y"], pool="who")


def ask(table: pd.DataFrame, estimator: str = "group_time", **options: object) -> ek.CheckResult:
    sample = ek.match(panel(table), "none")
    return ek.check(sample, ek.estimate(sample, estimator), "comparison_groups", **options)


def test_covariance_over_groups_is_that_of_stacked_influence() -> None:
    table = frame(160)
    whole = panel(table)
    samples = {
        g: (ek.match(of_group(whole, g)[0], "none"), of_group(whole, g)[1]) for g in ("never", "rejected", "sly")
    }
    found = ek.estimate(pooled(whole, samples), "group_time")
    firms = whole.firm.to_pylist()
    estimates, influence = [], []
    for group in samples:
        own = table[(table["g"] > 0) | (table["who"] == group)]
        _, b, psi = twins.group_time(own)
        every = np.zeros((len(firms), len(b)))
        every[[firms.index(f) for f in sorted(own["firm"].unique())]] = psi
        estimates.append(b)
        influence.append(every)
    psi = np.concatenate(influence, axis=1)
    np.testing.assert_allclose(found.table["estimate"], np.concatenate(estimates), atol=EXACT)
    np.testing.assert_allclose(found.vcov, psi.T @ psi, atol=EXACT)
    k = len(estimates[0])
    assert np.abs(found.vcov[:k, k : 2 * k]).max() > 0


@pytest.mark.parametrize("estimator", ["group_time", "event_study", "imputation"])
def test_each_group_gives_what_it_gives_alone(estimator: str) -> None:
    table = frame()
    found = ask(table, estimator)
    for row in found.rows:
        own = table[(table["g"] > 0) | (table["who"] == row["comparison"])]
        alone = ek.aggregate(ek.estimate(twins.sample(twins.panel(own)), estimator)).table.iloc[0]
        assert row["estimate"] == pytest.approx(alone["estimate"], abs=1e-9)
        assert row["n_treated"] == alone["n_treated"]


def test_the_planted_effect_is_recovered_from_every_group() -> None:
    found = ask(frame(noise=0.0))
    assert [row["estimate"] for row in found.rows] == pytest.approx([0.5] * 3, abs=EXACT)
    assert {row["comparison"] for row in found.rows} == {"never", "rejected", "sly"}


def test_groups_that_are_alike_agree_and_a_spoilt_one_is_found() -> None:
    assert ask(frame(), alpha=SIZE).verdict == "pass"
    spoilt = ask(frame(spoilt=0.5), alpha=SIZE)
    assert spoilt.verdict == "warn"
    assert spoilt.values["lowest"] == "sly"
    assert ask(frame(spoilt=2.0), alpha=SIZE).verdict == "fail"


@pytest.mark.slow
def test_the_test_has_its_size() -> None:
    """At 5 %, in 200 draws; four standard errors of the share."""
    rejected = [ask(frame(240, seed=seed)).statistic < 0.05 for seed in range(200)]
    assert abs(np.mean(rejected) - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 200)


def test_each_group_is_matched_as_the_sample_was() -> None:
    table = frame().assign(size=lambda t: t["firm"].str[1:].astype(int) % 17 / 10)
    p = ek.Panel.from_frame(
        table, firm="firm", year="year", cohort="g", outcomes=["y"], covariates=["size"], pool="who"
    )
    sample = ek.match(p, "nearest", ratio=1, replace=True, seed=3)
    found = ek.check(sample, ek.estimate(sample), "comparison_groups")
    for group in ("never", "rejected", "sly"):
        own, _ = of_group(p, group)
        alone = ek.aggregate(ek.estimate(ek.match(own, "nearest", ratio=1, replace=True, seed=3))).table.iloc[0]
        (row,) = (r for r in found.rows if r["comparison"] == group)
        assert row["estimate"] == pytest.approx(alone["estimate"], abs=1e-9)


def test_a_group_without_firms_to_compare_is_refused_by_name() -> None:
    table = frame()
    table = table[(table["who"] != "sly") | (table["firm"] == table[table["who"] == "sly"]["firm"].iloc[0])]
    p = ek.Panel.from_frame(
        table.assign(kind=np.where(table["who"] == "sly", "B", "A")), firm="firm", year="year", cohort="g",
        outcomes=["y"], covariates=["kind"], pool="who",
    )  # fmt: skip
    sample = ek.match(p, "exact", on=("kind",))
    with pytest.raises(ek.EvalkitError, match="'sly'"):
        ek.check(sample, ek.estimate(sample), "comparison_groups")


def test_without_groups_there_is_no_verdict() -> None:
    sample = twins.sample(twins.panel(twins.frame()))
    assert ek.check(sample, ek.estimate(sample), "comparison_groups").values == {"case": "no_groups"}
    table = frame()
    assert ask(table.assign(who=table["who"].where(table["who"] == "sly"))).values == {"case": "one_group"}


def test_saved_panels_keep_their_groups(tmp_path) -> None:
    p = panel(frame())
    p.save(tmp_path)
    assert ek.Panel.load(tmp_path).pool == "who"


def test_names_of_a_group_are_told_apart() -> None:
    assert name_in("a", "b") != name_in("a b", "") != name_in("", "a b")
