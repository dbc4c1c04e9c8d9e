"""Spillover to unsupported firms: planted, absent, and not to be told; the donut against an estimate without firms."""

import dataclasses
import string

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import evalkit as ek
import twins
from evalkit.checks.spillover import INFO
from evalkit.errors import UnknownNameError
from evalkit.reporting.words import words

YEARS = np.arange(2011, 2017)
LEFT_OUT = 0.3


def frame(slope: float, n: int = 900, shape: tuple[int, int] = (6, 5), seed: int = 1) -> pd.DataFrame:
    """Firms by trade and town; unsupported ones move by `slope` times the share supported among the others there."""
    rng = np.random.default_rng(seed)
    trade, town = rng.integers(0, shape[0], n), rng.integers(0, shape[1], n)
    cell = trade * shape[1] + town
    chance = rng.beta(1.5, 3, shape[0] * shape[1])
    cohort = np.where(rng.random(n) < chance[cell], rng.choice([2013, 2014], n), 0)
    shock = 0.2 * rng.normal(size=(shape[0] * shape[1], len(YEARS)))
    y = rng.normal(size=(n, 1)) + 0.5 * rng.normal(size=(n, len(YEARS))) + shock[cell]
    y += 0.5 * ((cohort[:, None] > 0) & (cohort[:, None] <= YEARS))
    share = np.zeros((n, len(YEARS)))
    for i in np.flatnonzero(cohort == 0):
        others = np.flatnonzero((cell == cell[i]) & (np.arange(n) != i))
        own = (cohort[others, None] > 0) & (cohort[others, None] <= YEARS)
        share[i] = own.mean(axis=0) if len(others) else 0.0
    y += slope * share
    long = {"firm": np.repeat([f"F{i:04d}" for i in range(n)], len(YEARS)), "year": np.tile(YEARS, n), "y": y.ravel()}
    rows = {"g": cohort, "trade": [f"a{k}" for k in trade], "town": [f"b{k}" for k in town]}
    rows |= {"share": share[:, -1], "dose": np.where(cohort > 0, 100.0 + np.arange(n), 0.0)}
    return pd.DataFrame(long | {name: np.repeat(values, len(YEARS)) for name, values in rows.items()})


def sample(table: pd.DataFrame, **roles: object) -> ek.MatchedSample:
    return twins.sample(twins.panel(table, **{"covariates": ("trade", "town")} | roles))


def check(of: ek.MatchedSample, **options: object) -> ek.CheckResult:
    return ek.check(of, [ek.estimate(of, "group_time")], "spillover", **options)


@pytest.mark.parametrize(("slope", "kind", "verdict"), [(0.0, "pass", "pass"), (2.0, "warn", "warn")])
def test_rule_table(slope: float, kind: str, verdict: str) -> None:
    of = sample(frame(slope))
    result = check(of)
    assert (result.values["case"], result.verdict) == (f"{kind}_donut", verdict)
    assert result.values["cells"] == 30
    assert result.values["held_fixed"]
    assert result.values["change_low"] < 0.1 * slope < result.values["change_high"]
    assert ek.check(of, (), "spillover").values["case"] == kind


def test_the_donut_is_an_estimate_without_exposed_unsupported_firms() -> None:
    table = frame(2.0)
    of = sample(table)
    (row,) = check(of, threshold=LEFT_OUT).rows
    kept = table[(table["g"] > 0) | (table["share"] <= LEFT_OUT)]
    whole, again = (
        ek.aggregate(ek.estimate(sample(t), "group_time"), "overall").table.iloc[0] for t in (table, kept)
    )  # fmt: skip
    moved = abs(again["estimate"] - whole["estimate"]) / whole["std_error"]
    assert row["errors_moved"] == max(s for s in (0.0, 0.25, 0.5, 1.0, 2.0) if s <= moved) > 0
    assert row["n_left_out"] == table["firm"].nunique() - kept["firm"].nunique()


def test_amounts_count_by_the_mean_one() -> None:
    table = frame(2.0)
    alike = sample(table.assign(dose=50.0 * (table["g"] > 0)), dose="dose")
    assert check(alike, measure="amount").values == check(alike).values
    told = check(sample(table, dose="dose"), measure="amount").values
    assert told["change"] != check(alike).values["change"]


def test_one_category_has_no_effects_of_its_own() -> None:
    of = sample(frame(2.0, shape=(30, 1)))
    result = check(of, cells=("trade",))
    assert not result.values["held_fixed"]
    assert result.verdict == "warn"


def test_the_answer_does_not_hang_on_firms_without_a_cell() -> None:
    table = frame(0.0)
    of = sample(table)
    place = of.panel.column_names.index("trade")
    trade = of.panel.source.column("trade").to_pylist()
    blank = pa.array([None if i == 3 else v for i, v in enumerate(trade)])
    source = of.panel.source.set_column(place, "trade", blank)
    result = check(twins.sample(dataclasses.replace(of.panel, source=source)))
    assert result.verdict == "pass"


def test_one_exposed_cell_alone_tells_nothing() -> None:
    """A bootstrap over cells cannot tell what only one of them shows."""
    table = frame(0.0, shape=(20, 1))
    is_one = table["trade"] == "a3"
    table = table.assign(g=np.where(is_one & (table["firm"].str[1:].astype(int) % 2 == 0), 2013, 0))
    result = check(sample(table), cells=("trade",))
    assert (result.values["case"], result.verdict) == ("alike", "info")


@pytest.mark.parametrize("case", INFO)
def test_what_is_missing_is_told(case: str) -> None:
    table, options, roles = frame(0.0), {}, {}
    if case == "no_cells":
        roles = {"covariates": ()}
    elif case == "no_amounts":
        options = {"measure": "amount"}
    elif case == "no_base":
        table = table[table["year"] >= 2013]
    elif case == "few_cells":
        options = {"cells": ("trade",)}
    else:
        n = table["firm"].nunique()
        code = table["firm"].str[1:].astype(int)
        cell = code // 20
        table = table.assign(trade="c" + cell.astype(str), g=np.where(code % 20 < 5, 2013, 0))
        assert n % 20 == 0
        options = {"cells": ("trade",)}
    of = sample(table, **roles)
    result = ek.check(of, (), "spillover", **options)
    assert (result.values["case"], result.verdict) == (case, "info")


def test_unknown_names_and_options_are_refused() -> None:
    with pytest.raises(UnknownNameError):
        check(sample(frame(0.0, n=60)), cells=("trad",))
    with pytest.raises(ek.EvalkitError):
        check(sample(frame(0.0, n=60)), threshold=-1.0)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_sentence_can_be_said(language: str) -> None:
    told = [check(sample(frame(slope))) for slope in (0.0, 2.0)]
    told += [ek.check(sample(frame(slope)), (), "spillover") for slope in (0.0, 2.0)]
    sentences = words(language).entries["method"]["checks"]["spillover"]["sentence"]
    assert set(sentences) == {"pass", "warn", "pass_donut", "warn_donut", *INFO}
    for result in told:
        fields = {f for _, f, *_ in string.Formatter().parse(sentences[result.values["case"]]) if f}
        assert fields <= set(result.values)
        assert {key for row in result.rows for key in row} <= set(words(language).entries["check_columns"])
