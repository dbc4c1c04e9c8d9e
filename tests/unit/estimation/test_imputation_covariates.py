"""Imputation beside covariates, against least squares on untreated rows with every dummy a column."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.errors import EvalkitError
from evalkit.model.study import Inference

TWIN = 1e-10
"""Values are rounded at 2^-37 of their range; the twin takes a pseudo-inverse of firm and year dummies."""
NO_NOISE = 1e-9
"""Values up to 30 are rounded at 2^-37 of that."""
OWN = {"time_varying": ("x",), "baseline": ("size",)}


def table(missing: float = 0.1, n: int = 120) -> pd.DataFrame:
    """The outcome moves with a covariate by year, and paths drift apart by size."""
    long = twins.frame(n=n, missing=missing, growth=0.1, seed=3)
    number, rng = long["firm"].str[1:].astype(int), np.random.default_rng(5)
    long = long.assign(
        x=0.3 * long["y"] + rng.normal(size=len(long)), size=np.sqrt(1.0 + number % 13),
        region=[f"R{i % 20}" for i in number],
    )  # fmt: skip
    long["y"] += 0.4 * long["x"] + 0.1 * long["size"] * (long["year"] - 2011)
    long["x"] = long["x"].where(rng.random(len(long)) >= missing)
    return long


def sample(
    long: pd.DataFrame, outcomes: tuple[str, ...] = ("y",), clusters: tuple[str, ...] = (), **choices: object
) -> ek.MatchedSample:  # fmt: skip
    panel = twins.panel(long, outcomes, covariates=("size", "region"), time_varying=("x",), clusters=clusters)
    return twins.sample(dataclasses.replace(panel, inference=Inference(**{"correction": "cr1"} | choices)))


def used(long: pd.DataFrame) -> pd.DataFrame:
    return long.dropna(subset=["x", "y"]).reset_index(drop=True)


@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize("never", [True, False])
@pytest.mark.parametrize("own", [OWN, {"time_varying": ("x",)}, {"baseline": ("size",)}])
def test_equals_twin(missing: float, never: bool, own: dict) -> None:
    long = table(missing)
    if not never:
        long = long[(long["g"] > 0) & (long["year"] < long["g"].max())].reset_index(drop=True)
    rows = used(long) if "time_varying" in own else long
    found = ek.estimate(sample(long), "imputation", **own)
    cells, effects, psi = twins.imputation(rows, twins.held(rows, own))
    assert list(zip(found.table["cohort"], found.table["year"], strict=True)) == cells
    np.testing.assert_allclose(found.table["estimate"], effects, atol=TWIN)
    np.testing.assert_allclose(found.vcov, psi.T @ psi, atol=TWIN)
    assert np.isinf(found.dof)
    assert found.columns == {"y": rows["year"].nunique() - 1 + len(twins.held(rows, own)) + len(cells)}
    lost = len(long) - len(rows)
    assert (f"firm_years_without_covariate:{lost}" in found.notes) == (lost > 0)
    assert ("time_varying_covariate:x" in found.notes) == ("time_varying" in own)


def test_anticipated_years_are_treated_years() -> None:
    long = table()
    panel = dataclasses.replace(sample(long).panel, anticipation=1)
    found, rows = ek.estimate(twins.sample(panel), "imputation", **OWN), used(long)
    early = rows.assign(g=np.where(rows["g"] > 0, rows["g"] - 1, 0))
    cells, effects, psi = twins.imputation(early, twins.held(early, OWN))
    assert list(zip(found.table["cohort"] - 1, found.table["year"], strict=True)) == cells
    np.testing.assert_allclose(found.table["estimate"], effects, atol=TWIN)
    np.testing.assert_allclose(found.vcov, psi.T @ psi, atol=TWIN)


def test_clusters_above_the_firm() -> None:
    long = table()
    rows = used(long)
    found = ek.estimate(sample(long, clusters=("region",)), "imputation", **OWN)
    _, effects, psi = twins.imputation(rows, twins.held(rows, OWN))
    summed = pd.DataFrame(psi).groupby(rows.groupby("firm")["region"].first().to_numpy()).sum().to_numpy()
    np.testing.assert_allclose(found.table["estimate"], effects, atol=TWIN)
    np.testing.assert_allclose(found.vcov, summed.T @ summed, atol=TWIN)


def test_two_outcomes_have_a_joint_covariance() -> None:
    long = table()
    long["y2"] = (0.7 * long["y"] + np.sin(long["year"] + long["size"])).where(long.index % 17 > 0)
    found = ek.estimate(sample(long, ("y", "y2")), "imputation", **OWN)
    each = []
    for outcome in ("y", "y2"):
        rows = used(long.assign(y=long[outcome]))
        _, effects, psi = twins.imputation(rows, twins.held(rows, OWN))
        np.testing.assert_allclose(found.of(outcome).table["estimate"], effects, atol=TWIN)
        each.append(pd.DataFrame(psi, index=sorted(rows["firm"].unique())))
    joint = pd.concat(each, axis=1).fillna(0.0).to_numpy()
    np.testing.assert_allclose(found.vcov, joint.T @ joint, atol=TWIN)


def test_shares_of_cohorts_move_with_effects() -> None:
    long = table()
    rows = used(long)
    found = ek.estimate(sample(long), "imputation", **OWN)
    _, _, psi = twins.imputation(rows, twins.held(rows, OWN))
    cohort = rows.groupby("firm")["g"].first().to_numpy()
    expected = [psi[cohort == g].sum(axis=0) for g in found.shares.cohorts]
    np.testing.assert_allclose(found.shares.cross, np.column_stack(expected), atol=10 * TWIN)


def test_a_trend_that_a_covariate_moves_is_taken_off_without_noise() -> None:
    """Larger firms grow faster, and are supported more often; the effect is the one planted, and has no error."""
    long = twins.frame(n=200, noise=0.0, effect=0.5, growth=0.1, missing=0.1, seed=4)
    number = long["firm"].str[1:].astype(int)
    long = long.assign(size=np.sqrt(1.0 + number % 13) + (long["g"] > 0), region="R", x=np.cos(number * long["year"]))
    long["y"] += 0.3 * long["size"] * (long["year"] - 2011) + 2.0 * long["x"]
    found = ek.estimate(sample(long), "imputation", **OWN).table
    planted = 0.5 + 0.1 * found["event_time"].astype(float)
    np.testing.assert_allclose(found["estimate"], planted, atol=NO_NOISE)
    np.testing.assert_allclose(found["std_error"], 0.0, atol=NO_NOISE)
    without = ek.estimate(sample(long), "imputation").table
    assert (without["estimate"] - planted).abs().max() > 0.1


def test_neither_the_order_of_firms_nor_blocks_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    long = table()
    other = long.assign(firm=long["firm"].map(lambda f: f"Z{99999 - int(f[1:])}")).sample(frac=1, random_state=3)
    first = ek.estimate(sample(long), "imputation", **OWN)
    monkeypatch.setattr("evalkit.model.store.BLOCK_FIRMS", 16)
    second = ek.estimate(sample(other), "imputation", **OWN)
    pd.testing.assert_frame_equal(first.table, second.table, check_exact=True)
    assert first.vcov.tobytes() == second.vcov.tobytes()


def test_a_firm_whose_covariate_is_known_only_after_the_award_is_left_out_and_counted() -> None:
    long = table(0.0)
    firm = long.loc[long["g"] == 2013, "firm"].iloc[0]
    late = long.assign(x=long["x"].where((long["firm"] != firm) | (long["year"] >= 2013)))
    found = ek.estimate(sample(late), "imputation", **OWN)
    expected = ek.estimate(sample(long[long["firm"] != firm]), "imputation", **OWN)
    np.testing.assert_allclose(found.table["estimate"], expected.table["estimate"], atol=TWIN)
    assert found.table["n_treated"].tolist() == expected.table["n_treated"].tolist()
    assert {"not_imputed:1", "firm_years_without_covariate:2"} <= set(found.notes)


def refused(long: pd.DataFrame, own: dict = OWN, **choices: object) -> EvalkitError:
    with pytest.raises(EvalkitError) as caught:
        ek.estimate(sample(long, **choices), "imputation", **own)
    return caught.value


def test_a_covariate_that_moves_only_after_the_award_is_refused() -> None:
    """Its slope is not that of untreated firm-years; a regression of all firm-years would have one."""
    long = table(0.0)
    long["x"] = long["x"].where((long["g"] > 0) & (long["year"] >= long["g"]), 1.0)
    error = refused(long)
    assert (error.code, error.where) == ("E_COLLINEAR", "untreated firm-years")
    assert error.problem.endswith(": x")
    assert np.isfinite(ek.estimate(sample(long), "extended_twfe", **OWN).table["estimate"]).all()


def test_a_covariate_known_only_after_the_award_leaves_nothing_to_impute_from() -> None:
    long = table(0.0)
    long["x"] = long["x"].where((long["g"] > 0) & (long["year"] >= long["g"]))
    assert refused(long).code == "E_NO_CONTROL"


def test_a_covariate_that_is_a_year_effect_is_refused() -> None:
    error = refused(table(0.0).assign(x=lambda t: np.cos(t["year"].astype(float))))
    assert error.code == "E_COLLINEAR"
    assert "x" in error.problem


@pytest.mark.parametrize("correction", ["auto", "cr2", "cr3"])
def test_a_correction_for_few_firms_is_refused(correction: str) -> None:
    """By "auto" with fewer than 50 supported firms only."""
    few = table(0.0, n=60)
    assert few.loc[few["g"] > 0, "firm"].nunique() < 50
    error = refused(few, correction=correction)
    assert (error.code, error.where) == ("E_OPTION", "inference.correction")
    assert "extended_twfe" in error.hint


def test_auto_takes_residuals_as_they_are_from_fifty_supported_firms_on() -> None:
    long = table()
    assert long.loc[long["g"] > 0, "firm"].nunique() >= 50
    found, plain = (ek.estimate(sample(long, correction=c), "imputation", **OWN) for c in ("auto", "cr1"))
    assert found.vcov.tobytes() == plain.vcov.tobytes()


@pytest.mark.parametrize("clusters", [(), ("region",)])
@pytest.mark.parametrize("method", ["imputation", "two_stage"])
def test_multipliers_have_the_variance_of_the_estimates(method: str, clusters: tuple[str, ...]) -> None:
    known = sample(table(), clusters=clusters, bootstrap="rademacher", draws=999)
    found = ek.estimate(known, method, **OWN)
    sampling = 5 * np.sqrt(2 / len(found.draws.effects))
    ratio = (found.draws.effects**2).mean(axis=0) / np.diag(found.vcov)
    np.testing.assert_allclose(ratio, 1.0, atol=sampling)


@pytest.mark.parametrize("method", ["imputation", "two_stage"])
def test_an_outcome_that_is_seen_before_the_award_only_has_no_rows(method: str) -> None:
    long = table()
    long["y2"] = long["y"].where((long["g"] == 0) | (long["year"] < long["g"]))
    both = ek.estimate(sample(long, ("y2", "y")), method, **OWN)
    assert set(both.table["outcome"]) == {"y"}
    one = ek.estimate(sample(long), method, **OWN)
    np.testing.assert_allclose(both.table["estimate"], one.table["estimate"], atol=TWIN)
    np.testing.assert_allclose(both.vcov, one.vcov, atol=TWIN)
