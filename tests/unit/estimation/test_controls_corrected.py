"""CR2 and CR3 beside covariates of firms, against all dummies as columns and every firm's matrix written out."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.engine.paths import sample_moments
from evalkit.errors import EvalkitError
from evalkit.model.study import Inference
from evalkit.stats.regression import Design, regress

EQUAL = 1e-10
"""Values are rounded at 2^-37 of their range, loads at 2^-33 of their size, each firm by chance up or down."""
SUMMED = 1e-9
"""A sum over the firms of a cohort adds up what rounding does to two dozen of them."""
FAR = 1e-8
"""What is rounded at 2^-37 counts a hundred times where 1 - h is small, squares of it twice that."""
METHODS = ("event_study", "twfe", "sun_abraham", "extended_twfe")
OWN = {"time_varying": ("x",), "baseline": ("size",)}
CORRECTIONS = ("cr2", "cr3")


def table(missing: float = 0.1, n: int = 72, seed: int = 3) -> pd.DataFrame:
    """A covariate by year moves with the outcome, and paths drift apart by size."""
    long = twins.frame(n=n, missing=missing, seed=seed)
    number, rng = long["firm"].str[1:].astype(int), np.random.default_rng(5)
    long = long.assign(
        x=0.3 * long["y"] + rng.normal(size=len(long)), size=np.sqrt(1.0 + number % 13),
        industry=[f"I{i % 3}" for i in number], region=[f"R{i % 20}" for i in number],
    )  # fmt: skip
    long["y"] += 0.4 * long["x"] + 0.1 * long["size"] * (long["year"] - 2011)
    return long[long.groupby("firm")["y"].transform("size") > 1].reset_index(drop=True)


def sample(
    long: pd.DataFrame, correction: str, weight: np.ndarray | None = None, outcomes: tuple[str, ...] = ("y",)
) -> ek.MatchedSample:  # fmt: skip
    panel = twins.panel(long, outcomes, covariates=("size", "industry"), time_varying=("x",))
    return twins.sample(twins.corrected(panel, correction), weight)


def expect_equal(found: ek.Effects, twin: tuple[np.ndarray, np.ndarray, np.ndarray], within: float = EQUAL) -> None:
    k = len(found.table)
    np.testing.assert_allclose(found.table["estimate"], twin[0][:k], rtol=within, atol=within)
    vcov = twin[1].T @ twin[1]
    np.testing.assert_allclose(found.vcov, vcov[:k, :k], rtol=within, atol=within)
    np.testing.assert_allclose(found.row_dof, twin[2][:k], rtol=within)


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("method", METHODS)
def test_against_every_dummy_a_column(method: str, correction: str, missing: float) -> None:
    long = table(missing)
    found = ek.estimate(sample(long, correction), method, **OWN)
    expect_equal(found, twins.corrected_regression(long, twins.award(method, long) | twins.held(long, OWN), correction))


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_weights_that_differ_from_firm_to_firm(correction: str) -> None:
    long = table()
    weight = {f: (i % 4) / 2 for i, f in enumerate(sorted(long["firm"].unique()))}
    found = ek.estimate(sample(long, correction, np.array(list(weight.values()))), "event_study", **OWN)
    rows = long[long["firm"].map(weight) > 0].reset_index(drop=True)
    expect_equal(
        found,
        twins.corrected_regression(
            rows, twins.award("event_study", rows) | twins.held(rows, OWN), correction, weight=weight
        ),
    )


def test_strata_and_a_trend() -> None:
    long = table()
    beside = twins.held(long, OWN) | {"trend": (long["g"] == 2014) * (long["year"] - 2011.0)}
    beside |= {
        (level, t): ((long["industry"] == level) & (long["year"] == t)).to_numpy(float)
        for level in ("I1", "I2") for t in range(2012, 2017)
    }  # fmt: skip
    long["g"] = np.where(long["g"] > 0, 2014, 0)
    beside["trend"] = ((long["g"] == 2014) * (long["year"] - 2011.0)).to_numpy()
    found = ek.estimate(sample(long, "cr2"), "twfe", strata=("industry",), cohort_trends=True, **OWN)
    expect_equal(found, twins.corrected_regression(long, twins.award("twfe", long) | beside, "cr2"))


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("cohort_weight", [1.0, 0.4])
def test_a_covariate_of_cohorts_gives_what_the_sums_of_groups_give(correction: str, cohort_weight: float) -> None:
    """A column that all firms of a cohort share can stand on either side: two ways to the same numbers."""
    long = table().assign(x=lambda t: np.cos(t["g"] * 7.0 + t["year"] ** 2 % 11))
    of_firm = long.groupby("firm")["g"].first()
    known = sample(long, correction, np.where(of_firm > 0, 1.0, cohort_weight))
    own = ek.estimate(known, "twfe", time_varying=("x",))
    moments, years = sample_moments(known), np.array(known.panel.periods)
    cohort = moments.cohort[:, None]
    columns = np.stack([(cohort > 0) & (years >= cohort), np.cos(cohort * 7.0 + years**2 % 11)], axis=2)
    shared = regress(moments, [Design(columns.astype(float), ["treated", "x"])], correction=correction)
    np.testing.assert_allclose(own.table["estimate"][0], shared.estimate[0], rtol=EQUAL)
    np.testing.assert_allclose(own.vcov[0, 0], shared.vcov[0, 0], atol=EQUAL)
    np.testing.assert_allclose(own.row_dof[0], shared.dof[0], rtol=EQUAL)


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_two_outcomes_have_a_joint_covariance(correction: str) -> None:
    long = table(0.0)
    long["y2"] = 0.7 * long["y"] + np.sin(long["x"] * 9)
    both = ek.estimate(sample(long, correction, outcomes=("y", "y2")), "twfe", **OWN)
    total = ek.estimate(sample(long.assign(y=long["y"] + long["y2"]), correction), "twfe", **OWN)
    np.testing.assert_allclose(both.vcov.sum(), total.vcov[0, 0], rtol=EQUAL)
    np.testing.assert_allclose(both.row_dof, total.row_dof[[0, 0]], rtol=EQUAL)


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize(("far", "within"), [(10, EQUAL), (100, FAR)])
def test_a_firm_that_nearly_decides_alone(correction: str, far: int, within: float) -> None:
    """The covariate is the award and a little more, but for one firm. Left out it changes a great deal (CR3)."""
    long = table(0.0)
    hit = twins.award("twfe", long)["treated"]
    long["x"] = hit + long["x"] / np.where(long["firm"] == "F00007", 1, far)
    found = ek.estimate(sample(long, correction), "twfe", time_varying=("x",))
    regressors = {"treated": hit} | twins.held(long, {"time_varying": ("x",)})
    expect_equal(found, twins.corrected_regression(long, regressors, correction), within)


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_a_firm_that_decides_a_slope_alone_has_no_say_there(correction: str) -> None:
    long = table(0.0)
    long["x"] = long["x"].where(long["firm"] == "F00007", 0.0)
    found = ek.estimate(sample(long, correction), "event_study", time_varying=("x",))
    regressors = twins.award("event_study", long) | twins.held(long, {"time_varying": ("x",)})
    expect_equal(found, twins.corrected_regression(long, regressors, correction))


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_neither_the_order_of_firms_nor_blocks_change_a_bit(correction: str, monkeypatch: pytest.MonkeyPatch) -> None:
    long = table()
    other = long.assign(firm=long["firm"].map(lambda f: f"Z{99999 - int(f[1:])}")).sample(frac=1, random_state=3)
    found = [ek.estimate(sample(t, correction), "event_study", **OWN) for t in (long, other)]
    monkeypatch.setattr("evalkit.model.store.BLOCK_FIRMS", 16)
    monkeypatch.setattr("evalkit.stats.own_leverage.AT_ONCE", 700)
    found.append(ek.estimate(sample(other, correction), "event_study", **OWN))
    for same in found[1:]:
        pd.testing.assert_frame_equal(found[0].table, same.table, check_exact=True)
        assert found[0].vcov.tobytes() == same.vcov.tobytes()
        assert found[0].row_dof.tobytes() == same.row_dof.tobytes()


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_shares_of_cohorts_know_the_corrected_influence(correction: str) -> None:
    long = table()
    cells = ek.estimate(sample(long, correction), "extended_twfe", **OWN)
    _, influence, _ = twins.corrected_regression(
        long, twins.award("extended_twfe", long) | twins.held(long, OWN), correction
    )
    cohort = long.groupby("firm")["g"].first().to_numpy()
    expected = [influence[cohort == g, : len(cells.table)].sum(axis=0) for g in cells.shares.cohorts]
    np.testing.assert_allclose(cells.shares.cross, np.column_stack(expected), atol=SUMMED)


def few(long: pd.DataFrame, n: int) -> pd.DataFrame:
    return long.assign(g=np.where(long["firm"] < f"F{n:05d}", 2014, 0))


@pytest.mark.parametrize(("n_treated", "expected"), [(30, "cr2"), (60, "cr1")])
def test_auto_takes_cr2_below_fifty_treated_firms(n_treated: int, expected: str) -> None:
    long = few(table(0.0), n_treated)
    auto, named = (ek.estimate(sample(long, c), "twfe", **OWN) for c in ("auto", expected))
    assert auto.vcov.tobytes() == named.vcov.tobytes()
    assert ("few_treated_corrected:y" in auto.notes) == (expected == "cr2")
    by_option = ek.estimate(sample(long, "auto"), "twfe", covariance="cr3", **OWN)
    assert by_option.vcov.tobytes() == ek.estimate(sample(long, "cr3"), "twfe", **OWN).vcov.tobytes()


def test_too_many_regressors_to_correct_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalkit.stats.own_leverage.MOST_SUMS", 400)
    with pytest.raises(EvalkitError) as caught:
        ek.estimate(sample(table(), "cr2"), "twfe", **OWN)
    assert caught.value.code == "E_TOO_LARGE"


def in_regions(
    long: pd.DataFrame, correction: str, weight: np.ndarray | None = None, **choices: object
) -> ek.MatchedSample:  # fmt: skip
    panel = twins.panel(long, covariates=("size", "region"), time_varying=("x",), clusters=("region",))
    panel = dataclasses.replace(panel, inference=Inference(correction=correction, **choices))
    return twins.sample(panel, weight)


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("method", METHODS)
def test_clusters_above_the_firm(method: str, correction: str) -> None:
    long = table()
    weight = {f: (i % 4) / 2 for i, f in enumerate(sorted(long["firm"].unique()))}
    found = ek.estimate(in_regions(long, correction, np.array(list(weight.values()))), method, **OWN)
    rows = long[long["firm"].map(weight) > 0].reset_index(drop=True)
    regressors = twins.award(method, rows) | twins.held(rows, OWN)
    expect_equal(found, twins.corrected_regression(rows, regressors, correction, weight=weight, cluster="region"))


def test_few_clusters_are_corrected_whatever_the_order_of_firms() -> None:
    long = table()
    other = long.assign(firm=long["firm"].map(lambda f: f"Z{99999 - int(f[1:])}")).sample(frac=1, random_state=3)
    first, second = (ek.estimate(in_regions(t, "auto"), "event_study", **OWN) for t in (long, other))
    pd.testing.assert_frame_equal(first.table, second.table, check_exact=True)
    assert first.vcov.tobytes() == second.vcov.tobytes()
    assert (first.row_dof < 19).all()


def test_multipliers_of_clusters_have_the_corrected_variance() -> None:
    found = ek.estimate(in_regions(table(), "cr2", bootstrap="rademacher", draws=999), "twfe", **OWN)
    draws = found.draws.effects[:, 0]
    sampling = 4 * np.sqrt(2 / len(draws))
    assert (draws**2).mean() / found.vcov[0, 0] == pytest.approx(1.0, abs=sampling)
