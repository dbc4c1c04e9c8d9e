"""DoWhy's refuters on one cross-section: the estimate, its choice of firms, false alarms and their cause, silence."""

import logging
import os
import string
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.checks import refuters
from evalkit.checks.refuters import INFO, Method
from evalkit.reporting.words import words

YEARS = np.arange(2011, 2016)
EFFECT = 0.4
SAME = 1e-9


def frame(n: int = 400, *, seed: int = 3) -> pd.DataFrame:
    """Firms supported by size and trade, on which growth hangs too."""
    rng = np.random.default_rng(seed)
    size, trade = 1000 * rng.normal(size=n), rng.integers(0, 3, n)
    chance = 1 / (1 + np.exp(1.0 - size / 1000 - 0.5 * trade))
    cohort = np.where(rng.random(n) < chance, rng.choice([2013, 2014], n), 0)
    y = rng.normal(size=(n, 1)) + 0.5 * rng.normal(size=(n, len(YEARS)))
    y += 0.3 * (size[:, None] / 1000 + trade[:, None]) * (YEARS - 2011) / 4
    y += EFFECT * ((cohort[:, None] > 0) & (cohort[:, None] <= YEARS))
    rows = {"g": cohort, "size": size, "trade": [f"業種{k}" for k in trade]}
    long = {"firm": np.repeat([f"F{i:04d}" for i in range(n)], len(YEARS)), "year": np.tile(YEARS, n), "y": y.ravel()}
    return pd.DataFrame(long | {name: np.repeat(values, len(YEARS)) for name, values in rows.items()})


def sample(table: pd.DataFrame, covariates: tuple[str, ...] = ("size", "trade")) -> ek.MatchedSample:
    return twins.sample(twins.panel(table, covariates=covariates))


def cross_section(table: pd.DataFrame) -> pd.DataFrame:
    wide = table.pivot_table(index="firm", columns="year", values="y")
    firms = table.groupby("firm")[["g", "size", "trade"]].first()
    return firms.assign(change=wide[2015] - wide[2012], award=(firms["g"] > 0).astype(float))


@pytest.fixture(scope="module")
def result() -> ek.CheckResult:
    return ek.check(sample(frame()), (), "refuters")


def test_nothing_is_refuted_where_all_is_well(result: ek.CheckResult) -> None:
    assert (result.verdict, result.values["case"], result.values["alarms"]) == ("pass", "pass", 0)
    assert [row["refuter"] for row in result.rows] == [
        "placebo_treatment", "random_common_cause", "data_subset", "dummy_outcome",
    ]  # fmt: skip


def test_the_estimate_is_that_of_least_squares(result: ek.CheckResult) -> None:
    firms = cross_section(frame())
    x = np.column_stack([
        firms["award"], firms["size"], firms["trade"] == "業種1", firms["trade"] == "業種2", np.ones(len(firms)),
    ]).astype(float)  # fmt: skip
    slope = np.linalg.lstsq(x, firms["change"].to_numpy(), rcond=None)[0][0]
    assert result.values["effect"] == pytest.approx(slope, rel=SAME)
    assert (result.values["n_firms"], result.values["n_treated"]) == (len(firms), int(firms["award"].sum()))


def test_refuters_vanish_and_stay(result: ek.CheckResult) -> None:
    placebo, cause, subset, dummy = (row["effect_again"] for row in result.rows)
    effect = result.values["effect"]
    assert abs(effect - EFFECT) < 0.2
    assert max(abs(placebo), abs(dummy)) < 0.1
    assert cause == pytest.approx(effect, abs=0.02)
    assert subset == pytest.approx(effect, abs=0.1)
    assert cause != effect != subset


def test_firms_are_chosen_by_their_hash() -> None:
    table = frame()
    first, second = (ek.check(sample(table), (), "refuters", firms=200, seed=s).values for s in (0, 1))
    assert first["n_firms"] == second["n_firms"] == 200
    assert first["effect"] != second["effect"]


def data_of(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    found = Method()._cross_section(sample(table))
    assert not isinstance(found, str)
    return found


def with_scores(data: pd.DataFrame, columns: dict[str, list[str]]) -> pd.DataFrame:
    """Return the data as weighting leaves those that it estimates from."""
    data = data.copy()
    refuters._estimated(data, refuters._identified(columns), "propensity_weighting")
    assert "propensity_score" in data
    return data


def test_weighting_raises_a_false_alarm_only_where_its_scores_are_left_in_the_data() -> None:
    data, columns = data_of(frame(1000))
    before = list(data.columns)
    clean = refuters._refuted(data, columns, "propensity_weighting", 0)
    assert list(data.columns) == before
    assert min(row["p_value"] for row in clean) > 0.1
    left = refuters._refuted(with_scores(data, columns), columns, "propensity_weighting", 0)
    placebo = left[0]
    assert placebo["p_value"] < 1e-6
    assert abs(placebo["effect_again"]) > 5 * abs(clean[0]["effect_again"])


def test_an_alarm_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    honest: Callable[..., list[dict[str, object]]] = refuters._refuted

    def spoilt(data: pd.DataFrame, columns: dict[str, list[str]], *rest: object) -> list[dict[str, object]]:
        return honest(with_scores(data, columns), columns, *rest)

    monkeypatch.setattr(refuters, "_refuted", spoilt)
    told = ek.check(sample(frame(1000)), (), "refuters", estimator="propensity_weighting")
    assert (told.verdict, told.values["case"], told.values["refuter"]) == ("warn", "warn", "placebo_treatment")
    assert told.values["alarms"] >= 1


def test_awards_are_whole_numbers() -> None:
    """DoWhy breaks on True and False with pandas 3."""
    assert data_of(frame(100))[0]["award"].dtype == np.int64


def test_nothing_is_printed_and_no_state_is_left(
    capfd: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture
) -> None:
    np.random.seed(5)  # noqa: NPY002 - what DoWhy draws from
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    level = logging.getLogger("dowhy").level
    with caplog.at_level(logging.DEBUG):
        ek.check(sample(frame(200)), (), "refuters")
    assert capfd.readouterr() == ("", "")
    assert [r for r in caplog.records if r.name.startswith("dowhy")] == []
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    assert logging.getLogger("dowhy").level == level


@pytest.mark.parametrize("case", INFO)
def test_what_is_missing_is_told(case: str) -> None:
    table, covariates = frame(), ("size", "trade")
    if case == "no_covariates":
        covariates = ()
    elif case == "no_base":
        table = table[table["year"] >= 2013]
    elif case == "few_firms":
        table = table[(table["g"] == 0) | (table["firm"] < "F0020")]
    else:
        table, covariates = table.assign(twin=2.0 * table["size"] + 1), ("size", "twin")
    told = ek.check(sample(table, covariates), (), "refuters")
    assert (told.verdict, told.values["case"]) == ("info", case)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_sentence_can_be_said(result: ek.CheckResult, language: str) -> None:
    sentences = words(language).entries["method"]["checks"]["refuters"]["sentence"]
    assert set(sentences) == {"pass", "warn", *INFO}
    for case in ("pass", "warn"):
        assert {f for _, f, *_ in string.Formatter().parse(sentences[case]) if f} <= set(result.values)
    assert set(result.rows[0]) <= set(words(language).entries["check_columns"])
    assert all(words(language)[f"choices.{row['refuter']}"] for row in result.rows)


@pytest.mark.slow
def test_hash_seed_and_threads_change_no_bit() -> None:
    code = (
        "import evalkit as ek; from test_refuters import frame, sample; "
        "print(ek.check(sample(frame()), (), 'refuters', estimator='propensity_weighting').rows)"
    )
    paths = os.pathsep.join(["tests", "tests/unit/checks", os.environ.get("PYTHONPATH", "")])
    told = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": seed, "OPENBLAS_NUM_THREADS": threads},
        ).stdout
        for seed, threads in (("0", "1"), ("1", "2"))
    }  # fmt: skip
    assert len(told) == 1
