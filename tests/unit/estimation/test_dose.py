"""Effects by amount against twins written out firm by firm, a regression with interactions, and known truths."""

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.errors import DataError, DesignError, EstimationError, StudyError

EXACT = 1e-10
"""Both sides add up the same numbers in different orders."""
CONDITIONED = 1e-9
"""The twin's powers of the amount are worse conditioned than splines."""


def frame(slope: float = 0.4, curvature: float = 0.0, **settings: object) -> pd.DataFrame:
    """Long table: the effect of an amount d, between 1 and 6, is 0.5 + slope d + curvature d^2."""
    table = twins.frame(**{"n": 300, "effect": 0.0} | settings)
    dose = 1 + table["firm"].str[1:].astype(int) * 7919 % 97 / 19.2
    after = (table["g"] > 0) & (table["year"] >= table["g"])
    return table.assign(
        dose=dose.where(table["g"] > 0), y=table["y"] + after * (0.5 + slope * dose + curvature * dose**2)
    )


def estimate(table: pd.DataFrame, weight: np.ndarray | None = None, **options: object) -> ek.Effects:
    roles = {"clusters": ("region",)} if "region" in table else {}
    return ek.estimate(twins.sample(twins.panel(table, dose="dose", **roles), weight), "dose", **options)


def brute_bins(table: pd.DataFrame, cuts: list[float], comparison: str) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return cells, estimates and influence (firms, cells): each bin as a study of its own."""
    dose = table["dose"].fillna(0.0)
    firms = sorted(table["firm"].unique())
    cells, estimates, influence = [], [], []
    for g in sorted(c for c in table["g"].unique() if c > 0):
        for j, (low, high) in enumerate(zip([0.0, *cuts], [*cuts, np.inf], strict=True), 1):
            part = table[(table["g"] != g) | ((dose > low) & (dose <= high))]
            found, b, psi = twins.group_time(part, comparison)
            own = (found["cohort"] == g).to_numpy()
            full = pd.DataFrame(psi[:, own], index=sorted(part["firm"].unique())).reindex(firms).fillna(0.0)
            cells.append(found[own].assign(bin=j))
            estimates.append(b[own])
            influence.append(full.to_numpy())
    return pd.concat(cells, ignore_index=True), np.concatenate(estimates), np.concatenate(influence, axis=1)


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
def test_bins_equal_studies_of_each_bin(comparison: str, missing: float) -> None:
    table = frame(missing=missing)
    found = estimate(table, cuts=(2.5, 4.0), comparison=comparison)
    cells, b, psi = brute_bins(table, [2.5, 4.0], comparison)
    keys = [(r.cohort, r.year, r.bin) for r in cells.itertuples()]
    order = [
        keys.index((c, y, int(g[0])))
        for c, y, g in zip(found.table["cohort"], found.table["year"], found.table["group"], strict=True)
    ]
    assert sorted(order) == list(range(len(keys)))
    np.testing.assert_allclose(found.table["estimate"], b[order], atol=EXACT)
    np.testing.assert_allclose(found.vcov, (psi.T @ psi)[np.ix_(order, order)], atol=EXACT)


@pytest.mark.parametrize("options", [{"n_cuts": 3}, {"form": "curve", "degree": 2}])
@pytest.mark.parametrize("by", ["overall", "event_time", "cohort"])
def test_averages_over_amounts_are_the_effects_of_all(options: dict, by: str) -> None:
    """Weighted by their firms, bins add up to the cohort, errors of all shares included; so does the curve."""
    table = frame(seed=5)
    weight = 1.0 + np.arange(table["firm"].nunique()) % 3
    found = ek.aggregate(estimate(table, weight, **options), by)
    whole = ek.aggregate(ek.estimate(twins.sample(twins.panel(table), weight), "group_time"), by)
    np.testing.assert_allclose(found.table["estimate"], whole.table["estimate"], atol=EXACT)
    np.testing.assert_allclose(found.vcov, whole.vcov, atol=EXACT)
    assert found.table["n_treated"].tolist() == whole.table["n_treated"].tolist()


def test_a_window_keeps_the_groups_that_have_it_whole() -> None:
    table = frame(seed=5)
    found = ek.aggregate(estimate(table), "event_time", window=(-1, 1))
    whole = ek.aggregate(ek.estimate(twins.sample(twins.panel(table)), "group_time"), "event_time", window=(-1, 1))
    np.testing.assert_allclose(found.table["estimate"], whole.table["estimate"], atol=EXACT)
    np.testing.assert_allclose(found.vcov, whole.vcov, atol=EXACT)


def _powers(dose: np.ndarray, knots: list[float], *, is_slope: bool = False) -> np.ndarray:
    """Cubic powers and truncated cubes: the same curves as the splines, in another basis."""
    if is_slope:
        return np.column_stack([
            0 * dose, np.ones_like(dose), 2 * dose, 3 * dose**2, *(3 * np.maximum(dose - k, 0) ** 2 for k in knots)
        ])  # fmt: skip
    return np.column_stack([dose**p for p in range(4)] + [np.maximum(dose - k, 0) ** 3 for k in knots])


def brute_curve(
    table: pd.DataFrame, knots: list[float], points: list[float], comparison: str, *, is_slope: bool
) -> tuple[list[tuple], np.ndarray, np.ndarray]:
    """Return (cohort, year, point) of rows, estimates and influence (firms, rows)."""
    wide = table.pivot_table(index="firm", columns="year", values="y")
    firms = table.groupby("firm")[["g", "dose"]].first().reindex(wide.index)
    g, dose = firms["g"].to_numpy(), firms["dose"].to_numpy()
    rows, estimates, influence = [], [], []
    for cohort in sorted(c for c in np.unique(g) if c > 0):
        for year in wide.columns:
            start = cohort - 1 if year >= cohort else year - 1
            if start < wide.columns[0]:
                continue
            change = (wide[year] - wide[start]).to_numpy()
            seen = np.isfinite(change)
            own = seen & (g == cohort)
            control = seen & ((g == 0) | ((g > year) & (g != cohort) if comparison == "not_yet_treated" else False))
            x, read = _powers(dose[own], knots), _powers(dose[own], knots, is_slope=is_slope)
            inverse = np.linalg.inv(x.T @ x)
            beta = inverse @ x.T @ change[own]
            mean = change[control].mean()
            inside = [p for p in points if np.nanmin(dose[g == cohort]) <= p <= np.nanmax(dose[g == cohort])]
            at = _powers(np.array(inside), knots, is_slope=is_slope)
            for point, row in zip([None, *inside], [read.mean(axis=0), *at], strict=True):
                psi = np.zeros(len(wide))
                psi[own] = (x @ inverse @ row) * (change[own] - x @ beta)
                if point is None:
                    psi[own] += (read @ beta - row @ beta) / own.sum()
                if not is_slope:
                    psi[control] -= (change[control] - mean) / control.sum()
                rows.append((cohort, year, point))
                estimates.append(row @ beta - (0 if is_slope else mean))
                influence.append(psi)
    return rows, np.array(estimates), np.array(influence).T


@pytest.mark.parametrize("effect", ["total", "marginal"])
@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize(("knots", "missing"), [([], 0.1), ([3.0, 4.5], 0.0)])
def test_curves_equal_least_squares_on_powers(effect: str, comparison: str, knots: list, missing: float) -> None:
    table = frame(curvature=0.1, missing=missing, seed=4)
    options = {"form": "curve", "cuts": tuple(knots), "points": (1.5, 3.0, 5.0), "read": effect}
    found = estimate(table, comparison=comparison, **options)
    rows, b, psi = brute_curve(table, knots, [1.5, 3.0, 5.0], comparison, is_slope=effect == "marginal")
    labels = [
        (c, y, None if pd.isna(g) else float(g))
        for c, y, g in zip(found.table["cohort"], found.table["year"], found.table["group"], strict=True)
    ]
    assert labels == rows
    np.testing.assert_allclose(found.table["estimate"], b, atol=CONDITIONED)
    np.testing.assert_allclose(found.vcov, psi.T @ psi, atol=CONDITIONED)
    assert set(found.table["estimand"]) == {"att" if effect == "total" else "acrt"}


def test_curves_are_clustered() -> None:
    table = frame(seed=4)
    table["region"] = "R" + (table["firm"].str[1:].astype(int) % 19).astype(str)
    options = {"form": "curve", "points": (2.0, 4.0), "comparison": "not_yet_treated"}
    found = estimate(table, **options)
    _, _, psi = brute_curve(table, [], [2.0, 4.0], "not_yet_treated", is_slope=False)
    region = table.groupby("firm")["region"].first().sort_index().to_numpy()
    sums = pd.DataFrame(psi).groupby(region).sum().to_numpy()
    np.testing.assert_allclose(found.vcov, sums.T @ sums, atol=CONDITIONED)


def test_two_periods_are_a_regression_on_treatment_and_powers() -> None:
    """OLS of the change on the indicator of treatment and the amount's powers; White's covariance."""
    sm = pytest.importorskip("statsmodels.api")
    table = frame(curvature=0.1)
    table = table[table["g"].isin([0, 2013]) & table["year"].isin([2012, 2013])]
    wide = table.pivot_table(index="firm", columns="year", values="y")
    firms = table.groupby("firm")[["g", "dose"]].first().reindex(wide.index)
    d, dose = (firms["g"] > 0).to_numpy(float), firms["dose"].fillna(0).to_numpy()
    x = np.column_stack([np.ones(len(d)), d, dose, dose**2])
    fit = sm.OLS((wide[2013] - wide[2012]).to_numpy(), x).fit(cov_type="HC0")
    points = np.array([2.0, 3.5, 5.0])
    for effect, at in (
        ("total", np.column_stack([0 * points, 0 * points + 1, points, points**2])),
        ("marginal", np.column_stack([0 * points, 0 * points, 0 * points + 1, 2 * points])),
    ):
        found = estimate(table, form="curve", degree=2, points=tuple(points), read=effect)
        rows = found.table["group"].notna().to_numpy()
        np.testing.assert_allclose(found.table["estimate"][rows], at @ fit.params, atol=CONDITIONED)
        np.testing.assert_allclose(found.vcov[np.ix_(rows, rows)], at @ fit.cov_params() @ at.T, atol=CONDITIONED)


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
def test_a_planted_curve_is_recovered_without_noise(comparison: str, missing: float) -> None:
    table = frame(slope=0.4, curvature=-0.03, noise=0.0, missing=missing)
    options = {"form": "curve", "n_cuts": 1, "comparison": comparison}
    level = ek.aggregate(estimate(table, **options), "group").table
    dose = level["group"].astype(float).to_numpy()
    assert list(dose) == sorted(dose)
    assert len(dose) == 9
    np.testing.assert_allclose(level["estimate"], 0.5 + 0.4 * dose - 0.03 * dose**2, atol=EXACT)
    slope = ek.aggregate(estimate(table, read="marginal", **options), "group").table
    np.testing.assert_allclose(slope["estimate"], 0.4 - 0.06 * dose, atol=EXACT)
    path = ek.aggregate(estimate(table, **options), "event_time").table
    np.testing.assert_allclose(path.loc[path["event_time"] < 0, "estimate"], 0.0, atol=EXACT)


def test_the_mean_slope_is_over_the_amounts_awarded() -> None:
    table = frame(slope=0.4, curvature=-0.03, noise=0.0)
    table = table[table["g"].isin([0, 2013])]
    found = ek.aggregate(estimate(table, form="curve", read="marginal")).table
    dose = table.groupby("firm")["dose"].first().dropna()
    assert found["estimate"].item() == pytest.approx((0.4 - 0.06 * dose).mean(), abs=EXACT)


def test_the_curve_covers_the_truth_with_its_band() -> None:
    """One draw; the band over nine amounts is wider than the intervals at each."""
    found = ek.aggregate(estimate(frame(n=3000, curvature=-0.03, seed=8), form="curve"), "group")
    dose = found.table["group"].astype(float)
    band = ek.simultaneous_band(found)
    truth = 0.5 + 0.4 * dose - 0.03 * dose**2
    assert ((band["band_low"] < truth) & (truth < band["band_high"])).all()
    assert (band["band_low"] < found.table["conf_low"]).all()
    assert (band["band_high"] - band["band_low"]).max() < 0.5


def test_bins_can_be_contrasted() -> None:
    bins = ek.aggregate(estimate(frame(n=600), cuts=(2.5, 4.0)), "group")
    assert bins.table["group"].tolist() == ["1: <= 2.5", "2: 2.5 to 4", "3: > 4"]
    found = ek.combine(bins, {"3 less 1": np.array([-1.0, 0.0, 1.0])}).table.iloc[0]
    b, v = bins.table["estimate"], bins.vcov
    assert found["estimate"] == pytest.approx(b[2] - b[0])
    assert found["std_error"] == pytest.approx(np.sqrt(v[0, 0] + v[2, 2] - 2 * v[0, 2]))
    truth = frame(n=600).groupby("firm")["dose"].first()
    gap = 0.4 * (truth[truth > 4].mean() - truth[truth <= 2.5].mean())
    assert abs(found["estimate"] - gap) < 4 * found["std_error"]


def test_a_path_of_one_bin_and_a_second_average() -> None:
    found = estimate(frame(noise=0.0, slope=0.0), cuts=(2.5, 4.0))
    top = found.take(np.flatnonzero((found.table["group"] == "3: > 4").to_numpy()))
    path = ek.aggregate(top, "event_time").table
    np.testing.assert_allclose(path["estimate"], np.where(path["event_time"] >= 0, 0.5, 0.0), atol=EXACT)
    once, twice = ek.aggregate(found), ek.aggregate(ek.aggregate(found, "cohort"))
    assert twice.table["n_treated"].item() == once.table["n_treated"].item()


def test_amounts_add_up_to_a_total() -> None:
    table = frame(n=200)
    by_bin = ek.total(estimate(table, n_cuts=1)).table
    curve = ek.total(estimate(table, form="curve", degree=1)).table
    whole = ek.total(ek.estimate(twins.sample(twins.panel(table)), "group_time")).table
    for found in (by_bin, curve):
        assert found["estimate"].item() == pytest.approx(whole["estimate"].item())
        assert found["n_treated"].item() == whole["n_treated"].item()


def test_units_only_change_labels_and_slopes() -> None:
    table = frame()
    yen = table.assign(dose=table["dose"] * 1e6)
    options = {"form": "curve", "points": (2.0, 4.0), "read": "marginal"}
    first, second = estimate(table, **options).table, estimate(yen, unit=1e6, **options).table
    assert first["group"].dropna().tolist() == second["group"].dropna().tolist()
    np.testing.assert_allclose(first["estimate"], second["estimate"], rtol=CONDITIONED, atol=CONDITIONED)


def test_quantiles_do_not_tell_a_firms_amount() -> None:
    table = frame()
    table["dose"] = table["dose"] * 1234567.0
    curve = estimate(table, form="curve").table["group"].dropna()
    labels = {*estimate(table).table["group"], *curve}
    amounts = {f"{d:.15g}" for d in table["dose"].dropna()}
    for text in " ".join(labels).replace(":", " ").split():
        assert text not in amounts
        assert len(text.strip("<=>to0")) <= 2


@pytest.mark.parametrize("unknown", [np.nan, 0.0, -3.0])
def test_treated_firms_without_an_amount_are_left_out_and_counted(unknown: float) -> None:
    table = frame()
    gone = sorted(table.loc[table["g"] > 0, "firm"].unique())[:7]
    marked = table.assign(dose=table["dose"].where(~table["firm"].isin(gone), unknown))
    found, kept = estimate(marked, cuts=(3.0,)), estimate(table[~table["firm"].isin(gone)], cuts=(3.0,))
    assert "unknown_dose:7" in found.notes
    np.testing.assert_allclose(found.table["estimate"], kept.table["estimate"], atol=EXACT)
    assert found.table["n_treated"].tolist() == kept.table["n_treated"].tolist()


@pytest.mark.parametrize("form", ["bins", "curve"])
def test_firms_supported_after_the_last_year_need_no_amount(form: str) -> None:
    table = frame()
    table = table[table["year"] <= 2014]
    gone = table.assign(dose=table["dose"].where(table["g"] < 2015))
    options = {"form": form, "cuts": (3.0,), "comparison": "not_yet_treated"}
    first, second = estimate(table, **options), estimate(gone, **options)
    assert "unknown_dose" not in " ".join(second.notes)
    assert first.table["estimate"].tolist() == second.table["estimate"].tolist()
    assert first.table["n_control"].tolist() == second.table["n_control"].tolist()


def test_what_is_shown_is_called_descriptive() -> None:
    for options in ({}, {"form": "curve"}):
        assert "dose_descriptive" in estimate(frame(), **options).notes


def test_points_are_read_within_a_cohorts_own_amounts() -> None:
    table = frame()
    table["dose"] = table["dose"].where(table["g"] != 2013, table["dose"] + 2)
    found = estimate(table, form="curve", degree=1, points=(2.0, 5.0))
    own = found.table[found.table["cohort"] == 2013]
    assert set(own["group"].dropna()) == {"5"}
    assert "points_outside:1" in found.notes


def test_small_cohorts_have_no_curve_and_that_is_told() -> None:
    table = frame()
    small = sorted(table.loc[table["g"] == 2014, "firm"].unique())[11:]
    found = estimate(table[~table["firm"].isin(small)], form="curve")
    assert 2014 not in set(found.table["cohort"])
    assert "curve_cells_left_out:5" in found.notes


@pytest.mark.parametrize(
    ("change", "options", "kind", "code"),
    [
        (lambda d: 5.0, {}, DesignError, "E_NO_VARIANCE"),
        (lambda d: np.nan, {}, DesignError, "E_NO_TREATED"),
        (lambda d: 5 + d / 1000, {}, DesignError, "E_NO_VARIANCE"),
        (lambda d: d, {"cuts": (3.0, 50.0)}, DesignError, "E_NO_TREATED"),
        (lambda d: d, {"form": "curve", "points": (3.0, 50.0)}, EstimationError, "E_OPTION"),
        (lambda d: 1.0 + (d > 3), {"form": "curve"}, EstimationError, "E_COLLINEAR"),
        (lambda d: d, {"form": "curve", "n_cuts": 8, "degree": 5}, DesignError, "E_TOO_FEW_TREATED"),
    ],
)
def test_amounts_that_cannot_be_compared_are_refused(change, options, kind, code) -> None:
    table = frame(n=100)
    with pytest.raises(kind) as error:
        estimate(table.assign(dose=change(table["dose"])), **options)
    assert error.value.code == code


def test_a_firm_with_two_amounts_is_refused() -> None:
    table = frame(n=40)
    table.loc[table.index[table["g"] > 0][0], "dose"] = 99.0
    with pytest.raises(DataError) as error:
        estimate(table)
    assert error.value.code == "E_COVARIATE"


def test_a_panel_without_amounts_is_refused() -> None:
    with pytest.raises(DesignError) as error:
        ek.estimate(twins.sample(twins.panel(twins.frame(n=40))), "dose")
    assert error.value.code == "E_NO_DOSE"


@pytest.mark.parametrize("form", ["bins", "curve"])
def test_no_comparison_firm_is_refused(form: str) -> None:
    table = frame()
    with pytest.raises(DesignError) as error:
        estimate(table[table["g"] == 2013], form=form)
    assert error.value.code == "E_NO_CONTROL"


@pytest.mark.parametrize(
    "options",
    [
        {"cuts": (3.0, 2.0)}, {"cuts": (-1.0, 2.0)}, {"cuts": (2.0,), "n_cuts": 2}, {"n_cuts": 0}, {"n_cuts": 9},
        {"points": (2.0,)}, {"read": "marginal"}, {"form": "curve", "degree": 0}, {"unit": 0.0},
        {"form": "curve", "n_cuts": -1},
    ],
)  # fmt: skip
def test_impossible_options_are_refused(options: dict) -> None:
    with pytest.raises(StudyError) as error:
        estimate(frame(n=40), **options)
    assert error.value.code == "E_OPTION"


def test_saved_groups_come_back(tmp_path) -> None:
    found = estimate(frame(), n_cuts=1)
    found.save(tmp_path)
    back = ek.Effects.load(tmp_path)
    first, second = ek.aggregate(found), ek.aggregate(back)
    pd.testing.assert_frame_equal(first.table, second.table, check_exact=True)


def test_whole_numbers_serve_as_cuts_in_a_study_file() -> None:
    assert not ek.methods.problems("estimation", "dose", {"cuts": [1000000, 5000000]})
