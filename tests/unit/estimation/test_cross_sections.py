"""Repeated cross-sections against dense least squares with clustered errors."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import evalkit as ek
import twins
from evalkit.errors import DesignError, EstimationError
from evalkit.model.study import Inference

TWIN = 1e-10
"""Exact sums of values rounded at 2^-37 of their range, against least squares on the values."""


def frame(missing: float = 0.3, n: int = 160) -> pd.DataFrame:
    table = twins.frame(n=n, missing=missing, seed=6)
    code = table["firm"].str[1:].astype(int)
    return table.assign(
        size=np.sin(code), trade=np.where(code % 3 == 0, "a", np.where(code % 3 == 1, "b", "c")),
        region="r" + (code % 9).astype(str),
    )  # fmt: skip


def sample(table: pd.DataFrame, correction: str = "cr1", weight=None, **roles: object) -> ek.MatchedSample:
    panel = twins.panel(table, covariates=("size", "trade"), **roles)
    return twins.sample(dataclasses.replace(panel, inference=Inference(correction=correction)), weight)


def weights(table: pd.DataFrame) -> pd.Series:
    firms = np.sort(table["firm"].unique())
    return pd.Series(0.5 + np.arange(len(firms)) % 4, index=firms)


def cell(table: pd.DataFrame, cohort: int, year: int, covariates: bool) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the rows of a cell and its regressors, the effect first."""
    start = min(year, cohort) - 1
    rows = table[table["g"].isin([0, cohort]) & table["year"].isin([start, year])]
    own, after = (rows["g"] == cohort).to_numpy(float), (rows["year"] == year).to_numpy(float)
    x = [own * after, np.ones(len(rows)), own, after]
    if covariates:
        x += [rows["size"], *pd.get_dummies(rows["trade"], drop_first=True, dtype=float).to_numpy().T]
    return rows, np.column_stack(x)


@pytest.mark.parametrize("covariates", [(), ("size", "trade")])
@pytest.mark.parametrize("group", ["firm", "region"])
def test_equals_weighted_least_squares(covariates: tuple[str, ...], group: str) -> None:
    table = frame()
    w = weights(table)
    roles = {"clusters": ("region",)} if group == "region" else {}
    found = ek.estimate(
        sample(table, weight=w.to_numpy(), **roles), "cross_sections", covariates=covariates
    )  # fmt: skip
    assert len(found.table) == 15
    for row, dof in zip(found.table.itertuples(), found.dof, strict=True):
        rows, x = cell(table, row.cohort, row.year, bool(covariates))
        label = pd.factorize(rows[group])[0]
        fit = sm.WLS(rows["y"].to_numpy(), x, weights=rows["firm"].map(w).to_numpy()).fit(
            cov_type="cluster", cov_kwds={"groups": label, "use_correction": True}
        )
        assert row.estimate == pytest.approx(fit.params[0], abs=TWIN)
        assert row.std_error == pytest.approx(fit.bse[0], abs=TWIN)
        assert dof == label.max()


@pytest.mark.parametrize(("correction", "power"), [("cr2", -0.5), ("cr3", -1.0)])
def test_corrected_errors_equal_dense_blocks(correction: str, power: float) -> None:
    """(I - H) of each firm is inverted as a dense matrix; degrees of freedom from the whole hat matrix."""
    table = frame(n=60)
    found = ek.estimate(sample(table, correction), "cross_sections", covariates=("size",))
    assert len(found.table) == 15
    for row, dof in zip(found.table.itertuples(), found.dof, strict=True):
        rows, x = cell(table, row.cohort, row.year, covariates=False)
        x = np.column_stack([x, rows["size"]])
        bread = np.linalg.inv(x.T @ x)
        y = rows["y"].to_numpy()
        left, rest = y - x @ bread @ x.T @ y, np.eye(len(y)) - x @ bread @ x.T
        gaps = []
        for own in rows.groupby("firm").indices.values():
            size, turn = np.linalg.eigh(np.eye(len(own)) - x[own] @ bread @ x[own].T)
            gaps.append(bread[0] @ x[own].T @ (turn * size**power) @ turn.T @ rest[own])
        variance = sum((g @ y) ** 2 for g in gaps)
        q = np.array(gaps) @ np.array(gaps).T
        assert row.std_error == pytest.approx(np.sqrt(variance), abs=TWIN)
        assert dof == pytest.approx(max(np.trace(q) ** 2 / (q**2).sum(), 1.0), rel=1e-8)
        assert left @ x[:, 0] == pytest.approx(0.0, abs=TWIN)


def test_firms_seen_once_are_used() -> None:
    """No firm is in both years: estimators of changes have nothing, this one all."""
    table = twins.frame(n=600, seed=3)
    code = table["firm"].str[1:].astype(int)
    once = table[(table["year"] - 2011) % 2 == code % 2]
    with pytest.raises(DesignError, match="E_NO_CONTROL"):
        ek.estimate(twins.sample(twins.panel(once)), "difference")
    found = ek.estimate(twins.sample(twins.panel(once)), "cross_sections").table
    first = found[found["event_time"] == 0]
    assert len(first) == 3
    assert (first["n_treated"] + first["n_control"] > 300).all()


def test_refusals() -> None:
    table = frame()
    both = table.assign(double=2 * table["size"])
    panel = twins.panel(both, covariates=("size", "double"))
    with pytest.raises(DesignError, match="E_COLLINEAR"):
        ek.estimate(twins.sample(panel), "cross_sections", covariates=("size", "double"))
    with pytest.raises(DesignError, match="E_NO_CONTROL"):
        ek.estimate(twins.sample(twins.panel(table[table["g"] > 0])), "cross_sections")
    alone = table.assign(region="r")
    with pytest.raises(EstimationError, match="E_CLUSTERS"):
        ek.estimate(twins.sample(twins.panel(alone, clusters=("region",))), "cross_sections")
