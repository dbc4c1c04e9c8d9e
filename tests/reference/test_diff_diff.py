"""The same estimates by diff-diff: a second code for each estimator that both have."""

import dataclasses
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.model.study import Inference

diff_diff = pytest.importorskip("diff_diff", reason="the extra 'parity' is not installed")
SAME = 1e-8
"""Values up to 10 are rounded once at 2^-34; both solve to rounding."""
LOGIT = 1e-5
"""What its logit leaves in effects weighted by scores; csdid agrees with ours at 1e-8 on the same options."""
COLUMNS = {"outcome": "y", "unit": "firm", "time": "year", "first_treat": "g"}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def table(missing: float = 0.0) -> pd.DataFrame:
    found = twins.frame(400, missing=missing, seed=3)
    code = found["firm"].str[1:].astype(int)
    return found.assign(size=np.sin(code * 1.7), age=np.cos(code * 0.9))


def sample(data: pd.DataFrame, **roles: object) -> ek.MatchedSample:
    return twins.sample(dataclasses.replace(twins.panel(data, **roles), inference=Inference(correction="cr1")))


def by_time(effects: ek.Effects) -> dict[int, tuple[float, float]]:
    rows = effects.table[["event_time", "estimate", "std_error"]].astype(float)
    return {int(e): (b, s) for e, b, s in rows.itertuples(index=False)}


def without_shares(effects: ek.Effects) -> ek.Effects:
    """Return averages by event time whose weights are taken as known."""
    cells = effects.table
    weights = {}
    for event in sorted(cells["event_time"].unique()):
        own = np.where(cells["event_time"] == event, cells["n_treated"], 0).astype(float)
        weights[str(event)] = own / own.sum()
    return ek.combine(effects, weights)


@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize("adjustment", ["none", "regression", "ipw", "doubly_robust"])
def test_group_time(adjustment: str, missing: float) -> None:
    data = table(missing)
    options = {"none": {"estimation_method": "reg"}, "regression": {"estimation_method": "reg"}}
    how = options.get(adjustment, {"estimation_method": "ipw" if adjustment == "ipw" else "dr"})
    covariates = [] if adjustment == "none" else ["size", "age"]
    other = diff_diff.CallawaySantAnna(**how, control_group="not_yet_treated", pscore_trim=1e-8).fit(
        data, **COLUMNS, covariates=covariates or None
    )
    mine = ek.estimate(
        sample(data, covariates=("size", "age")), "group_time", adjustment=adjustment, comparison="not_yet_treated"
    )  # fmt: skip
    known = {key: (v["effect"], v["se"]) for key, v in other.group_time_effects.items()}
    rows = np.array([known[(r.cohort, r.year)] for r in mine.table.itertuples()])
    within = SAME if adjustment in ("none", "regression") else LOGIT
    np.testing.assert_allclose(mine.table[["estimate", "std_error"]].to_numpy(float), rows, atol=within)


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_imputation(missing: float) -> None:
    data = table(missing)
    other = diff_diff.ImputationDiD().fit(data, **COLUMNS, aggregate="event_study").event_study_effects
    mine = without_shares(ek.estimate(sample(data), "imputation")).table
    rows = np.array([[other[e]["effect"], other[e]["se"]] for e in map(int, mine["group"])])
    np.testing.assert_allclose(mine[["estimate", "std_error"]].to_numpy(float), rows, atol=SAME)


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_two_stage(missing: float) -> None:
    data = table(missing)
    other = diff_diff.TwoStageDiD().fit(data, **COLUMNS, aggregate="event_study").event_study_effects
    for event, found in by_time(ek.estimate(sample(data), "two_stage")).items():
        assert found == pytest.approx((other[event]["effect"], other[event]["se"]), abs=SAME)


@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize(("method", "other"), [("imputation", "ImputationDiD"), ("two_stage", "TwoStageDiD")])
def test_imputed_beside_covariates(method: str, other: str, missing: float) -> None:
    """By year, and at baseline by year: those are columns of its regression."""
    data = table(missing)
    data["x"] = 0.4 * data["y"] + np.sin(data["size"] * 50 + data["year"])
    slopes = {f"size{t}": data["size"] * (data["year"] == t) for t in sorted(data["year"].unique())[1:]}
    found = getattr(diff_diff, other)().fit(
        data.assign(**slopes), **COLUMNS, covariates=["x", *slopes], aggregate="event_study"
    ).event_study_effects  # fmt: skip
    known = sample(data, covariates=("size",), time_varying=("x",))
    mine = ek.estimate(known, method, time_varying=("x",), baseline=("size",))
    mine = without_shares(mine).table if method == "imputation" else mine.table.assign(group=mine.table["event_time"])
    rows = np.array([[found[e]["effect"], found[e]["se"]] for e in map(int, mine["group"])])
    np.testing.assert_allclose(mine[["estimate", "std_error"]].to_numpy(float), rows, atol=SAME)


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_sun_abraham(missing: float) -> None:
    data = table(missing)
    other = diff_diff.SunAbraham().fit(data, **COLUMNS).event_study_effects
    mine = without_shares(ek.estimate(sample(data), "sun_abraham")).table
    rows = np.array([[other[e]["effect"], other[e]["se"]] for e in map(int, mine["group"])])
    np.testing.assert_allclose(mine[["estimate", "std_error"]].to_numpy(float), rows, atol=SAME)


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_extended_twfe(missing: float) -> None:
    """Both count the cells and the years, and leave out firms' dummies, which are nested in the clusters."""
    data = table(missing)
    other = diff_diff.WooldridgeDiD(control_group="not_yet_treated").fit(data, **COLUMNS).group_time_effects
    mine = ek.estimate(sample(data), "extended_twfe").table
    assert len(mine) == 9
    for row in mine.itertuples():
        cell = other[(row.cohort, row.cohort + row.event_time)]
        assert row.estimate == pytest.approx(cell["att"], abs=SAME)
        assert row.std_error == pytest.approx(cell["se"], abs=SAME)


def test_stacked() -> None:
    data = table()
    other = diff_diff.StackedDiD(kappa_pre=2, kappa_post=1).fit(data, **COLUMNS, aggregate="event_study")
    mine = by_time(ek.estimate(sample(data), "stacked", before=2, after=1))
    for event, found in mine.items():
        theirs = other.event_study_effects[event]
        assert found[0] == pytest.approx(theirs["effect"], abs=SAME)


def test_bacon() -> None:
    data = table()
    s = sample(data)
    mine = ek.check(s, ek.estimate(s, "twfe"), "bacon").table
    other = diff_diff.BaconDecomposition().fit(data, **COLUMNS).comparisons
    assert len(other) == len(mine) == 9
    known = sorted((c.estimate, c.weight) for c in other)
    found = sorted((row["estimate"], row["share"]) for row in mine.to_dict("records"))
    np.testing.assert_allclose(found, known, atol=SAME)
