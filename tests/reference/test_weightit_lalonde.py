"""Parity with R WeightIt on the LaLonde data: what its documentation prints for entropy balancing, CBPS and IPW.

Source: WeightIt 1.x, "Using WeightIt to Estimate Balancing Weights" and the examples of method_ebal, method_cbps and
method_glm. Largest weights are named there by 1-based row.
"""

import json

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from references import reference

PROBIT = 1e-5
"""R's glm stops at a relative change of the deviance of 1e-8; its scoring steps converge linearly for a probit."""
ALL = ("age", "educ", "race", "married", "nodegree", "re74", "re75")
FIVE = ("age", "educ", "married", "nodegree", "re74")
PRINTED = {
    "ess": 0.005,
    "weight": 0.0005,
    "ratio": 0.0005,
    "effect": 0.5,
}
"""Half a unit of the last digit printed."""


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    table = pd.read_csv(reference("data/lalonde_matchit.csv"))
    return table.assign(firm=[f"{row:04d}" for row in range(1, len(table) + 1)])


@pytest.fixture(scope="module")
def panel(data: pd.DataFrame) -> ek.Panel:
    long = data.assign(g=np.where(data["treat"] == 1, 1978, 0)).merge(pd.DataFrame({"year": [1974, 1978]}), how="cross")
    long["earnings"] = np.where(long["year"] == 1978, long["re78"], 0.0)
    return ek.Panel.from_frame(long, firm="firm", year="year", cohort="g", outcomes=["earnings"], covariates=ALL)


@pytest.mark.parametrize(
    ("method", "options", "ess", "largest"),
    [
        ("entropy", {"covariates": ALL}, 98.46, {411: 4.062, 303: 3.897, 597: 3.45, 381: 3.235, 608: 3.073}),
        ("entropy", {"covariates": FIVE}, 252.12, {296: 2.263, 409: 1.743, 269: 1.576, 595: 1.485, 589: 1.464}),
        ("cbps", {"covariates": FIVE}, 252.12, {296: 2.263, 409: 1.743, 269: 1.576, 595: 1.485, 589: 1.464}),
    ],
)
def test_balancing_weights(panel: ek.Panel, method: str, options: dict, ess: float, largest: dict) -> None:
    sample = ek.match(panel, method, **options)
    assert sample.effective_controls == pytest.approx(ess, abs=PRINTED["ess"])
    control = np.where(panel.cohort > 0, 0.0, sample.weight)
    rows = np.argsort(-control)[:5]
    assert list(rows + 1) == list(largest)
    np.testing.assert_allclose(control[rows], list(largest.values()), atol=PRINTED["weight"])


@pytest.mark.parametrize(
    ("options", "ess", "largest"),
    [
        ({"covariates": ALL}, 99.82, {303: 3.743, 411: 3.523, 381: 3.24, 573: 3.059, 597: 3.03}),
        (
            {"covariates": FIVE, "model": "probit"},
            260.83,
            {296: 1.834, 409: 1.518, 269: 1.412, 595: 1.351, 612: 1.278},
        ),
    ],
)
def test_odds_weights(panel: ek.Panel, options: dict, ess: float, largest: dict) -> None:
    """WeightIt does not normalise them: the odds themselves are compared, and the effective number, which is free."""
    sample = ek.match(panel, "ipw", **options)
    assert sample.effective_controls == pytest.approx(ess, abs=PRINTED["ess"])
    odds = np.where(panel.cohort > 0, 0.0, sample.distance / (1 - sample.distance))
    rows = np.argsort(-odds)[:5]
    assert list(rows + 1) == list(largest)
    np.testing.assert_allclose(odds[rows], list(largest.values()), atol=PRINTED["weight"])
    control = panel.cohort == 0
    np.testing.assert_allclose(sample.weight[control] / odds[control], 185 / odds.sum(), rtol=1e-12)


def test_entropy_balance_and_effect(panel: ek.Panel, data: pd.DataFrame) -> None:
    sample = ek.match(panel, "entropy")
    rows = {row["covariate"]: row for row in ek.check(sample, (), "balance").rows}
    for name, ratio in {"age": 0.410, "educ": 0.664, "re74": 1.326, "re75": 1.335}.items():
        assert rows[name]["variance_ratio_after"] == pytest.approx(ratio, abs=PRINTED["ratio"])
    treated = panel.cohort > 0
    effect = np.average(data["re78"] * np.where(treated, 1, -1), weights=sample.weight) * 2
    assert effect == pytest.approx(1273, abs=PRINTED["effect"])


def test_probit_coefficients(panel: ek.Panel, data: pd.DataFrame) -> None:
    from scipy.stats import norm

    b = json.loads(reference("answers/matchit_lalonde_public.json").read_text())["values"]["pscore_probit_coef"]
    wanted = b["(Intercept)"] + sum(b[name] * data[name] for name in ALL if name != "race")
    wanted = wanted + data["race"].map({"black": 0.0, "hispan": b["racehispan"], "white": b["racewhite"]})
    np.testing.assert_allclose(norm.ppf(ek.match(panel, "ipw", model="probit").distance), wanted, atol=PROBIT)
