"""Corrections for few treated firms of group-time effects with covariates, against dense matrices."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import drdid_twin
import evalkit as ek
import twins

TWIN = 1e-10
"""Both solve the same equations to rounding; Newton leaves the square of 1e-5."""
ADJUSTMENTS = ("regression", "ipw", "doubly_robust")
POWER = {"cr2": -0.5, "cr3": -1.0}


def estimate(
    table: pd.DataFrame, adjustment: str, correction: str, cluster: str = "", weight: np.ndarray | None = None,
    covariates: tuple[str, ...] = drdid_twin.COVARIATES,
) -> ek.Effects:  # fmt: skip
    panel = twins.panel(table, covariates=[*drdid_twin.COVARIATES, *([cluster] if cluster else [])])
    panel = dataclasses.replace(twins.corrected(panel, correction), clusters=(cluster,) if cluster else ())
    own = covariates if adjustment != "none" else ()
    return ek.estimate(twins.sample(panel, weight), "group_time", adjustment=adjustment, covariates=own)


def towns(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(town="T" + (table["firm"].str[1:].astype(int) % 11).astype(str))


def residual_maker(d: np.ndarray, x: np.ndarray, w: np.ndarray, adjustment: str) -> tuple[np.ndarray, np.ndarray]:
    """Return what changes count in the effect (n,), and residuals as a matrix times changes (n, n)."""
    left = np.eye(len(d))
    if adjustment != "ipw":
        slopes = np.linalg.solve(x.T @ (x * (w * (1 - d))[:, None]), x.T * (w * (1 - d)))
        left = left - x @ slopes
    treated = (w * d / (w * d).sum()) @ left
    if adjustment == "regression":
        return treated, np.where(d[:, None] > 0, left - treated, left)
    score = 1 / (1 + np.exp(-x @ drdid_twin.logit(x, d, w)))
    omega = w * (1 - d) * score / (1 - score)
    control = (omega / omega.sum()) @ left
    return treated - control, left - np.where(d[:, None] > 0, treated, control)


def dense(d, x, w, adjustment: str, key: np.ndarray, correction: str) -> tuple[np.ndarray, float]:
    """Return the factor of each firm and the degrees of freedom with the firms of a key as one, written out."""
    load, left = residual_maker(d, x, w, adjustment)
    spread = left / w @ left.T
    factor = np.ones(len(d))
    for side in (d > 0, d == 0):
        for k in np.unique(key[side]):
            rows = np.flatnonzero(side & (key == k))
            own, part = load[rows], np.ix_(rows, rows)
            total = (own**2 / w[rows]).sum()
            if correction == "cr2":
                factor[rows] = (own @ spread[part] @ own / total) ** -0.5
            else:
                factor[rows] = 1 / (1 - own @ (np.eye(len(rows)) - left[part]) @ (own / w[rows]) / total)
    scores = np.array([np.where(key == k, load * factor, 0.0) for k in np.unique(key)])
    inside = scores @ spread @ scores.T
    return factor, np.trace(inside) ** 2 / (inside**2).sum()


@pytest.mark.parametrize("correction", ["cr2", "cr3"])
@pytest.mark.parametrize("adjustment", ADJUSTMENTS)
@pytest.mark.parametrize(("cluster", "weighted"), [("", False), ("", True), ("town", True)])
def test_written_out(adjustment: str, correction: str, cluster: str, weighted: bool) -> None:
    table = towns(drdid_twin.frame(120))
    firms = table.drop_duplicates("firm").sort_values("firm")
    weight = np.random.default_rng(5).choice([0.5, 1.0, 3.0], len(firms)) if weighted else np.ones(len(firms))
    known = dict(zip(firms["firm"], weight, strict=True))
    cells, _, psi = drdid_twin.group_time(table, adjustment, weight=known)
    x = pd.get_dummies(firms[list(drdid_twin.COVARIATES)], drop_first=True).astype(float).to_numpy()
    x, g, dof = np.column_stack([np.ones(len(x)), x]), firms["g"].to_numpy(), []
    for k, cohort in enumerate(cells["cohort"]):
        use = (g == cohort) | (g == 0)
        d, key = (g[use] == cohort).astype(float), firms[cluster or "firm"].to_numpy()[use]
        factor, own = dense(d, x[use], weight[use], adjustment, key, correction)
        psi[use, k] *= factor
        dof.append(own)
    sums = pd.DataFrame(psi).groupby(firms[cluster or "firm"].to_numpy()).sum().to_numpy()
    found = estimate(table, adjustment, correction, cluster, weight)
    np.testing.assert_allclose(found.vcov, sums.T @ sums, atol=TWIN)
    if cluster:
        np.testing.assert_allclose(found.row_dof, dof, rtol=1e-8)
    else:
        np.testing.assert_allclose(found.parts.vcov.sum(axis=0), found.vcov, atol=TWIN)


@pytest.mark.parametrize("correction", ["cr2", "cr3"])
@pytest.mark.parametrize("adjustment", ADJUSTMENTS)
@pytest.mark.parametrize("cluster", ["", "town"])
def test_with_nothing_but_a_constant_it_is_the_difference_of_means(adjustment, correction, cluster) -> None:
    table = towns(drdid_twin.frame(80)).assign(growth=2.0)
    found = estimate(table, adjustment, correction, cluster, covariates=("growth",))
    plain = estimate(table, "none", correction, cluster)
    np.testing.assert_allclose(found.vcov, plain.vcov, atol=TWIN)
    np.testing.assert_allclose(found.row_dof, plain.row_dof, rtol=1e-7)
    one, two = ek.aggregate(found), ek.aggregate(plain)
    np.testing.assert_allclose(one.row_dof, two.row_dof, rtol=1e-7)


@pytest.mark.parametrize("adjustment", ADJUSTMENTS)
def test_with_many_firms_the_correction_goes_away_as_one_over_their_number(adjustment: str) -> None:
    for n in (300, 1200):
        table = drdid_twin.frame(n)
        one, two = (estimate(table, adjustment, c) for c in ("cr2", "cr1"))
        gap = np.abs(one.table["std_error"] / two.table["std_error"] - 1).max()
        assert 0 < gap < 1.5 / (n / 5)


def test_auto_corrects_below_fifty_treated_firms_and_says_so() -> None:
    for n, expected in ((70, "cr2"), (300, "cr1")):
        table = drdid_twin.frame(n)
        found = estimate(table, "regression", "auto")
        pd.testing.assert_frame_equal(found.table, estimate(table, "regression", expected).table)
        assert ("few_treated_corrected:y" in found.notes) == (expected == "cr2")
        assert np.isfinite(found.row_dof).all() == (expected == "cr2")


def test_draws_spread_as_the_corrected_error() -> None:
    table = drdid_twin.frame(70)
    panel = twins.panel(table, covariates=drdid_twin.COVARIATES)
    asked = panel.inference.model_copy(update={"bootstrap": "rademacher", "draws": 4000, "seed": 1})
    sample = twins.sample(dataclasses.replace(panel, inference=asked))
    found = ek.estimate(sample, "group_time", adjustment="regression")
    ratio = found.draws.effects.std(axis=0) / found.table["std_error"]
    np.testing.assert_allclose(ratio, 1.0, atol=4 / np.sqrt(2 * 4000))


@pytest.mark.parametrize("adjustment", ADJUSTMENTS)
def test_EST01_EST03_with_covariates(adjustment: str) -> None:
    table = drdid_twin.frame(60)
    firms = sorted(table["firm"].unique())
    few = table.assign(g=np.where(table["firm"].isin(firms[:2]), 2013, 0))
    found = estimate(few, adjustment, "auto", covariates=("growth",)).table
    assert np.isfinite(found["estimate"]).all()
    assert found[["std_error", "p_value", "conf_low", "conf_high"]].isna().all(axis=None)
    with pytest.raises(ek.errors.EstimationError) as error:
        estimate(table.assign(town="one"), adjustment, "auto", "town")
    assert error.value.code == "E_CLUSTERS"
