"""Scenarios with known truth: staggered awards, selection on trends and on observables, few clusters, a dirty ledger.

The scenarios and the bands of their answers are stored beside the repository. 300 replications of each.
"""

import importlib.util
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from references import reference

pytestmark = pytest.mark.slow
REPLICATIONS = 300
"""What the bands of shares are for."""


@pytest.fixture(scope="module")
def simulate() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("simulate", reference("simulate.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def misses(simulate: types.ModuleType, name: str, one: Callable[[dict], dict]) -> list[tuple]:
    """Replicate, hold every answer against its band, and return those outside."""
    found: dict[str, list] = {}
    for seed in range(REPLICATIONS):
        for quantity, value in one(simulate.gen(name, seed)).items():
            found.setdefault(quantity, []).append(value)
    columns = {q: tuple(np.array(v).T) if isinstance(v[0], tuple) else np.array(v) for q, v in found.items()}
    judged = simulate.judge(name, columns)
    assert set(columns) <= {expected["quantity"] for expected in simulate.EXPECT[name]}
    assert judged
    return [row for row in judged if not row[1]]


def pair(effects: ek.Effects) -> tuple[float, float]:
    row = effects.table.iloc[0]
    return float(row["estimate"]), float(row["std_error"])


def rejects(sample: ek.MatchedSample, effects: ek.Effects) -> float:
    return float(ek.check(sample, effects, "pretrends").statistic < 0.05)


def sample_of(frame: pd.DataFrame, covariates: tuple[str, ...] = ()) -> ek.MatchedSample:
    return ek.match(
        ek.Panel.from_frame(frame, firm="firm_id", year="year", cohort="g", outcomes=["y"], covariates=covariates)
    )


def test_S1_staggered_awards_with_growing_effects(simulate: types.ModuleType) -> None:
    def one(data: dict) -> dict:
        sample = sample_of(data["panel"])
        cells = ek.estimate(sample, "group_time", comparison="not_yet_treated")
        by_time = ek.aggregate(cells, "event_time")
        first = by_time.table["event_time"].tolist().index(0)
        at_once = by_time.table.iloc[first]
        return {
            "cs_simple": pair(ek.aggregate(cells)),
            "cs_dynamic": pair(ek.aggregate(by_time)),
            "cs_group": pair(ek.aggregate(ek.aggregate(cells, "cohort"))),
            "cs_e0": (float(at_once["estimate"]), float(at_once["std_error"])),
            "twfe": pair(ek.estimate(sample, "twfe")),
            "pretest_reject": rejects(sample, cells),
        }

    assert misses(simulate, "S1", one) == []


def test_S2_selection_on_the_trend(simulate: types.ModuleType) -> None:
    def one(data: dict) -> dict:
        sample = sample_of(data["panel"], ("growth_score",))
        plain = ek.estimate(sample, "group_time")
        made = {
            name: ek.estimate(sample, "group_time", adjustment=how)
            for name, how in (("cs_dr", "doubly_robust"), ("cs_ipw", "ipw"), ("cs_reg", "regression"))
        }
        return {
            "cs_nocov": pair(ek.aggregate(plain)), "pretest_reject": rejects(sample, plain),
            "pretest_reject_adj": rejects(sample, made["cs_dr"]),
            **{name: pair(ek.aggregate(found)) for name, found in made.items()},
        }  # fmt: skip

    assert misses(simulate, "S2", one) == []


def two_years(frame: pd.DataFrame, **columns: object) -> pd.DataFrame:
    """Return firms with a change as firms of two years."""
    frame = frame.assign(**columns)
    if "firm_id" not in frame:
        frame = frame.assign(firm_id=np.arange(len(frame)))
    before, after = frame.assign(year=2014, y=0.0), frame.assign(year=2015, y=frame["dy"])
    return pd.concat([before, after]).assign(g=lambda t: np.where(t["D"] > 0, 2015, 0))


def test_S4_few_clusters(simulate: types.ModuleType) -> None:
    """With 12 prefectures, 6 of them treated, firms are not independent; the correction for few clusters keeps size."""

    def one(data: dict) -> dict:
        frame = two_years(data["panel"]).assign(pref=lambda t: t["pref"].astype(str))
        roles = {"firm": "firm_id", "year": "year", "cohort": "g", "outcomes": ["y"]}
        by_firm = ek.estimate(ek.match(ek.Panel.from_frame(frame, **roles)), "twfe").table.iloc[0]
        area = ek.match(ek.Panel.from_frame(frame, clusters=["pref"], **roles))
        found = ek.estimate(area, "twfe")
        by_area = found.table.iloc[0]
        wild = ek.check(area, found, "wild_bootstrap", draws=999)
        return {
            "reject_hc": float(by_firm["p_value"] < 0.05), "reject_cr1_t": float(by_area["p_value"] < 0.05),
            "reject_wcr": float(wild.statistic < 0.05),
        }  # fmt: skip

    assert misses(simulate, "S4", one) == []


def test_S12_selection_on_observables(simulate: types.ModuleType) -> None:
    """A regression on matched controls with their weights, predicting the treated, is the bias correction of matching.

    Abadie and Imbens (2011), Journal of Business and Economic Statistics 29(1): matched residuals add up to 0.
    """

    def one(data: dict) -> dict:
        sample = sample_of(two_years(data["panel"]), tuple("abcd"))
        found = {"naive": pair(ek.estimate(sample, "group_time"))}
        for name, how in (("reg", "regression"), ("ipw", "ipw"), ("dr", "doubly_robust")):
            found[name] = pair(ek.estimate(sample, "group_time", adjustment=how))
        for m in (1, 4):
            near = ek.match(sample.panel, "nearest", distance="mahalanobis", ratio=m, replace=True)
            found[f"nn{m}_bc"] = pair(ek.estimate(near, "group_time", adjustment="regression"))
            if m == 1:
                found["nn1"] = pair(ek.estimate(near, "group_time"))
        return found

    assert misses(simulate, "S12", one) == []


def test_S6_the_path_after_the_first_award(simulate: types.ModuleType) -> None:
    def one(data: dict) -> dict:
        frame = data["panel"].rename(columns={"g_true": "g"})
        table = ek.aggregate(ek.estimate(sample_of(frame), "group_time"), "event_time").table.set_index("event_time")
        return {f"path_e{e}": tuple(table.loc[e, ["estimate", "std_error"]].astype(float)) for e in (0, 2, 4)}

    assert misses(simulate, "S6", one) == []


def test_S6_the_ledger_is_read_exactly(simulate: types.ModuleType, tmp_path: Path) -> None:
    """Awards in three date formats, two units, with reductions and duplicates: first years and yen of every firm."""
    for seed in range(10):
        data = simulate.gen("S6", seed)
        root = tmp_path / str(seed)
        root.mkdir()
        ledger_study(root, data)
        panel = ek.build(ek.load_study(root / "study.toml"), root)
        truth = data["truth"]
        frame = panel.to_frame().assign(firm=lambda t: t["firm_id"].str.lstrip("F").astype(int)).set_index("firm")
        first = frame["cohort"].dropna().astype(int).to_dict()
        assert first == truth["sample_first_fy"]
        paid = frame[[c for c in frame if c.startswith("award@")]].sum(axis=1)
        paid = paid[paid > 0].astype(int).to_dict()
        assert paid == truth["sample_cum_yen"]
        assert sum(paid.values()) == truth["sample_total_yen"]
        assert len(first) == truth["sample_firms_ever_awarded"]


def ledger_study(root: Path, data: dict) -> None:
    """Write a scenario's ledger and panel as a study's sources."""
    awards = data["awards"].assign(firm_id=lambda t: "F" + t["firm_id"].astype(int).map("{:05d}".format))
    awards.to_csv(root / "awards.csv", index=False)
    years = data["panel"].assign(firm_id=lambda t: "F" + t["firm_id"].map("{:05d}".format))
    years.rename(columns={"year": "fiscal_year", "y": "score"})[["firm_id", "fiscal_year", "score"]].to_csv(
        root / "firm_years.csv", index=False, float_format="%.12f"
    )
    (root / "study.toml").write_text(
        """
format = 1
id = "ledger"
title.en = "A dirty ledger"
[sources.awards]
layout = "generic-awards"
path = "awards.csv"
firm_scheme = "other"
columns = { parent_award_id = "ref_award_id", award_date = "date_text", amount_unit = "unit" }
[sources.firm_years]
layout = "generic-firm-years"
path = "firm_years.csv"
firm_scheme = "other"
[treatment]
path = true
[period]
first = 2011
last = 2020
[[outcome]]
name = "score"
[limits]
quarantined_rows = 0
quarantined_amount = 0
""",
        encoding="utf-8",
    )
