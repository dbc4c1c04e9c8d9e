"""Covariates by year, baseline covariates by year and cohort trends, against regressions with every dummy a column."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.errors import EvalkitError
from evalkit.model.study import Inference

TWIN = 1e-10
"""Values are rounded at 2^-37 of their range; the twin inverts X'X with a condition number near 1e4."""
METHODS = ("event_study", "twfe", "sun_abraham", "extended_twfe")
OWN = {"time_varying": ("x", "w"), "baseline": ("size",)}


def table(missing: float = 0.1, n: int = 120) -> pd.DataFrame:
    """Covariates move with the outcome, and one is not observed in a tenth of rows."""
    long = twins.frame(n=n, missing=missing, seed=3)
    number, rng = long["firm"].str[1:].astype(int), np.random.default_rng(5)
    long = long.assign(
        x=0.3 * long["y"] + rng.normal(size=len(long)), w=1e4 + 500 * np.cos(number * long["year"]),
        size=np.sqrt(1.0 + number % 13), industry=[f"I{i % 3}" for i in number], region=[f"R{i % 20}" for i in number],
    )  # fmt: skip
    long["y"] += 0.4 * long["x"] + 0.1 * long["size"] * (long["year"] - 2011)
    long["x"] = long["x"].where(rng.random(len(long)) > missing)
    return long


def sample(long: pd.DataFrame, weight: np.ndarray | None = None, clusters: tuple[str, ...] = ()) -> ek.MatchedSample:
    panel = twins.panel(long, covariates=("size", "industry", "region"), time_varying=("x", "w"))
    return twins.sample(dataclasses.replace(panel, inference=Inference(correction="cr1"), clusters=clusters), weight)


def used(long: pd.DataFrame, *known: str) -> pd.DataFrame:
    """Rows with all covariates, of firms that have two of them."""
    long = long.dropna(subset=list(known))
    return long[long.groupby("firm")["y"].transform("size") > 1].reset_index(drop=True)


def beside(long: pd.DataFrame) -> dict[object, np.ndarray]:
    years = sorted(long["year"].unique())[1:]
    slopes = {f"size {t}": long["size"].to_numpy() * (long["year"] == t).to_numpy() for t in years}
    return {"x": long["x"].to_numpy(), "w": long["w"].to_numpy() / 1e4, **slopes}


def expect_equal(found: ek.Effects, long: pd.DataFrame, asked: dict, held: dict, **how: object) -> None:
    b, vcov = twins.regression(long, asked | held, **how)
    np.testing.assert_allclose(found.table["estimate"], b[: len(asked)], atol=TWIN)
    np.testing.assert_allclose(found.vcov, vcov[: len(asked), : len(asked)], atol=TWIN)


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("method", METHODS)
def test_covariates_of_firms(method: str, missing: float) -> None:
    long = table(missing)
    found, rows = ek.estimate(sample(long), method, **OWN), used(long, "x")
    expect_equal(found, rows, twins.award(method, rows), beside(rows))
    lost = int(long["x"].isna().sum())
    assert (f"firm_years_without_covariate:{lost}" in found.notes) == (lost > 0)
    assert {"time_varying_covariate:x", "time_varying_covariate:w"} <= set(found.notes)


def test_weights_and_clusters() -> None:
    long = table()
    names = sorted(long["firm"].unique())
    weight = {f: 0.5 + i % 4 for i, f in enumerate(names)}
    found = ek.estimate(sample(long, np.array(list(weight.values())), ("region",)), "twfe", **OWN)
    rows = used(long, "x")
    expect_equal(found, rows, twins.award("twfe", rows), beside(rows), weight=weight, cluster="region")


def test_clusters_in_two_ways_are_both_less_their_intersection() -> None:
    long = table().assign(batch=lambda t: "B" + (t["firm"].str[1:].astype(int) // 10).astype(str))
    long["both"] = long["region"] + long["batch"]

    def variance(*clusters: str) -> float:
        panel = twins.panel(long, covariates=("size",), time_varying=("x", "w"), clusters=clusters)
        panel = dataclasses.replace(panel, inference=Inference(correction="cr1"))
        return float(ek.estimate(twins.sample(panel), "twfe", **OWN).vcov[0, 0])

    def raw(cluster: str) -> float:
        n = used(long, "x")[cluster].nunique()
        return variance(cluster) * (n - 1) / n

    expected = (raw("region") + raw("batch") - raw("both")) * 12 / 11
    assert variance("region", "batch") == pytest.approx(expected, rel=1e-7)


def test_strata_too() -> None:
    long = table()
    rows = used(long, "x")
    held = beside(rows)
    for level in ("I1", "I2"):
        for t in sorted(rows["year"].unique())[1:]:
            held[level, t] = ((rows["industry"] == level) & (rows["year"] == t)).to_numpy(float)
    found = ek.estimate(sample(long), "twfe", strata=("industry",), **OWN)
    expect_equal(found, rows, twins.award("twfe", rows), held)


def test_two_outcomes_have_a_joint_covariance() -> None:
    long = table()
    long["y2"] = (0.7 * long["y"] + np.sin(long["w"])).where(long.index % 17 > 0)
    panel = dataclasses.replace(
        twins.panel(long, ("y", "y2"), covariates=("size",), time_varying=("x", "w")),
        inference=Inference(correction="cr1"),
    )  # fmt: skip
    found = ek.estimate(twins.sample(panel), "twfe", **OWN)
    for outcome in ("y", "y2"):
        rows = used(long.assign(y=long[outcome]), "x", "y")
        expect_equal(found.of(outcome), rows, twins.award("twfe", rows), beside(rows))
    every = long.dropna(subset=["y2"])
    every = every.assign(total=every["y"] + every["y2"])
    one = twins.panel(every, ("y", "y2", "total"), covariates=("size",), time_varying=("x", "w"))
    one = dataclasses.replace(one, inference=Inference(correction="cr1"))
    vcov = ek.estimate(twins.sample(one), "twfe", **OWN).vcov
    assert vcov[2, 2] == pytest.approx(vcov[:2, :2].sum(), rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_all_columns_are_counted(method: str) -> None:
    """Disclosure control asks how many degrees of freedom are left: firm effects apart, each column takes one."""
    long = table()
    rows = used(long, "x", "w")
    columns = [*twins.award(method, rows), *beside(rows), *range(rows["year"].nunique() - 1)]
    assert ek.estimate(sample(long), method, **OWN).columns == {"y": len(columns)}


def test_equal_variances() -> None:
    long = table()
    found, rows = ek.estimate(sample(long), "twfe", covariance="homoskedastic", **OWN), used(long, "x")
    asked, held = twins.award("twfe", rows), beside(rows)
    dummies = [pd.get_dummies(rows["year"], dtype=float).to_numpy()[:, 1:], pd.get_dummies(rows["firm"], dtype=float)]
    x = np.column_stack([*asked.values(), *held.values(), *dummies])
    bread, y = np.linalg.inv(x.T @ x), rows["y"].to_numpy()
    rest = y - x @ (bread @ x.T @ y)
    assert found.vcov[0, 0] == pytest.approx(bread[0, 0] * (rest**2).sum() / (len(x) - x.shape[1]), rel=1e-8)


def trends(long: pd.DataFrame, cohorts: list[int]) -> dict[object, np.ndarray]:
    return {f"trend {g}": (long["g"] == g).to_numpy() * (long["year"].to_numpy(float) - 2011) for g in cohorts}


@pytest.mark.parametrize(
    ("method", "options"), [("twfe", {}), ("extended_twfe", {}), ("event_study", {"leads": 0}), ("twfe", OWN)]
)
def test_cohort_trends(method: str, options: dict) -> None:
    long = used(table(), "x")
    long["y"] += 0.3 * (long["g"] == 2014) * (long["year"] - 2011)
    found = ek.estimate(sample(long), method, cohort_trends=True, **options)
    asked = {k: v for k, v in twins.award(method, long).items() if method != "event_study" or k >= 0}
    expect_equal(found, long, asked, trends(long, [2013, 2014, 2015]) | (beside(long) if options == OWN else {}))


def test_a_trend_of_one_cohort_is_that_of_the_treated() -> None:
    long = used(table(), "x")
    long["g"] = np.where(long["g"] > 0, 2014, 0)
    found = ek.estimate(sample(long), "twfe", cohort_trends=True)
    expect_equal(found, long, twins.award("twfe", long), trends(long, [2014]))


def test_trends_without_never_treated_depart_from_the_last_cohort() -> None:
    long = used(table(n=300), "x")
    long = long[long["g"] > 0].reset_index(drop=True)
    found = ek.estimate(sample(long), "twfe", cohort_trends=True)
    expect_equal(found, long, twins.award("twfe", long), trends(long, [2013, 2014]))


def test_a_trend_keeps_the_correction_for_few_treated_firms() -> None:
    long = table(0.0).assign(g=lambda t: np.where(t["firm"] < "F00012", 2014, 0))
    panel = twins.panel(long)
    found = ek.estimate(twins.sample(panel), "twfe", cohort_trends=True)
    assert "few_treated_corrected:y" in found.notes


def test_last_cohort_as_comparison_beside_covariates() -> None:
    """Firm-years from the last cohort's award on are left out, those of the covariates too."""
    long = table(n=300)
    long = long[long["g"] > 0]
    rows = used(long[long["year"] < long["g"].max()], "x")
    rows = rows[rows.groupby("firm")["y"].transform("size") > 1].reset_index(drop=True)
    asked = {c: v for c, v in twins.award("extended_twfe", rows).items() if c[0] < long["g"].max()}
    expect_equal(ek.estimate(sample(long), "extended_twfe", **OWN), rows, asked, beside(rows))


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_firms_changes_no_bit(method: str) -> None:
    long = table()
    other = long.assign(firm=long["firm"].map(lambda f: f"Z{99999 - int(f[1:])}")).sample(frac=1, random_state=3)
    first, second = (ek.estimate(sample(t), method, **OWN) for t in (long, other))
    pd.testing.assert_frame_equal(first.table, second.table, check_exact=True)
    assert first.vcov.tobytes() == second.vcov.tobytes()


def test_blocks_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    first = ek.estimate(sample(table()), "event_study", **OWN)
    monkeypatch.setattr("evalkit.model.store.BLOCK_FIRMS", 16)
    second = ek.estimate(sample(table()), "event_study", **OWN)
    assert first.vcov.tobytes() == second.vcov.tobytes()
    pd.testing.assert_frame_equal(first.table, second.table, check_exact=True)


def test_a_panel_file_gives_the_same(tmp_path) -> None:
    long = table()
    whole = sample(long)
    whole.panel.save(tmp_path)
    back = dataclasses.replace(whole, panel=ek.Panel.load(tmp_path))
    assert back.panel.time_varying == ("x", "w")
    assert ek.estimate(back, "twfe", **OWN).vcov.tobytes() == ek.estimate(whole, "twfe", **OWN).vcov.tobytes()


def test_aggregation_knows_how_effects_and_shares_move_together() -> None:
    """The sum over a cohort's firms of influence times weight, from regressions with every dummy a column."""
    long = table()
    cells, rows = ek.estimate(sample(long), "extended_twfe", **OWN), used(long, "x")
    asked, held = twins.award("extended_twfe", rows), beside(rows)
    firms = pd.get_dummies(rows["firm"], dtype=float)
    years = pd.get_dummies(rows["year"], dtype=float).to_numpy()[:, 1:]
    x, y = np.column_stack([*asked.values(), *held.values(), years, firms]), rows["y"].to_numpy()
    bread = np.linalg.inv(x.T @ x)
    influence = firms.to_numpy().T @ (x * (y - x @ (bread @ x.T @ y))[:, None]) @ bread[:, : len(asked)]
    cohort = rows.groupby("firm")["g"].first().reindex(firms.columns).to_numpy()
    expected = np.column_stack([influence[cohort == g].sum(axis=0) for g in cells.shares.cohorts])
    np.testing.assert_allclose(cells.shares.cross, expected, atol=TWIN)
    assert cells.shares.mass.tolist() == [
        float((long.groupby("firm")["g"].first() == g).sum()) for g in cells.shares.cohorts
    ]


REFUSED = {
    "firm constant": ({"x": lambda t: t["size"]}, {"time_varying": ("x",)}, "E_COLLINEAR", "x"),
    "common trend": ({"x": lambda t: t["year"] * 1.0}, {"time_varying": ("x",)}, "E_COLLINEAR", "x"),
    "the award": (
        {"x": lambda t: ((t["g"] > 0) & (t["year"] >= t["g"])) * 1.0}, {"time_varying": ("x",)}, "E_COLLINEAR", "x"
    ),
    "twice": ({"w": lambda t: 3 + 2 * t["x"]}, {"time_varying": ("x", "w")}, "E_COLLINEAR", "x, w"),
    "nearly twice": ({"w": lambda t: t["x"] + 1e-9 * t["y"]}, {"time_varying": ("x", "w")}, "E_COLLINEAR", "x, w"),
    "constant baseline": ({"size": lambda t: 0 * t["y"] + 2}, {"baseline": ("size",)}, "E_COLLINEAR", "size in 2012"),
    "category": ({}, {"baseline": ("industry",)}, "E_OPTION", "industry"),
    "outcome": ({}, {"time_varying": ("y",)}, "E_ROLE", "y"),
    "unknown": ({}, {"time_varying": ("z",)}, "E_UNKNOWN_NAME", "z"),
    "unknown baseline": ({}, {"baseline": ("z",)}, "E_UNKNOWN_NAME", "z"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_held_is_refused_by_name(case: str) -> None:
    change, options, code, name = REFUSED[case]
    long = table(0.0)
    long = long.assign(**{column: make(long) for column, make in change.items()})
    with pytest.raises(EvalkitError) as caught:
        ek.estimate(sample(long), "twfe", **options)
    assert caught.value.code == code
    assert name in str(caught.value)


def test_a_trend_beside_all_event_times_is_refused() -> None:
    with pytest.raises(EvalkitError) as caught:
        ek.estimate(sample(table()), "event_study", cohort_trends=True)
    assert caught.value.code == "E_COLLINEAR"
    assert "the trend of cohort 2013" in str(caught.value)


def test_multipliers_of_clusters_have_the_variance_of_the_estimates() -> None:
    panel = twins.panel(table(), covariates=("size", "region"), time_varying=("x", "w"), clusters=("region",))
    drawn = Inference(correction="cr1", bootstrap="rademacher", draws=999)
    found = ek.estimate(twins.sample(dataclasses.replace(panel, inference=drawn)), "twfe", **OWN)
    draws = found.draws.effects[:, 0]
    sampling = 4 * np.sqrt(2 / len(draws))
    assert (draws**2).mean() / found.vcov[0, 0] == pytest.approx(1.0, abs=sampling)


def test_a_planted_effect_comes_back_exactly_without_noise() -> None:
    long = table(0.0)
    hit = ((long["g"] > 0) & (long["year"] >= long["g"])).to_numpy()
    long["y"] = 2 * long["x"] + 0.001 * long["w"] + 0.3 * long["size"] * np.sin(long["year"]) + 0.7 * hit
    found = ek.estimate(sample(long), "twfe", **OWN).table.iloc[0]
    assert found["estimate"] == pytest.approx(0.7, abs=1e-9)
    assert found["std_error"] < 1e-9
