"""Corrections for few treated firms of estimators that are no plain regressions, against dense matrices and refits."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins

EQUAL = 1e-10
"""Variances of order 1e-2; outcomes are rounded once at 2^-35 of their range, which refits see."""
STACK = {"before": 2, "after": 1}
OPTIONS = {"stacked": STACK | {"weights": "none"}}


def estimate(table: pd.DataFrame, method: str, correction: str, cluster: str = "", **options: object) -> ek.Effects:
    panel = twins.panel(table, covariates=[cluster] if cluster else [])
    panel = dataclasses.replace(twins.corrected(panel, correction), clusters=(cluster,) if cluster else ())
    return ek.estimate(twins.sample(panel), method, **options)


def dense(load: np.ndarray, left: np.ndarray, y: np.ndarray, key: np.ndarray, power: float):
    """Return the covariance and degrees of freedom of effects `load` (K, N) with residuals `left` (N, N) y.

    Pustejovsky and Tipton (2018), section 2.2: of each cluster the residuals, times a root of their covariance that is
    symmetric, when errors are equal and independent (CR2); or times the inverse of what they are of its errors (CR3).
    """
    scores, parts = [], []
    for k in np.unique(key):
        rows = np.flatnonzero(key == k)
        if power == -0.5:
            size, axes = np.linalg.eigh(left[rows] @ left[rows].T)
            adjust = (axes * np.where(size > 1e-9, np.maximum(size, 1e-9) ** -0.5, 0.0)) @ axes.T
        else:
            adjust = np.linalg.pinv(left[np.ix_(rows, rows)], rcond=1e-9)
        parts.append(load[:, rows] @ adjust @ left[rows])
        scores.append(parts[-1] @ y)
    inside = np.einsum("ikn,jkn->kij", np.array(parts), np.array(parts))
    dof = np.einsum("kii->k", inside) ** 2 / (inside**2).sum(axis=(1, 2))
    return np.array(scores).T @ np.array(scores), np.maximum(dof, 1.0)


def imputation_matrices(table: pd.DataFrame, by: str):
    """Return weights of rows in the effects and the residual maker; `by` cell or event time."""
    is_treated = ((table["g"] > 0) & (table["year"] >= table["g"])).to_numpy()
    n_untreated = (~pd.Series(is_treated)).groupby(table["firm"].to_numpy()).transform("sum").to_numpy()
    table, is_treated = table[n_untreated > 0], is_treated[n_untreated > 0]
    codes = np.hstack([pd.get_dummies(table[c], dtype=float).to_numpy() for c in ("firm", "year")])
    first = np.linalg.pinv(np.where(is_treated[:, None], 0.0, codes))
    tau = np.eye(len(table)) - codes @ first
    key = (table["year"] - table["g"]).to_numpy() if by == "event" else (table["g"] * 10_000 + table["year"]).to_numpy()
    key = np.where(is_treated, key, -1)
    groups = [key == k for k in np.unique(key[is_treated])]
    load = np.array([tau[own].mean(axis=0) for own in groups])
    left = tau - np.array([own.astype(float) for own in groups]).T @ load
    firm = pd.get_dummies(table["firm"], dtype=float).to_numpy()
    return table, load, left - firm / firm.sum(axis=0) @ firm.T @ left


@pytest.mark.parametrize(("correction", "power"), [("cr2", -0.5), ("cr3", -1.0)])
@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize("cluster", ["", "region"])
@pytest.mark.parametrize(("method", "by"), [("imputation", "cell"), ("two_stage", "event")])
def test_imputed_effects_written_out(method, by, cluster, missing, correction, power) -> None:
    table = twins.frame(n=28, missing=missing, seed=3, growth=0.2)
    table["region"] = table["firm"].str[1:].astype(int) % 7
    table["region"] = "R" + table["region"].astype(str)
    own, load, left = imputation_matrices(table, by)
    vcov, dof = dense(load, left, own["y"].to_numpy(), own[cluster or "firm"].to_numpy(), power)
    found = estimate(table, method, correction, cluster)
    known = np.isfinite(np.diag(found.vcov))
    assert known.sum() > 3
    np.testing.assert_allclose(found.vcov[np.ix_(known, known)], vcov[np.ix_(known, known)], atol=EQUAL)
    np.testing.assert_allclose(found.row_dof[known], dof[known], rtol=1e-8)


def stack(table: pd.DataFrame, weights: str) -> pd.DataFrame:
    """Write the experiments out, two years before and one after the award, with not yet supported firms."""
    parts = []
    for cohort in sorted(g for g in table["g"].unique() if g > 0):
        part = table[table["year"].between(cohort - 2, cohort + 1)]
        part = part[(part["g"] == cohort) | (part["g"] == 0) | (part["g"] > cohort + 1)]
        part = part[part.groupby("firm")["y"].transform("size") > 1]
        own = part["g"] == cohort
        n_own, n_clean = (part.loc[side, "firm"].nunique() for side in (own, ~own))
        w = np.where(own | (weights == "none"), 1.0, n_own / n_clean)
        parts.append(part.assign(stack=cohort, own=own, w=w, event=np.where(own, part["year"] - cohort, -1)))
    return pd.concat(parts)


@pytest.mark.parametrize(("correction", "power"), [("cr2", -0.5), ("cr3", -1.0)])
@pytest.mark.parametrize("weights", ["corrected", "none"])
@pytest.mark.parametrize(("missing", "cluster"), [(0.0, ""), (0.1, ""), (0.1, "region")])
def test_stacks_written_out(missing, cluster, weights, correction, power) -> None:
    table = twins.frame(n=24, periods=7, missing=missing, seed=5, growth=0.2)
    table["region"] = "R" + (table["firm"].str[1:].astype(int) % 7).astype(str)
    rows = stack(table, weights)
    effects = np.array([rows["event"] == e for e in sorted(set(rows["event"]) - {-1})], float).T
    label = rows["stack"].astype(str)
    effects_of = [pd.get_dummies(label + rows[c].astype(str), dtype=float).to_numpy() for c in ("firm", "year")]
    x = np.hstack([effects, *effects_of])
    root = np.sqrt(rows["w"].to_numpy())
    whole = np.linalg.pinv(x * root[:, None]) * root
    left = np.eye(len(rows)) - x @ whole
    key = rows[cluster or "firm"].to_numpy()
    vcov, dof = dense(whole[: effects.shape[1]], left, rows["y"].to_numpy(), key, power)
    found = estimate(table, "stacked", correction, cluster, **STACK, weights=weights)
    np.testing.assert_allclose(found.vcov, vcov, atol=EQUAL)
    np.testing.assert_allclose(found.row_dof, dof, rtol=1e-8)


@pytest.mark.parametrize("missing", [0.0, 0.12])
@pytest.mark.parametrize("method", ["imputation", "two_stage", "stacked"])
def test_cr3_is_what_leaving_each_firm_out_changes(method: str, missing: float) -> None:
    table = twins.frame(n=18, periods=7, missing=missing, seed=4, growth=0.1)
    found = estimate(table, method, "cr3", **OPTIONS.get(method, {}))
    keys = [c for c in ("cohort", "year", "event_time") if found.table[c].notna().all()]
    whole, changes = found.table.set_index(keys)["estimate"], []
    for firm in table["firm"].unique():
        rest = estimate(table[table["firm"] != firm], method, "cr1", **OPTIONS.get(method, {})).table
        changes.append((whole - rest.set_index(keys)["estimate"].reindex(whole.index)).to_numpy(float))
    known = np.isfinite(np.diag(found.vcov)) & np.isfinite(changes).all(axis=0)
    assert known.sum() > 2
    jackknife = np.array(changes)[:, known]
    np.testing.assert_allclose(found.vcov[np.ix_(known, known)], jackknife.T @ jackknife, atol=EQUAL)


def test_on_a_balanced_panel_imputation_is_the_extended_regression() -> None:
    table = twins.frame(n=40, growth=0.1)
    one, two = estimate(table, "imputation", "cr2"), estimate(table, "extended_twfe", "cr2")
    np.testing.assert_allclose(one.vcov, two.vcov, atol=1e-13)
    np.testing.assert_allclose(one.row_dof, two.row_dof, rtol=1e-9)


@pytest.mark.parametrize("method", ["imputation", "two_stage", "stacked"])
def test_with_many_firms_the_correction_goes_away_as_one_over_their_number(method: str) -> None:
    for n in (200, 800):
        table = twins.frame(n=n, seed=6)
        one, two = (estimate(table, method, c, **OPTIONS.get(method, {})) for c in ("cr2", "cr1"))
        gap = np.abs(one.table["std_error"] / two.table["std_error"] - 1).max()
        assert 0 < gap < 1.5 / (n / 5)


@pytest.mark.parametrize("method", ["imputation", "two_stage", "stacked"])
def test_auto_leaves_fifty_treated_firms_as_they_are(method: str) -> None:
    table = twins.frame(n=120, seed=6)
    one, two = (estimate(table, method, c, **OPTIONS.get(method, {})) for c in ("auto", "cr1"))
    pd.testing.assert_frame_equal(one.table, two.table)
    assert not any(note.startswith("few_treated") for note in one.notes)


@pytest.mark.parametrize("method", ["imputation", "two_stage", "stacked"])
def test_averages_carry_degrees_of_freedom(method: str) -> None:
    found = estimate(twins.frame(n=40, seed=6), method, "auto", **OPTIONS.get(method, {}))
    assert "few_treated_corrected:y" in found.notes
    overall = ek.aggregate(found)
    assert np.isfinite(overall.row_dof).all()
    if found.parts is None:
        after = (found.table["event_time"] >= 0).to_numpy()
        assert overall.row_dof == pytest.approx(found.row_dof[after].min())
    else:
        assert (overall.row_dof >= found.row_dof.min()).all()
    one = ek.combine(found, {"first": np.eye(len(found.table))[0]})
    assert one.table["std_error"].item() == pytest.approx(found.table["std_error"][0])


@pytest.mark.parametrize("method", ["imputation", "two_stage", "stacked"])
def test_clusters_in_two_ways_are_not_corrected_and_told(method: str) -> None:
    table = twins.frame(n=40, seed=6)
    number = table["firm"].str[1:].astype(int)
    table["town"], table["trade"] = "T" + (number % 9).astype(str), "B" + (number % 5).astype(str)
    panel = dataclasses.replace(twins.panel(table, covariates=["town", "trade"]), clusters=("town", "trade"))
    one, two = (
        ek.estimate(twins.sample(twins.corrected(panel, c)), method, **OPTIONS.get(method, {})) for c in ("cr1", "cr2")
    )
    pd.testing.assert_frame_equal(one.table, two.table)
    assert "few_treated:y" in two.notes
    if method == "stacked":
        assert set(two.row_dof) == {4.0}
