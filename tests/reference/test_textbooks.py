"""Published differences in differences: workers' compensation, house prices, organ donations, and fixest's base_did."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.model.study import Inference
from references import reference

STORED = 1e-8
"""Answers of other programs at full precision; values are rounded once at 2^-37 of their range."""
HOUSES = 1e-6
"""The stated tolerance of the house prices, which are of the order of 100,000."""


def answers(name: str) -> dict:
    return json.loads(reference(f"answers/{name}.json").read_text())["values"]


def sales(table: pd.DataFrame, outcome: str, correction: str, covariates: tuple[str, ...] = ()) -> ek.MatchedSample:
    """Return persons or houses seen once, each in the first year or the second."""
    panel = ek.Panel.from_frame(
        table.assign(firm=[f"r{i}" for i in range(len(table))]), firm="firm", year="year", cohort="g",
        outcomes=[outcome], covariates=covariates,
    )  # fmt: skip
    return twins.sample(dataclasses.replace(panel, inference=Inference(correction=correction)))


@pytest.mark.parametrize("state", ["ky", "mi"])
def test_injuries_of_high_and_low_earners(state: str) -> None:
    """Meyer, Viscusi and Durbin (1995), log weeks of benefits; standard errors robust to unequal variances."""
    data = pd.read_csv(reference("data/wooldridge_injury.csv")).query(f"{state} == 1")
    table = data.assign(year=1980 + data["afchnge"], g=np.where(data["highearn"] == 1, 1981, 0))
    found = ek.estimate(sales(table, "ldurat", "cr1"), "cross_sections").table
    stored = answers("injury_did")[state]
    assert len(found) == 1
    assert int(found[["n_treated", "n_control"]].sum(axis=1).iloc[0]) == stored["n"]
    assert found["estimate"].iloc[0] == pytest.approx(stored["HC1"]["afchnge:highearn"]["estimate"], abs=STORED)
    assert found["std_error"].iloc[0] == pytest.approx(stored["HC1"]["afchnge:highearn"]["se"], abs=STORED)


MODELS = {
    "m1": ("rprice", ()), "m2": ("rprice", ("age", "agesq")),
    "m3": ("rprice", ("age", "agesq", "intst", "land", "area", "rooms", "baths")), "m4": ("log_rprice", ()),
    "m5": ("lprice", ("age", "agesq", "lintst", "lland", "larea", "rooms", "baths")),
}  # fmt: skip


@pytest.mark.parametrize("correction", ["cr1", "cr3"])
@pytest.mark.parametrize("model", MODELS)
def test_house_prices_near_an_incinerator(model: str, correction: str) -> None:
    """Kiel and McClain (1995) as in Wooldridge, table 13.2, with its covariates."""
    data = pd.read_csv(reference("data/wooldridge_kielmc.csv"))
    data = data.assign(
        year=1980 + data["y81"], g=np.where(data["nearinc"] == 1, 1981, 0), log_rprice=np.log(data["rprice"])
    )
    outcome, covariates = MODELS[model]
    found = ek.estimate(sales(data, outcome, correction, covariates), "cross_sections", covariates=covariates).table
    stored = answers("kielmc_did")[model]
    kind = {"cr1": "HC1", "cr3": "HC3"}[correction]
    expected = stored[kind]["y81:nearinc"]
    assert int(found[["n_treated", "n_control"]].sum(axis=1).iloc[0]) == stored["n"]
    assert found["estimate"].iloc[0] == pytest.approx(expected["estimate"], abs=HOUSES)
    assert found["std_error"].iloc[0] == pytest.approx(expected["se"], abs=HOUSES)


def test_organ_donations_in_california() -> None:
    """Huntington-Klein, The Effect, section 18.1; one treated state, so that no standard error is printed."""
    data = pd.read_csv(reference("data/causaldata_organ_donations.csv"))
    table = pd.DataFrame({
        "firm": data["State"], "year": 2010 + data["Quarter_Num"], "y": data["Rate"],
        "g": np.where(data["State"] == "California", 2014, 0),
    })  # fmt: skip
    panel = dataclasses.replace(twins.panel(table), inference=Inference(correction="cr1"))
    found = ek.estimate(twins.sample(panel), "twfe")
    stored = answers("organ_donations")
    assert found.table["estimate"].iloc[0] == pytest.approx(stored["est"], abs=STORED)
    assert np.isnan(found.table["std_error"].iloc[0])
    assert "no_interval:y" in found.notes
