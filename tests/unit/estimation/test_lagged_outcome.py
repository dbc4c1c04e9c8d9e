"""Effects given past outcomes, against dense least squares and numerical derivatives."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import evalkit as ek
import twins
from evalkit.errors import DesignError, StudyError
from evalkit.model.study import Inference

TWIN = 1e-10
"""Exact sums of values rounded at 2^-37 of their range, against least squares on the values."""
DERIVATIVE = 1e-6
"""Central differences with a step of 1e-5 leave an error of about its square and of rounding over it."""
STEP = 1e-5


def frame(missing: float = 0.0, n: int = 160) -> pd.DataFrame:
    table = twins.frame(n=n, missing=missing, seed=5)
    code = table["firm"].str[1:].astype(int)
    return table.assign(size=np.sin(code), trade=np.where(code % 3 == 0, "a", np.where(code % 3 == 1, "b", "c")))


def panel(table: pd.DataFrame, **roles: object) -> ek.Panel:
    return twins.panel(table, covariates=("size", "trade"), **roles)


def twin(table, weight: pd.Series, cell: tuple[int, int], controls, n_lags: int = 1, covariates=()) -> float:
    """Predict the cohort from a regression of the controls, all dense."""
    cohort, year = cell
    wide = table.pivot_table(index="firm", columns="year", values="y")
    first = table.groupby("firm").first().reindex(wide.index)
    lags = [cohort - 1 - k for k in range(n_lags)]
    x = pd.concat([wide[lags], *(pd.get_dummies(first[c], drop_first=True, dtype=float) for c in covariates)], axis=1)
    x = sm.add_constant(x.to_numpy(), has_constant="add")
    whole = wide[[year, *lags]].notna().all(axis=1).to_numpy()
    own, other = (whole & first["g"].isin(c).to_numpy() for c in ([cohort], controls))
    w, y = weight.reindex(wide.index).to_numpy(), wide[year].to_numpy()
    slopes = sm.WLS(y[other], x[other], weights=w[other]).fit().params
    return float(np.average(y[own] - x[own] @ slopes, weights=w[own]))


def weights(table: pd.DataFrame) -> pd.Series:
    firms = np.sort(table["firm"].unique())
    return pd.Series(0.5 + np.arange(len(firms)) % 4, index=firms)


@pytest.mark.parametrize("n_lags", [1, 2])
@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize("covariates", [(), ("trade",)])
def test_equals_dense_least_squares(n_lags: int, comparison: str, covariates: tuple[str, ...]) -> None:
    table = frame(missing=0.08)
    w = weights(table)
    sample = twins.sample(panel(table), w.to_numpy())
    options = {"n_lags": n_lags, "comparison": comparison, "covariates": covariates}
    found = ek.estimate(sample, "lagged_outcome", **options).table
    assert len(found) == 9
    for row in found.itertuples():
        later = [g for g in (2013, 2014, 2015) if g > row.year] if comparison == "not_yet_treated" else []
        expected = twin(table, w, (row.cohort, row.year), [0, *later], n_lags, covariates)
        assert row.estimate == pytest.approx(expected, abs=TWIN)


def test_covariance_is_that_of_the_derivatives_by_weights() -> None:
    """The influence of a firm is its weight times the derivative of the estimate by it."""
    table = frame(n=60)
    w = weights(table)
    found = ek.estimate(twins.sample(panel(table), w.to_numpy()), "lagged_outcome", comparison="not_yet_treated")
    psi = np.zeros((len(w), len(found.table)))
    for i, firm in enumerate(w.index):
        for k, row in enumerate(found.table.itertuples()):
            controls = [0, *(g for g in (2013, 2014, 2015) if g > row.year)]
            moved = [w.copy() for _ in range(2)]
            for one, sign in zip(moved, (1, -1), strict=True):
                one[firm] += sign * STEP
            ends = [twin(table, one, (row.cohort, row.year), controls) for one in moved]
            psi[i, k] = w[firm] * (ends[0] - ends[1]) / (2 * STEP)
    np.testing.assert_allclose(found.vcov, psi.T @ psi, atol=DERIVATIVE)
    mass = np.array([np.where(table.groupby("firm")["g"].first() == g, w, 0.0) for g in (2013, 2014, 2015)])
    np.testing.assert_allclose(found.shares.cross, psi.T @ mass.T, atol=DERIVATIVE * w.max())


def test_clusters_add_the_influence_of_their_firms() -> None:
    table = frame().assign(region=lambda t: "r" + (t["firm"].str[1:].astype(int) % 9).astype(str))
    alone = ek.estimate(twins.sample(panel(table, clusters=("region",))), "lagged_outcome")
    twice = pd.concat([table, table.assign(firm="C" + table["firm"])])
    doubled = ek.estimate(twins.sample(panel(twice, clusters=("region",))), "lagged_outcome")
    np.testing.assert_allclose(doubled.vcov, alone.vcov, rtol=1e-9)
    firms = ek.estimate(twins.sample(panel(table)), "lagged_outcome")
    assert not np.allclose(firms.vcov, alone.vcov)


@pytest.mark.parametrize("law", ["rademacher", "mammen"])
def test_draws_have_the_covariance(law: str) -> None:
    p = dataclasses.replace(panel(frame()), inference=Inference(bootstrap=law, draws=4000))
    found = ek.estimate(twins.sample(p), "lagged_outcome")
    ratio = found.draws.effects.std(axis=0) / found.table["std_error"]
    four_errors = 4 / np.sqrt(2 * 4000)
    assert (ratio - 1).abs().max() < four_errors


def test_regression_to_the_mean_is_taken_out() -> None:
    """Firms are chosen on a bad year: their recovery is no effect."""
    rng = np.random.default_rng(8)
    n, years = 4000, np.arange(2011, 2016)
    y = rng.normal(0, 1, (n, 1)) * 0.0 + rng.normal(0, 1, (n, len(years)))
    chosen = rng.random(n) < 1 / (1 + np.exp(2 * y[:, 1]))
    table = pd.DataFrame({
        "firm": np.repeat([f"F{i:05d}" for i in range(n)], len(years)), "year": np.tile(years, n),
        "g": np.repeat(np.where(chosen, 2013, 0), len(years)), "y": y.ravel(),
    })  # fmt: skip
    sample = twins.sample(twins.panel(table))
    given = ek.aggregate(ek.estimate(sample, "lagged_outcome")).table.iloc[0]
    gap = ek.aggregate(ek.estimate(sample, "group_time")).table.iloc[0]
    assert abs(given["estimate"]) < 4 * given["std_error"]
    assert gap["estimate"] > 20 * gap["std_error"]


def test_firms_at_a_level_without_comparison_firms_are_refused() -> None:
    table = frame()
    alone = table.assign(trade=table["trade"].where(table["g"] == 0, "d"))
    with pytest.raises(DesignError, match="levels of trade") as caught:
        ek.estimate(twins.sample(panel(alone)), "lagged_outcome", covariates=("trade",))
    assert caught.value.code == "E_NO_OVERLAP"


def test_a_constant_past_is_refused() -> None:
    table = frame()
    flat = table.assign(y=table["y"].where(table["year"] != 2012, 1.0))
    with pytest.raises(DesignError, match="y@2012") as caught:
        ek.estimate(twins.sample(panel(flat)), "lagged_outcome")
    assert caught.value.code == "E_COLLINEAR"


def test_unknown_covariates_are_counted() -> None:
    table = frame()
    gone = table["firm"].isin(table["firm"].unique()[:7])
    found = ek.estimate(twins.sample(panel(table.assign(size=table["size"].mask(gone)))), "lagged_outcome",
                        covariates=("size",))  # fmt: skip
    assert "missing_covariate:7" in found.notes


@pytest.mark.parametrize("n_lags", [0, 4])
def test_lags_are_few(n_lags: int) -> None:
    with pytest.raises(StudyError, match="n_lags"):
        ek.estimate(twins.sample(panel(frame())), "lagged_outcome", n_lags=n_lags)
