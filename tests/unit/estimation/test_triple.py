"""Third differences against firm-by-firm twins, a regression with all interactions, and known truths."""

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.errors import DesignError, EstimationError, StudyError, UnknownNameError

EXACT = 1e-10
"""Both sides add up the same numbers in different orders."""


def estimate(table: pd.DataFrame, weight: np.ndarray | None = None, **options: object) -> ek.Effects:
    roles = {"covariates": ("eligible",)} | ({"clusters": ("region",)} if "region" in table else {})
    sample = twins.sample(twins.panel(table, **roles), weight)
    return ek.estimate(sample, "triple", **{"eligible": "eligible", "levels": ("yes",)} | options)


def brute(
    table: pd.DataFrame, comparison: str, combination: str, weight: pd.Series | None = None
) -> tuple[list[tuple[int, int]], np.ndarray, np.ndarray]:
    """Return cells, estimates and influence (firms, cells): four means a comparison, firm by firm."""
    wide = table.pivot_table(index="firm", columns="year", values="y")
    firms = table.groupby("firm")[["g", "eligible"]].first().reindex(wide.index)
    w = pd.Series(1.0, index=wide.index) if weight is None else weight.reindex(wide.index)
    cohorts = sorted(c for c in firms["g"].unique() if c > 0)
    cells, estimates, influence = [], [], []
    for g in cohorts:
        for year in wide.columns:
            start = g - 1 if year >= g else year - 1
            if start < wide.columns[0]:
                continue
            change = wide[year] - wide[start]
            later = [c for c in cohorts if c > year and c != g] if comparison == "not_yet_treated" else []
            ones, psis, masses = [], [], []
            for control in (0, *later):
                one, psi = 0.0, pd.Series(0.0, index=wide.index)
                for cohort, kind, sign in ((g, "yes", 1), (g, "no", -1), (control, "yes", -1), (control, "no", 1)):
                    use = (firms["g"] == cohort) & (firms["eligible"] == kind) & change.notna() & (w > 0)
                    mean = (w * change)[use].sum() / w[use].sum()
                    one += sign * mean
                    psi[use] += sign * w[use] * (change[use] - mean) / w[use].sum()
                ones.append(one)
                psis.append(psi.to_numpy())
                masses.append(w[(firms["g"] == control) & change.notna()].sum())
            psi, share = np.array(psis).T, np.array(masses) / np.sum(masses)
            if combination == "efficient":
                inverse = np.linalg.inv(psi.T @ psi)
                share = inverse.sum(axis=1) / inverse.sum()
            cells.append((int(g), int(year)))
            estimates.append(share @ np.array(ones))
            influence.append(psi @ share)
    return cells, np.array(estimates), np.array(influence).T


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize(
    ("comparison", "combination"),
    [("never_treated", "efficient"), ("not_yet_treated", "efficient"), ("not_yet_treated", "firms")],
)
def test_equals_four_means_written_out(comparison: str, combination: str, missing: float) -> None:
    table = twins.triple_frame(n=150, growth=0.1, missing=missing, seed=6)
    found = estimate(table, comparison=comparison, combination=combination)
    cells, b, psi = brute(table, comparison, combination)
    assert list(zip(found.table["cohort"], found.table["year"], strict=True)) == cells
    np.testing.assert_allclose(found.table["estimate"], b, atol=EXACT)
    np.testing.assert_allclose(found.vcov, psi.T @ psi, atol=EXACT)


def test_equals_four_means_with_weights_and_clusters() -> None:
    table = twins.triple_frame(n=150, seed=7)
    code = table["firm"].str[1:].astype(int)
    table = table.assign(region="R" + (code % 23).astype(str))
    firms = sorted(table["firm"].unique())
    weight = pd.Series(1.0 + np.arange(len(firms)) % 5, index=firms)
    found = estimate(table, weight.to_numpy())
    _, b, psi = brute(table, "never_treated", "firms", weight)
    region = table.groupby("firm")["region"].first().reindex(firms)
    sums = pd.DataFrame(psi).groupby(region.to_numpy()).sum().to_numpy()
    np.testing.assert_allclose(found.table["estimate"], b, atol=EXACT)
    np.testing.assert_allclose(found.vcov, sums.T @ sums, atol=EXACT)


def test_two_periods_are_the_regression_with_all_interactions() -> None:
    """OLS of the change on cohort, eligibility and both; White's covariance without a small-sample factor."""
    sm = pytest.importorskip("statsmodels.api")
    table = twins.triple_frame(n=200, periods=4, seed=3)
    table = table[table["g"].isin([0, 2013]) & table["year"].isin([2012, 2013])]
    wide = table.pivot_table(index=["firm", "g", "eligible"], columns="year", values="y").reset_index()
    g, q = (wide["g"] > 0).to_numpy(float), (wide["eligible"] == "yes").to_numpy(float)
    x = np.column_stack([np.ones(len(wide)), g, q, g * q])
    fit = sm.OLS((wide[2013] - wide[2012]).to_numpy(), x).fit(cov_type="HC0")
    row = estimate(table).table.iloc[0]
    assert row["estimate"] == pytest.approx(fit.params[3], abs=EXACT)
    assert row["std_error"] == pytest.approx(fit.bse[3], abs=EXACT)
    assert row["n_treated"] == int((g * q).sum())
    assert row["n_control"] == len(wide) - int((g * q).sum())


def drifting() -> pd.DataFrame:
    """Whole numbers without noise: cohorts and kinds each drift in their own way, and shares of eligible firms differ.

    Cohort c drifts by c-specific steps, eligible firms by one of their own, so neither difference alone is right. The
    effect is 5 on eligible firms of 2013 and 2015.
    """
    rows = []
    for cohort, steps, n in ((0, 1, (20, 80)), (2013, 4, (30, 30)), (2015, 9, (80, 20))):
        for kind, count in zip(("yes", "no"), n, strict=True):
            for i in range(count):
                for year in range(2011, 2017):
                    hit = kind == "yes" and 0 < cohort <= year
                    y = i + (year - 2011) * (steps + 3 * (kind == "yes")) + 5 * hit
                    rows.append((f"{cohort}{kind}{i:03d}", year, cohort, kind, float(y)))
    return pd.DataFrame(rows, columns=["firm", "year", "g", "eligible", "y"])


def test_cohorts_with_their_own_drift_do_not_bias_and_are_not_pooled() -> None:
    table = drifting()
    found = estimate(table, comparison="not_yet_treated", combination="firms").table
    after = (found["event_time"] >= 0).to_numpy(dtype=bool)
    np.testing.assert_allclose(found.loc[after, "estimate"], 5.0, atol=EXACT)
    np.testing.assert_allclose(found.loc[~after, "estimate"], 0.0, atol=EXACT)
    wide = table.pivot_table(index=["firm", "g", "eligible"], columns="year", values="y").reset_index()
    change = wide[2013] - wide[2012]
    side = {k: (wide["g"] == 2013) & (wide["eligible"] == k) for k in ("yes", "no")}
    pool = {k: (wide["g"] != 2013) & (wide["eligible"] == k) for k in ("yes", "no")}
    own, pooled = (change[s["yes"]].mean() - change[s["no"]].mean() for s in (side, pool))
    assert abs(own - pooled - 5.0) > 1


def test_no_noise_leaves_no_best_combination() -> None:
    with pytest.raises(EstimationError) as error:
        estimate(drifting(), comparison="not_yet_treated")
    assert error.value.code == "E_COLLINEAR"
    assert "firms" in error.value.hint


def test_averages_weight_cohorts_by_their_eligible_firms() -> None:
    table = drifting()
    table["y"] += 2.0 * ((table["g"] == 2015) & (table["year"] >= 2015) & (table["eligible"] == "yes"))
    found = estimate(table)
    at_once = ek.aggregate(found, "event_time").table.set_index("event_time").loc[0]
    assert at_once["estimate"] == pytest.approx((30 * 5 + 80 * 7) / 110, abs=EXACT)
    assert at_once["n_treated"] == 110
    baseline = {g: table.query("g == @g and eligible == 'yes' and year == @g - 1")["y"] for g in (2013, 2015)}
    assert found.baseline["y"] == pytest.approx(pd.concat(baseline.values()).mean())


def test_the_efficient_combination_has_the_least_error() -> None:
    table = twins.triple_frame(n=400, seed=9)
    errors = {
        name: estimate(table, comparison=comparison, combination=name).table["std_error"].to_numpy()
        for name, comparison in (("efficient", "not_yet_treated"), ("firms", "not_yet_treated"))
    }
    alone = estimate(table).table["std_error"].to_numpy()
    assert (errors["efficient"] <= np.minimum(errors["firms"], alone) + EXACT).all()
    assert errors["efficient"].mean() < alone.mean()


def test_a_number_of_0_or_1_needs_no_levels() -> None:
    table = twins.triple_frame(n=100)
    flag = table.assign(eligible=(table["eligible"] == "yes").astype(float))
    first, second = estimate(table).table, estimate(flag, levels=()).table
    assert first["estimate"].tolist() == second["estimate"].tolist()


def test_a_cohort_without_other_firms_is_left_out_and_told() -> None:
    table = twins.triple_frame(n=150)
    found = estimate(table[(table["g"] != 2014) | (table["eligible"] == "yes")])
    assert 2014 not in set(found.table["cohort"])
    assert "cohorts_not_compared:1" in found.notes


@pytest.mark.parametrize("kind", ["yes", "no"])
@pytest.mark.parametrize("is_treated", [True, False])
def test_an_empty_group_is_refused_with_the_counts(kind: str, is_treated: bool) -> None:
    table = twins.triple_frame(n=100)
    gone = (table["eligible"] == kind) & ((table["g"] > 0) == is_treated)
    with pytest.raises(DesignError) as error:
        estimate(table[~gone])
    assert error.value.code == "E_NO_CONTROL"
    assert "0 eligible" in str(error.value) if kind == "yes" else "0 other" in str(error.value)


@pytest.mark.parametrize(
    ("change", "options", "kind", "code"),
    [
        ({}, {"eligible": "sector"}, UnknownNameError, "E_UNKNOWN_NAME"),
        ({}, {"eligible": "y"}, UnknownNameError, "E_ROLE"),
        ({}, {"levels": ("yess",)}, UnknownNameError, "E_UNKNOWN_NAME"),
        ({}, {"levels": ()}, StudyError, "E_OPTION"),
        ({"eligible": 2.0}, {"levels": ()}, StudyError, "E_OPTION"),
        ({"eligible": 1.0}, {"levels": ("1",)}, StudyError, "E_OPTION"),
        ({"eligible": None}, {}, DesignError, "E_NO_VALUE"),
    ],
)
def test_a_covariate_that_does_not_fit_is_refused(change, options, kind, code) -> None:
    table = twins.triple_frame(n=60)
    value = change.get("eligible")
    if change and value is None:
        table["eligible"] = table["eligible"].where(table["firm"] != table["firm"].iloc[0], None)
    elif change:
        table["eligible"] = value
    with pytest.raises(kind) as error:
        estimate(table, **options)
    assert error.value.code == code


def test_eligible_must_be_named() -> None:
    with pytest.raises(StudyError) as error:
        ek.estimate(twins.sample(twins.panel(twins.frame(n=40))), "triple")
    assert error.value.code == "E_OPTION"
    assert "eligible" in str(error.value)
