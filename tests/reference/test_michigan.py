"""The Michigan training grants (Holzer, Block, Cheatham and Knott 1993) against the textbook and a second package."""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from linearmodels.datasets import jobtraining

import evalkit as ek
import twins
from evalkit.model.study import Inference

PRINTED = 5e-6
"""Wooldridge, Introductory Econometrics, example 14.1 (log scrap, firm and year effects), stored with five decimals."""
SECOND_PACKAGE = 1e-8
"""Two exact least-squares codes on 162 rows."""

PYFIXEST = """
import json, sys
import pandas as pd, pyfixest as pf
answers = {}
for name, job in json.load(open(sys.argv[1])).items():
    data = pd.DataFrame(job["data"])
    formula = "y ~ " + " + ".join(job["regressors"]) + " | firm + year"
    raw = pf.feols(formula, data=data, vcov={"CRV1": "firm"}, ssc=pf.ssc(k_adj=False, G_adj=False))
    default, plain = (pf.feols(formula, data=data, vcov=v) for v in ({"CRV1": "firm"}, "iid"))
    rows = job["regressors"]
    answers[name] = {"b": raw.coef()[rows].tolist(), "raw": raw.se()[rows].tolist(),
                     "clustered": default.se()[rows].tolist(), "iid": plain.se()[rows].tolist()}
print(json.dumps(answers))
"""
CASES = [(outcome, leads) for outcome in ("y", "hours") for leads in (None, 0)]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Firms with log scrap in all three years: 54 firms, 162 rows."""
    data = jobtraining.load()
    first = data[data["grant"] == 1].groupby("fcode")["year"].min()
    return pd.DataFrame({
        "firm": data["fcode"].astype(int).astype(str), "year": data["year"].astype(int),
        "g": data["fcode"].map(first).fillna(0).astype(int), "y": data["lscrap"], "hours": data["hrsemp"],
    })  # fmt: skip


@pytest.fixture(scope="module")
def scrap(table: pd.DataFrame) -> pd.DataFrame:
    return table[["firm", "year", "g", "y"]].dropna()


def test_textbook_table(scrap: pd.DataFrame) -> None:
    assert (scrap["firm"].nunique(), len(scrap)) == (54, 162)
    effects = ek.estimate(twins.sample(twins.panel(scrap)), "event_study", leads=0, covariance="homoskedastic")
    grant, lagged = effects.table.to_dict("records")
    assert (grant["event_time"], lagged["event_time"]) == (0, 1)
    assert grant["estimate"] == pytest.approx(-0.25231, abs=PRINTED)
    assert grant["std_error"] == pytest.approx(0.15063, abs=PRINTED)
    assert lagged["estimate"] == pytest.approx(-0.42159, abs=PRINTED)
    assert lagged["std_error"] == pytest.approx(0.21020, abs=PRINTED)
    assert effects.row_dof == pytest.approx(104)


def test_clustered_error_is_the_declared_convention(scrap: pd.DataFrame) -> None:
    """The lagged grant's standard error under this convention is 0.28246; under others it runs from 0.276 to 0.347."""
    effects = ek.estimate(twins.sample(twins.panel(scrap)), "event_study", leads=0, covariance="cr1")
    assert effects.table["std_error"].iloc[1] == pytest.approx(0.28246, abs=PRINTED)


def long_of(table: pd.DataFrame, outcome: str) -> pd.DataFrame:
    return table[["firm", "year", "g", outcome]].dropna().rename(columns={outcome: "y"})


@pytest.fixture(scope="module")
def pyfixest(table: pd.DataFrame, tmp_path_factory) -> dict:
    """All answers of the second package, from one process: its clustered errors depend on the hash seed."""
    jobs = {}
    for outcome, leads in CASES:
        data = long_of(table, outcome)
        times = ek.estimate(twins.sample(twins.panel(data)), "event_study", leads=leads).table["event_time"]
        names = [f"e_{'m' if e < 0 else 'p'}{abs(e)}" for e in times]
        for name, event in zip(names, times, strict=True):
            data[name] = ((data["year"] - data["g"]) == event).astype(float)
        jobs[f"event {outcome} {leads}"] = {"data": data.to_dict("list"), "regressors": names}
    for outcome in ("y", "hours"):
        data = long_of(table, outcome)
        for cohort, year, start in ((1988, 1988, 1987), (1988, 1989, 1987), (1989, 1988, 1987), (1989, 1989, 1988)):
            cell = data[data["g"].isin([0, cohort]) & data["year"].isin([start, year])]
            cell = cell.assign(d=((cell["g"] == cohort) & (cell["year"] == year)).astype(float))
            jobs[f"cell {outcome} {cohort} {year}"] = {"data": cell.to_dict("list"), "regressors": ["d"]}
    path = tmp_path_factory.mktemp("pyfixest") / "jobs.json"
    path.write_text(json.dumps(jobs))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PYFIXEST, str(path)], check=True, capture_output=True, text=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(("outcome", "leads"), CASES)
def test_event_study_equals_pyfixest(table: pd.DataFrame, pyfixest: dict, outcome: str, leads: int | None) -> None:
    other = pyfixest[f"event {outcome} {leads}"]
    s = twins.sample(twins.panel(long_of(table, outcome)))
    effects = ek.estimate(s, "event_study", leads=leads, covariance="cr1").table
    plain = ek.estimate(s, "event_study", leads=leads, covariance="homoskedastic").table
    np.testing.assert_allclose(effects["estimate"], other["b"], atol=SECOND_PACKAGE)
    np.testing.assert_allclose(effects["std_error"], other["clustered"], atol=SECOND_PACKAGE)
    np.testing.assert_allclose(plain["std_error"], other["iid"], atol=SECOND_PACKAGE)


def plain(panel: ek.Panel) -> ek.MatchedSample:
    """Return all firms, with standard errors as they are without a correction for few firms."""
    return twins.sample(dataclasses.replace(panel, inference=Inference(correction="cr1")))


@pytest.mark.parametrize("outcome", ["y", "hours"])
def test_each_group_time_cell_equals_pyfixest(table: pd.DataFrame, pyfixest: dict, outcome: str) -> None:
    """A cell is a regression on two periods; its raw sandwich is the sum of squared influence values."""
    cells = ek.estimate(plain(twins.panel(long_of(table, outcome))), "group_time").table
    assert len(cells) == 4
    for row in cells.to_dict("records"):
        other = pyfixest[f"cell {outcome} {row['cohort']} {row['year']}"]
        assert row["estimate"] == pytest.approx(other["b"][0], abs=SECOND_PACKAGE)
        assert row["std_error"] == pytest.approx(other["raw"][0], abs=SECOND_PACKAGE)


@pytest.mark.parametrize("outcome", ["y", "hours"])
def test_group_time_equals_twin(table: pd.DataFrame, outcome: str) -> None:
    long = table[["firm", "year", "g", outcome]].dropna()
    effects = ek.estimate(plain(twins.panel(long, (outcome,))), "group_time", comparison="not_yet_treated")
    _, estimate, psi = twins.group_time(long, "not_yet_treated", column=outcome)
    np.testing.assert_allclose(effects.table["estimate"], estimate, atol=SECOND_PACKAGE)
    np.testing.assert_allclose(np.diag(effects.vcov), (psi**2).sum(axis=0), atol=SECOND_PACKAGE)
