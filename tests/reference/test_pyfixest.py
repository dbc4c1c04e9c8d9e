"""The same regressions by pyfixest: coefficients and clustered standard errors, on panels with gaps."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.model.study import Inference

pyfixest = pytest.importorskip("pyfixest", reason="the extra 'parity' is not installed")
SAME = 1e-8
"""Both solve to rounding; pyfixest's demeaning stops at a tolerance of 1e-6 unless it is told, here 1e-12."""
FIRST_STAGE = 2e-5
"""Its first stage stops at 1e-6 a step and cannot be told otherwise; the twin of `two_stage` agrees to 1e-10."""
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


def test_two_stage() -> None:
    """Their standard errors have no small-sample factor."""
    table = frame(0.0)
    mine = ek.estimate(sample(table), "two_stage").table
    times = [int(e) for e in mine["event_time"]]
    columns = {f"e{k}": (table["event"] == e).to_numpy(float) for k, e in enumerate(times)}
    theirs = pyfixest.did2s(
        table.assign(**columns), yname="y", first_stage="~ 0 | firm + year",
        second_stage=f"~ 0 + {' + '.join(columns)}", treatment="hit", cluster="firm",
    ).tidy()  # fmt: skip
    np.testing.assert_allclose(mine["estimate"], theirs["Estimate"], atol=FIRST_STAGE)
    np.testing.assert_allclose(mine["std_error"], theirs["Std. Error"], atol=FIRST_STAGE)
