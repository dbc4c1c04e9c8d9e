"""Oster bounds: regressions written out firm by firm, planted confounders, and what cannot be told."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.checks.oster import INFO
from evalkit.engine.award_products import award_products
from evalkit.stats.oster import regressions

YEARS = np.arange(2011, 2016)


def frame(
    n: int = 600, *, seen: float = 1.0, unseen: float = 0.0, effect: float = 1.0, cohorts: tuple[int, ...] = (2013,),
    noise: float = 0.5, seed: int = 1,
) -> pd.DataFrame:  # fmt: skip
    """Long table; from 2013 on firms change with a covariate, `size`, and with something not in the table."""
    rng = np.random.default_rng(seed)
    size, hidden = rng.normal(size=(2, n))
    award = 0.7 * seen * size + 0.7 * unseen * hidden + rng.normal(size=n) > 0.5
    g = np.where(award, rng.choice(cohorts, n), 0)
    after = (YEARS >= 2013) * (seen * size + unseen * hidden + noise * rng.normal(size=n))[:, None]
    y = rng.normal(size=(n, 1)) + np.sin(YEARS) + after + 0.1 * rng.normal(size=(n, 5))
    y += effect * ((g[:, None] > 0) & (g[:, None] <= YEARS))
    columns = {"firm": np.repeat([f"F{i:06d}" for i in range(n)], 5), "year": np.tile(YEARS, n), "y": y.ravel()}
    town = np.repeat([f"T{k}" for k in rng.integers(0, 4, n)], 5)
    return pd.DataFrame(columns | {"g": np.repeat(g, 5), "size": np.repeat(size, 5), "town": town})


def sample(table: pd.DataFrame, covariates: tuple[str, ...] = ("size", "town"), weight=None) -> ek.MatchedSample:
    return twins.sample(twins.panel(table, covariates=covariates), weight)


def check(table: pd.DataFrame, **roles: object) -> ek.CheckResult:
    of = sample(table, **roles)
    return ek.check(of, ek.estimate(of, "group_time"), "oster")


def stacked(table: pd.DataFrame, weight: np.ndarray) -> pd.DataFrame:
    """One row per cohort and firm of it or never treated, with the change of the firm over that cohort's periods."""
    wide = table.pivot_table(index="firm", columns="year", values="y")
    about = table.groupby("firm").first().reindex(wide.index).assign(w=weight)
    rows = []
    for cohort in sorted(set(about["g"]) - {0}):
        change = wide[[y for y in wide.columns if y >= cohort]].mean(axis=1) - wide[cohort - 1]
        own = about[(about["g"].isin([0, cohort])) & change.notna()]
        rows.append(own.assign(stack=str(cohort), award=(own["g"] > 0) * 1.0, change=change[own.index]))
    return pd.concat(rows)


def test_regressions_are_those_of_stacked_rows() -> None:
    import statsmodels.formula.api as smf

    table = frame(cohorts=(2012, 2013, 2014))
    table = table[np.random.default_rng(2).random(len(table)) > 0.15]
    weight = np.random.default_rng(3).uniform(0.5, 2, table["firm"].nunique())
    found = award_products(sample(table, weight=weight), twins.panel(table).outcomes[0])
    r = regressions(found.products, found.names)
    rows = stacked(table, weight)
    fits = [
        smf.wls(f"change ~ award + C(stack){more}", rows, weights=rows["w"]).fit() for more in ("", " + size + town")
    ]
    base = smf.wls("change ~ C(stack)", rows, weights=rows["w"]).fit()
    assert (r.short, r.long) == pytest.approx(tuple(fit.params["award"] for fit in fits), rel=1e-9)
    assert (r.r2_short, r.r2_long) == pytest.approx(tuple(1 - fit.ssr / base.ssr for fit in fits), rel=1e-9)
    left = smf.wls("award ~ C(stack) + size + town", rows, weights=rows["w"]).fit().ssr
    assert r.left == pytest.approx(left / smf.wls("award ~ C(stack)", rows, weights=rows["w"]).fit().ssr, rel=1e-9)
    assert found.n_treated == rows[rows["award"] > 0].index.nunique()
    assert found.n_control == rows[rows["award"] == 0].index.nunique()


@pytest.mark.parametrize(
    ("table", "kind", "verdict"),
    [
        (frame(seen=1.0, effect=3.0), "strong", "pass"),
        (frame(seen=1.0, effect=0.1), "weak", "warn"),
        (frame(seen=1.0, effect=-2.0), "opposite", "pass"),
    ],
)
def test_rule_table(table: pd.DataFrame, kind: str, verdict: str) -> None:
    result = ek.check(sample(table), (), "oster")
    assert (result.values["case"], result.verdict) == (kind, verdict)
    assert (0 <= result.statistic < 1) == (kind == "weak")


@pytest.mark.parametrize(("effect", "unseen"), [(1.0, 0.825), (0.0, 0.576)])
def test_an_equally_strong_confounder_is_taken_out(effect: float, unseen: float) -> None:
    """The unseen is as strong as makes R2 with it 1.3 times that with the covariate, which the check supposes."""
    row = check(frame(20_000, unseen=unseen, effect=effect), covariates=("size",)).rows[0]
    assert row["long"] - effect > 0.3
    assert row["adjusted"] == pytest.approx(effect, abs=0.06)


def test_the_order_of_rows_changes_nothing() -> None:
    table = frame(cohorts=(2012, 2013))
    shuffled = table.sample(frac=1, random_state=5)
    assert check(table).rows == check(shuffled).rows


@pytest.mark.parametrize(
    ("table", "roles", "case"),
    [
        (frame(), {"covariates": ()}, "no_covariates"),
        (frame().assign(size=1.0), {"covariates": ("size",)}, "no_covariates"),
        (frame(20), {}, "too_few"),
        (frame().assign(g=0), {}, "too_few"),
        (frame(effect=-1.0), {}, "null"),
        (frame(seen=0.0), {}, "uninformative"),
        (frame().assign(town=lambda t: t["g"].astype(str)), {}, "collinear"),
        (frame().assign(twice=lambda t: 2 * t["size"]), {"covariates": ("size", "twice")}, "collinear"),
        (frame().assign(y=1.0), {}, "constant"),
    ],
)
def test_what_cannot_be_told_is_said(table: pd.DataFrame, roles: dict, case: str) -> None:
    of = sample(table, **roles)
    effects = [ek.estimate(of, "group_time")] if case == "null" else []
    result = ek.check(of, effects, "oster")
    assert (result.verdict, result.values["case"], result.sentence) == ("info", case, INFO[case])


def test_firms_that_lack_a_covariate_are_left_out() -> None:
    table = frame()
    kept = table.assign(size=np.where(table["firm"].str.endswith("7"), np.nan, table["size"]))
    without = table[~table["firm"].str.endswith("7")]
    assert check(kept).rows[0]["long"] == pytest.approx(check(without).rows[0]["long"], rel=1e-10)


def test_anticipation_moves_the_base() -> None:
    table = frame()
    of = sample(table)
    moved = dataclasses.replace(of, panel=dataclasses.replace(of.panel, anticipation=1))
    shorts = [award_products(s, s.panel.outcomes[0]).products[-2, -1] for s in (of, moved)]
    assert shorts[0] != shorts[1]
