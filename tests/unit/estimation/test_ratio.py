import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins

EXACT = 1e-10
SAME = 1e-7
"""Iterated least squares of the Poisson regression stop at a relative change of the deviance."""


def frame(n: int = 200, *, noise: float = 0.3, missing: float = 0.0, seed: int = 3) -> pd.DataFrame:
    """Outcomes in level with a gain of 50 % (0.5 in logs less rounding) and some zeros where there is noise."""
    table = twins.frame(n, noise=noise, missing=missing, seed=seed)
    y = np.exp(0.5 * table["y"])
    zero = (np.random.default_rng(seed).random(len(table)) < 0.1) & (noise > 0)
    return table.assign(y=np.where(zero, 0.0, y))


def panel(table: pd.DataFrame, outcomes: object = ("y",), **roles: object) -> ek.Panel:
    outcomes = outcomes if isinstance(outcomes, dict) else list(outcomes)
    return ek.Panel.from_frame(table, firm="firm", year="year", cohort="g", outcomes=outcomes, **roles)


def test_a_cell_is_a_poisson_regression_with_clustered_errors() -> None:
    """statsmodels' GLM of the two periods of each cell, without small-sample correction."""
    import statsmodels.api as sm

    table = frame(missing=0.1)
    found = ek.estimate(ek.match(panel(table)), "ratio", base="universal").table
    for row in found.itertuples():
        years = (row.cohort - 1, row.year)
        cell = table[table["g"].isin([0, row.cohort]) & table["year"].isin(years)]
        cell = cell[cell.groupby("firm")["firm"].transform("size") == 2]
        own, late = (cell["g"] > 0).to_numpy(float), (cell["year"] == row.year).to_numpy(float)
        x = np.column_stack([np.ones(len(cell)), own, late, own * late])
        fit = sm.GLM(cell["y"].to_numpy(), x, family=sm.families.Poisson()).fit(
            tol=1e-14, cov_type="cluster", cov_kwds={"groups": pd.factorize(cell["firm"])[0], "use_correction": False}
        )
        assert row.estimate == pytest.approx(fit.params[3], abs=SAME)
        assert row.std_error == pytest.approx(fit.bse[3], rel=1e-5)


def test_covariance_over_cells_is_that_of_influence() -> None:
    table = frame()
    found = ek.estimate(ek.match(panel(table)), "ratio", base="universal")
    wide, g = table.pivot_table(index="firm", columns="year", values="y"), table.groupby("firm")["g"].first()
    psi = []
    for row in found.table.itertuples():
        total = np.zeros(len(wide))
        for own, sign in (((g == row.cohort).to_numpy(), 1.0), ((g == 0).to_numpy(), -1.0)):
            part = wide[own]
            total[own] = (
                sign
                / own.sum()
                * (part[row.year] / part[row.year].mean() - part[row.cohort - 1] / part[row.cohort - 1].mean())
            )
        psi.append(total)
    np.testing.assert_allclose(found.vcov, np.array(psi) @ np.array(psi).T, atol=EXACT)


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_a_growth_factor_is_recovered_without_noise(missing: float) -> None:
    found = ek.estimate(ek.match(panel(frame(noise=0.0, missing=missing))), "ratio").table
    after = (found["event_time"] >= 0).to_numpy(dtype=bool)
    np.testing.assert_allclose(found["estimate"][after], 0.25, atol=1e-9)
    np.testing.assert_allclose(found["estimate"][~after], 0.0, atol=1e-9)


def test_the_unit_of_the_outcome_does_not_matter_and_weights_count() -> None:
    table = frame()
    first = ek.estimate(ek.match(panel(table)), "ratio")
    second = ek.estimate(ek.match(panel(table.assign(y=table["y"] * 1000))), "ratio")
    np.testing.assert_allclose(first.table["estimate"], second.table["estimate"], atol=1e-9)
    np.testing.assert_allclose(first.vcov, second.vcov, rtol=1e-7, atol=EXACT)
    p = panel(table)
    twice = np.where(np.arange(p.n_firms) % 2, 2.0, 1.0)
    copied = pd.concat(
        [
            table,
            table[table["firm"].isin(np.array(p.firm.to_pylist())[twice == 2])].assign(firm=lambda t: "C" + t["firm"]),
        ]
    )
    weighted = ek.estimate(twins.sample(p, twice), "ratio").table
    np.testing.assert_allclose(
        weighted["estimate"], ek.estimate(ek.match(panel(copied)), "ratio").table["estimate"], atol=1e-9
    )


def test_order_and_names_of_firms_change_no_bit() -> None:
    table = frame(missing=0.1)
    renamed = table.sample(frac=1, random_state=3).assign(
        firm=lambda t: t["firm"].map(lambda f: f"Z{9999 - int(f[1:])}")
    )
    first, second = (ek.estimate(ek.match(panel(t)), "ratio") for t in (table, renamed))
    assert first.vcov.tobytes() == second.vcov.tobytes()
    pd.testing.assert_frame_equal(first.table, second.table, check_exact=True)


def test_effects_are_shown_in_per_cent_and_averaged_like_others() -> None:
    found = ek.estimate(ek.match(panel(frame())), "ratio")
    assert [o.transform for o in found.outcomes] == ["log"]
    overall = ek.aggregate(found).table.iloc[0]
    assert abs(overall["estimate"] - 0.25) < 4 * overall["std_error"]


def test_outcomes_on_other_scales_and_below_zero_are_refused() -> None:
    table = frame().assign(y=lambda t: t["y"] + 1)
    for made, text in ((panel(table, {"y": "log"}), "in log"), (panel(table.assign(y=-table["y"])), "below 0")):
        with pytest.raises(ek.EvalkitError, match=text) as caught:
            ek.estimate(ek.match(made), "ratio")
        assert caught.value.code == "E_OPTION"


def test_a_cohort_without_any_sales_before_has_no_ratio() -> None:
    table = frame()
    silent = table.assign(y=np.where((table["g"] == 2013) & (table["year"] == 2012), 0.0, table["y"]))
    found = ek.estimate(ek.match(panel(silent)), "ratio", base="universal").table
    assert 2013 not in set(found["cohort"])
    assert len(found)
