"""The same regressions by pyfixest: coefficients and clustered standard errors, on panels with gaps."""

import dataclasses
import functools
import importlib
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.model.study import Inference

pyfixest = pytest.importorskip("pyfixest", reason="the extra 'parity' is not installed")
SAME = 1e-8
"""Both solve to rounding; pyfixest's demeaning stops at a tolerance of 1e-6 unless it is told, here 1e-12."""
PLAIN = {"correction": "cr1"}


def frame(missing: float) -> pd.DataFrame:
    table = twins.frame(400, missing=missing, seed=8)
    event = (table["year"] - table["g"]).where(table["g"] > 0)
    return table.assign(event=event, hit=((event >= 0).fillna(False)).astype(float))


def sample(table: pd.DataFrame) -> ek.MatchedSample:
    return twins.sample(dataclasses.replace(twins.panel(table), inference=Inference(**PLAIN)))


def feols(table: pd.DataFrame, columns: dict[str, np.ndarray]) -> pd.DataFrame:
    data = table.assign(**columns)
    model = pyfixest.feols(
        f"y ~ {' + '.join(columns)} | firm + year", data, vcov={"CRV1": "firm"}, fixef_tol=1e-12, fixef_maxiter=100_000
    )
    return model.tidy()


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_twfe(missing: float) -> None:
    table = frame(missing)
    theirs = feols(table, {"hit_": table["hit"].to_numpy()}).iloc[0]
    mine = ek.estimate(sample(table), "twfe").table.iloc[0]
    assert mine["estimate"] == pytest.approx(theirs["Estimate"], abs=SAME)
    assert mine["std_error"] == pytest.approx(theirs["Std. Error"], abs=SAME)
    assert mine["p_value"] == pytest.approx(theirs["Pr(>|t|)"], abs=1e-6)


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_event_study(missing: float) -> None:
    table = frame(missing)
    mine = ek.estimate(sample(table), "event_study").table
    times = [int(e) for e in mine["event_time"]]
    columns = {f"e{k}": (table["event"] == e).to_numpy(float) for k, e in enumerate(times)}
    theirs = feols(table, columns)
    np.testing.assert_allclose(mine["estimate"], theirs["Estimate"], atol=SAME)
    np.testing.assert_allclose(mine["std_error"], theirs["Std. Error"], atol=SAME)


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_sun_abraham(missing: float) -> None:
    table = frame(missing)
    mine = ek.estimate(sample(table), "sun_abraham").table
    cells = list(zip(mine["cohort"].astype(int), mine["event_time"].astype(int), strict=True))
    columns = {
        f"c{k}": ((table["g"] == g) & (table["event"] == e)).to_numpy(float) for k, (g, e) in enumerate(cells)
    }  # fmt: skip
    theirs = feols(table, columns)
    np.testing.assert_allclose(mine["estimate"], theirs["Estimate"], atol=SAME)
    np.testing.assert_allclose(mine["std_error"], theirs["Std. Error"], atol=SAME)


def told(long: pd.DataFrame, found: pd.DataFrame, held: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return what `did2s` says of the event times found; `held` are columns of its first stage."""
    columns = {f"e{int(k)}": (long["event"] == k).to_numpy(float) for k in found["event_time"]}
    return pyfixest.did2s(
        long.assign(**columns), yname="y", first_stage=f"~ {' + '.join(held) or 0} | firm + year",
        second_stage=f"~ 0 + {' + '.join(columns)}", treatment="hit", cluster="firm",
    ).tidy()  # fmt: skip


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Solve the first stage of `did2s` to rounding, and with firms of one untreated row in it.

    It has no argument for either: firm effects come from an iteration that stops at 1e-6, and with it estimates are
    1e-5 off. Nothing else differs.
    """
    inner = importlib.import_module("pyfixest.did.did2s")
    model = importlib.import_module("pyfixest.estimation.models.feols_").Feols
    precise = functools.partial(inner.feols, fixef_rm="none", fixef_tol=1e-12, fixef_maxiter=100_000)
    monkeypatch.setattr(inner, "feols", precise)
    solve = functools.partialmethod(model.fixef, atol=1e-14, btol=1e-14)
    monkeypatch.setattr(model, "fixef", solve)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_two_stage(missing: float) -> None:
    """Their standard errors have no small-sample factor."""
    table = imputable(frame(missing))
    mine = ek.estimate(sample(table), "two_stage").table
    theirs = told(table, mine)
    np.testing.assert_allclose(mine["estimate"], theirs["Estimate"], atol=SAME)
    np.testing.assert_allclose(mine["std_error"], theirs["Std. Error"], atol=SAME)


@pytest.mark.usefixtures("exact")
def test_two_stage_beside_covariates() -> None:
    table = imputable(covered().dropna(subset=["x"]))
    slopes = {f"size{t}": table["size"] * (table["year"] == t) for t in sorted(table["year"].unique())[1:]}
    panel = twins.panel(table, covariates=("size",), time_varying=("x",))
    plain = twins.sample(dataclasses.replace(panel, inference=Inference(**PLAIN)))
    mine = ek.estimate(plain, "two_stage", time_varying=("x",), baseline=("size",)).table
    theirs = told(table.assign(**slopes), mine, ("x", *slopes))
    np.testing.assert_allclose(mine["estimate"], theirs["Estimate"], atol=SAME)
    np.testing.assert_allclose(mine["std_error"], theirs["Std. Error"], atol=SAME)


def imputable(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of firms with an untreated one: without, `did2s` has no firm effect and stops."""
    return table[(table["hit"] == 0).groupby(table["firm"]).transform("any")].reset_index(drop=True)


BESIDE = """
import json, sys
import pandas as pd, pyfixest as pf
answers = {}
for name, job in json.load(open(sys.argv[1])).items():
    data = pd.DataFrame(job["data"])
    formula = "y ~ " + " + ".join(job["regressors"]) + " | firm + year"
    model = pf.feols(formula, data=data, vcov={"CRV1": job["cluster"]}, fixef_tol=1e-12, fixef_maxiter=100_000)
    answers[name] = {"b": model.coef().tolist(), "se": model.se().tolist()}
print(json.dumps(answers))
"""
CASES = [
    ("twfe", "firm", {"time_varying": ("x",)}), ("twfe", "region", {"time_varying": ("x",), "baseline": ("size",)}),
    ("event_study", "firm", {"time_varying": ("x",)}), ("event_study", "firm", {"baseline": ("size",)}),
    ("event_study", "firm", {"time_varying": ("x",), "leads": 0, "cohort_trends": True}),
]  # fmt: skip


def covered() -> pd.DataFrame:
    table = frame(0.15)
    number, rng = table["firm"].str[1:].astype(int), np.random.default_rng(2)
    x = 0.5 * table["y"] + rng.normal(size=len(table))
    return table.assign(
        x=x.where(rng.random(len(table)) > 0.1), size=np.sqrt(1.0 + number % 7), region=[f"R{i % 30}" for i in number]
    )


def regressors(table: pd.DataFrame, method: str, options: dict) -> dict[str, np.ndarray]:
    """Return the columns of a formula: what is asked of the award first."""
    times = [e for e in sorted(table["event"].dropna().unique()) if e != -1 and (e >= 0 or "leads" not in options)]
    found = {"hit": table["hit"].to_numpy()}
    if method == "event_study":
        found = {f"e{k}": (table["event"] == e).to_numpy(float) for k, e in enumerate(times)}
    found |= {name: table[name].to_numpy() for name in options.get("time_varying", ())}
    for t in sorted(table["year"].unique())[1:] if "baseline" in options else ():
        found[f"size{t}"] = table["size"].to_numpy() * (table["year"] == t).to_numpy()
    for g in sorted(set(table["g"]) - {0}) if "cohort_trends" in options else ():
        found[f"trend{g}"] = (table["g"] == g).to_numpy() * (table["year"].to_numpy(float) - 2011)
    return found


@pytest.fixture(scope="module")
def beside(tmp_path_factory) -> list[dict]:
    """All answers from one process: its clustered errors depend on the hash seed."""
    jobs = {}
    for k, (method, cluster, options) in enumerate(CASES):
        table = covered()
        table = table.dropna(subset=["x"]) if "time_varying" in options else table
        columns = regressors(table, method, options)
        data = table[["firm", "year", "region", "y"]].assign(**columns)
        jobs[str(k)] = {"data": data.to_dict("list"), "regressors": list(columns), "cluster": cluster}
    path = tmp_path_factory.mktemp("pyfixest") / "jobs.json"
    path.write_text(json.dumps(jobs))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BESIDE, str(path)], check=True, capture_output=True, text=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )  # fmt: skip
    answers = json.loads(done.stdout.splitlines()[-1])
    return [answers[str(k)] for k in range(len(CASES))]


@pytest.mark.parametrize("k", range(len(CASES)))
def test_what_is_held_beside_the_award(beside: list[dict], k: int) -> None:
    method, cluster, options = CASES[k]
    panel = twins.panel(
        covered(), covariates=("size", "region"), time_varying=("x",), clusters=() if cluster == "firm" else (cluster,)
    )
    found = ek.estimate(twins.sample(dataclasses.replace(panel, inference=Inference(**PLAIN))), method, **options).table
    np.testing.assert_allclose(found["estimate"], beside[k]["b"][: len(found)], atol=SAME)
    np.testing.assert_allclose(found["std_error"], beside[k]["se"][: len(found)], atol=SAME)
