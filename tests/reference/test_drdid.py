"""Two periods, doubly robust: the job training sample of the R package DRDID's documentation."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.model.study import Inference
from references import reference

ESTIMATE, ERROR = 1e-6, 1e-5
"""Relative tolerances stored with the answers: R stops its logit at 1e-8 of the deviance."""
SOLVED = 1e-12
"""Least squares has no such stop."""
EXACT = 1e-9
"""Least squares, or a convex function that both minimise by Newton's steps to rounding."""
COVARIATES = ("age", "educ", "black", "married", "nodegree", "hisp", "re74")


@pytest.fixture(scope="module")
def answers() -> dict:
    return json.loads(reference("answers/drdid_doc_sample.json").read_text())["values"]["doc_subsample_5000"]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    data = pd.read_csv(reference("data/drdid_nsw_cps_sub5000.csv"))
    data["g"] = data["experimental"] * 1978
    table = pd.concat([data.assign(year=1900 + int(c[2:]), earnings=data[c]) for c in ("re75", "re78")])
    return table.assign(year=table["year"].replace(1975, 1977))


def panel(table: pd.DataFrame, firm: str) -> ek.Panel:
    return ek.Panel.from_frame(
        table, firm=firm, year="year", cohort="g", outcomes=["earnings"], covariates=list(COVARIATES)
    )  # fmt: skip


@pytest.fixture(scope="module")
def sample(table: pd.DataFrame) -> ek.MatchedSample:
    return twins.sample(panel(table, "rowid"))


@pytest.mark.parametrize(
    ("adjustment", "stored"),
    [("doubly_robust", "drdid_panel"), ("regression", "reg_did_panel"), ("ipw", "std_ipw_did_panel")],
)
def test_documented_sample(sample: ek.MatchedSample, answers: dict, adjustment: str, stored: str) -> None:
    """The package divides the influence by n - 1, we by n."""
    found = ek.estimate(sample, "group_time", adjustment=adjustment).table.iloc[0]
    n = sample.panel.n_firms
    estimate, error = (SOLVED, SOLVED) if adjustment == "regression" else (ESTIMATE, ERROR)
    assert found["estimate"] == pytest.approx(answers[stored]["att"], rel=estimate)
    assert found["std_error"] * np.sqrt(n / (n - 1)) == pytest.approx(answers[stored]["se"], rel=error)


def test_improved_doubly_robust(sample: ek.MatchedSample, answers: dict) -> None:
    """Scores by inverse probability tilting give the odds of entropy balancing; the regression has these weights.

    Graham, Pinto and Egel (2012), Review of Economic Studies 79(3). With covariates balanced, neither step adds to the
    influence (Sant'Anna and Zhao 2020, section 3.2).
    """
    balanced = ek.match(sample.panel, "entropy")
    found = ek.estimate(balanced, "group_time", adjustment="regression").table.iloc[0]
    n = sample.panel.n_firms
    assert found["n_treated"] + found["n_control"] == n
    assert found["estimate"] == pytest.approx(answers["drdid_imp_panel"]["att"], rel=EXACT)
    assert found["std_error"] * np.sqrt(n / (n - 1)) == pytest.approx(answers["drdid_imp_panel"]["se"], rel=EXACT)


def test_difference_of_means(sample: ek.MatchedSample, answers: dict) -> None:
    found = ek.estimate(sample, "group_time").table.iloc[0]
    assert found["estimate"] == pytest.approx(answers["twfe_did_panel"]["att"], rel=ESTIMATE)


def test_regression_of_all_rows_beside_covariates(table: pd.DataFrame, answers: dict) -> None:
    """The package takes a person's two rows as unrelated, and does not count the columns of the regression."""
    rows = table.assign(row=[f"R{i:05d}" for i in range(len(table))])
    plain = dataclasses.replace(panel(rows, "row"), inference=Inference(correction="cr1"))
    found = ek.estimate(twins.sample(plain), "cross_sections", covariates=COVARIATES).table.iloc[0]
    n, k = len(rows), 4 + len(COVARIATES)
    assert found["estimate"] == pytest.approx(answers["twfe_did_panel"]["att"], rel=ESTIMATE)
    error = found["std_error"] * np.sqrt((n - k) / (n - 1))
    assert error == pytest.approx(answers["twfe_did_panel"]["se"], rel=EXACT)
