"""Against the two regressions with every firm and year a dummy, and the sandwich of both moment conditions."""

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.errors import DesignError

EXACT = 1e-9
"""Algebra on both sides; the dense normal equations lose a few digits."""
BESIDE = 1e-8
"""The influence of each firm is rounded at 2^-35 of the largest; errors are a hundredth of their sum."""


def brute(
    long: pd.DataFrame, weight: dict[str, float] | None = None, held: tuple[str, ...] = ()
) -> tuple[list[int], np.ndarray, np.ndarray]:  # fmt: skip
    """Return event times, estimates and their covariance clustered by firm; `held` are columns of the first stage."""
    is_treated = (long["g"] > 0) & (long["year"] >= long["g"])
    counts = (~is_treated).groupby(long["firm"]).transform("sum")
    long, is_treated = long[counts > 0].copy(), is_treated[counts > 0]
    w = np.ones(len(long)) if weight is None else long["firm"].map(weight).to_numpy()
    firms, years = long["firm"].unique(), sorted(long["year"].unique())
    dummies = [(long["firm"] == f).to_numpy(float) for f in firms]
    x1 = np.column_stack([*dummies, *[(long["year"] == y).to_numpy(float) for y in years[1:]], long[list(held)]])
    event = (long["year"] - long["g"]).to_numpy()
    times = sorted(set(event[is_treated.to_numpy()]))
    x2 = np.column_stack([((event == e) & is_treated.to_numpy()).astype(float) for e in times])
    y, x10 = long["y"].to_numpy(), x1 * (~is_treated).to_numpy()[:, None]
    first = np.linalg.inv(x10.T @ (x10 * w[:, None]))
    u1 = y - x1 @ (first @ (x10.T @ (w * y)))
    bread = np.linalg.inv(x2.T @ (x2 * w[:, None]))
    b = bread @ (x2.T @ (w * u1))
    scores = (x2 * (w * (u1 - x2 @ b))[:, None]) - (x10 * (w * u1)[:, None]) @ (first @ (x1.T @ (x2 * w[:, None])))
    by_firm = np.array([scores[(long["firm"] == f).to_numpy()].sum(axis=0) for f in firms])
    return times, b, bread @ (by_firm.T @ by_firm) @ bread


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_equals_the_two_regressions(missing: float) -> None:
    long = twins.frame(n=60, missing=missing, growth=0.2, seed=5)
    found = ek.estimate(twins.sample(twins.corrected(twins.panel(long), "cr1")), "two_stage")
    times, b, vcov = brute(long)
    assert found.table["event_time"].tolist() == times
    np.testing.assert_allclose(found.table["estimate"], b, rtol=EXACT)
    np.testing.assert_allclose(found.vcov, vcov, rtol=EXACT, atol=1e-15)


def test_with_weights() -> None:
    long = twins.frame(n=60, seed=6)
    panel = twins.corrected(twins.panel(long), "cr1")
    weight = np.random.default_rng(0).uniform(0.5, 2, panel.n_firms)
    found = ek.estimate(twins.sample(panel, weight), "two_stage")
    _, b, vcov = brute(long, dict(zip(panel.firm.to_pylist(), weight, strict=True)))
    np.testing.assert_allclose(found.table["estimate"], b, rtol=EXACT)
    np.testing.assert_allclose(found.vcov, vcov, rtol=1e-7)


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_covariates_of_the_first_stage(missing: float, weighted: bool) -> None:
    """Both kinds; what of a covariate is not observed leaves its row out."""
    long = twins.frame(n=60, missing=missing, growth=0.2, seed=5)
    rng, number = np.random.default_rng(2), long["firm"].str[1:].astype(int)
    long = long.assign(x=0.4 * long["y"] + rng.normal(size=len(long)), size=np.sqrt(1.0 + number % 13))
    long["y"] += 0.5 * long["x"] + 0.1 * long["size"] * (long["year"] - 2011)
    long["x"] = long["x"].where(rng.random(len(long)) >= missing)
    panel = twins.corrected(twins.panel(long, covariates=("size",), time_varying=("x",)), "cr1")
    weight = rng.uniform(0.5, 2, panel.n_firms) if weighted else np.ones(panel.n_firms)
    found = ek.estimate(twins.sample(panel, weight), "two_stage", time_varying=("x",), baseline=("size",))
    rows = long.dropna(subset=["x"]).reset_index(drop=True)
    slopes = {f"size{t}": rows["size"] * (rows["year"] == t) for t in sorted(rows["year"].unique())[1:]}
    known = dict(zip(panel.firm.to_pylist(), weight, strict=True))
    times, b, vcov = brute(rows.assign(**slopes), known, ("x", *slopes))
    assert found.table["event_time"].tolist() == times
    np.testing.assert_allclose(found.table["estimate"], b, rtol=EXACT)
    np.testing.assert_allclose(found.vcov, vcov, rtol=BESIDE)


def test_estimates_are_those_of_imputation_averaged_by_firm_years() -> None:
    sample = twins.sample(twins.panel(twins.frame(n=200, growth=0.3)))
    cells = ek.estimate(sample, "imputation").table
    expected = cells.groupby("event_time").apply(lambda c: np.average(c["estimate"], weights=c["n_treated"]))
    np.testing.assert_allclose(ek.estimate(sample, "two_stage").table["estimate"], expected, rtol=1e-10)


def test_no_untreated_year_is_refused() -> None:
    long = twins.frame(n=40)
    long["g"] = long["year"].min()
    for method in ("two_stage", "imputation"):
        with pytest.raises(DesignError) as error:
            ek.estimate(twins.sample(twins.panel(long)), method)
        assert error.value.code == "E_NO_CONTROL"
