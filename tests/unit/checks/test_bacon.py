import json

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from references import reference

EXACT = 1e-9


def check(long: pd.DataFrame, **options: object):
    sample = twins.sample(twins.panel(long))
    return ek.check(sample, (), "bacon", **options), sample


def test_comparisons_add_up_to_the_two_way_estimate() -> None:
    result, sample = check(twins.frame(n=150, growth=0.3))
    twfe = ek.estimate(sample, "twfe").table["estimate"][0]
    assert result.values["estimate"] == pytest.approx(twfe, rel=EXACT)
    assert sum(row["share"] for row in result.rows) == pytest.approx(1, rel=EXACT)


def test_goodmans_reform_of_mathematics() -> None:
    """All comparisons, their weights and their total, as published with the R package bacondecomp."""
    answer = json.loads(reference("answers/bacon_math_reform.json").read_text(encoding="utf-8"))["values"]
    data = pd.read_csv(reference("data/bacon_math_reform.csv"))
    long = data.rename(columns={"state": "firm", "class": "year", "reformyr_math": "g", "incearn_ln": "y"})
    long["g"] = long["g"].where(long.groupby("firm")["reform_math"].transform("max") > 0, 0)
    result, _ = check(long)
    found = {(row["cohort"], row["control_cohort"]): (row["estimate"], row["share"]) for row in result.rows}
    wanted = {(r["treated"], r["untreated"]): (r["estimate"], r["weight"]) for r in answer["rows"]}
    assert found.keys() == wanted.keys()
    for key, pair in wanted.items():
        assert found[key] == pytest.approx(pair, rel=1e-6)
    later = next(s for s in answer["summary"] if s["type"] == "Later vs Earlier Treated")
    assert result.statistic == pytest.approx(later["weight"], rel=1e-6)
    assert result.values["estimate"] == pytest.approx(answer["total"], rel=1e-6)


def test_negative_weights_are_those_of_the_residual_of_treatment() -> None:
    long = twins.frame(n=150, periods=8)
    result, _ = check(long)
    hit = ((long["g"] > 0) & (long["year"] >= long["g"])).astype(float)
    wide = hit.groupby([long["firm"], long["year"]]).first().unstack().to_numpy()
    residual = wide - wide.mean(axis=0) - wide.mean(axis=1, keepdims=True) + wide.mean()
    long = long.assign(w=residual.ravel() * hit.to_numpy())
    cells = long.groupby(["g", "year"])["w"].sum()
    assert result.values["share_negative"] == pytest.approx(-cells[cells < 0].sum() / cells.abs().sum(), abs=1e-10)


def test_one_award_year_compares_with_never_supported_firms_only() -> None:
    long = twins.frame(n=100)
    long["g"] = np.where(long["g"] > 0, 2013, 0)
    result, _ = check(long)
    assert (result.verdict, result.statistic, result.values["share_negative"]) == ("pass", 0, 0)


def test_mostly_supported_firms_warn() -> None:
    long = twins.frame(n=100, periods=10)
    result, _ = check(long[long["g"] > 0])
    assert result.verdict == "warn"
    assert result.statistic > 0.3


def test_nobody_seen_always_is_said() -> None:
    long = twins.frame(n=60)
    result, _ = check(long[long.groupby("firm").cumcount() != long["firm"].str[-1].astype(int) % 6])
    assert (result.verdict, result.values["case"]) == ("info", "not_balanced")
