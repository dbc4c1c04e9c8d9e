"""Regressions beside covariates of firms against stored answers: base_did, Michigan training grants, and LaLonde."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.estimation import event_study
from evalkit.model.study import Inference
from evalkit.stats.own_regressors import fit_own
from references import reference

CONVERTED = 1e-7
"""Stored standard errors of another convention, turned into ours by the exact ratio of two factors."""


def stored(name: str) -> dict:
    return json.loads(reference(f"answers/{name}.json").read_text())


def plain(table: pd.DataFrame, **roles: object) -> ek.MatchedSample:
    """Return all firms, with standard errors that are not corrected."""
    return twins.sample(dataclasses.replace(twins.panel(table, **roles), inference=Inference(correction="cr1")))


@pytest.fixture(scope="module")
def base_did() -> ek.MatchedSample:
    data = pd.read_csv(reference("data/base_did.csv"))
    table = data.assign(firm=data["id"].astype(str), year=data["period"], g=6 * data["treat"])
    return plain(table, time_varying=("x1",))


def test_event_study_beside_a_covariate_by_year(base_did: ek.MatchedSample) -> None:
    """The R package fixest's walkthrough, 108 units in ten periods."""
    answer = stored("base_did_event_study")
    rows = ek.estimate(base_did, "event_study", time_varying=("x1",)).table
    assert rows["event_time"].tolist() == [-5, -4, -3, -2, 0, 1, 2, 3, 4]
    for row in rows.to_dict("records"):
        period = row["event_time"] + 6
        estimate, error = answer["values"]["event_study"][f"period::{period}:treat"]
        assert row["estimate"] == pytest.approx(estimate, abs=answer["tolerance"]["coef"])
        assert row["std_error"] == pytest.approx(error, abs=answer["tolerance"]["se"])
        assert (round(row["estimate"], 6), round(row["std_error"], 6)) == tuple(
            answer["printed"]["values"][str(period)]
        )


def test_one_effect_beside_a_covariate_by_year(base_did: ek.MatchedSample) -> None:
    answer = stored("base_did_event_study")
    row = ek.estimate(base_did, "twfe", time_varying=("x1",)).table.iloc[0]
    estimate, error = answer["values"]["static_did"]
    assert row["estimate"] == pytest.approx(estimate, abs=answer["tolerance"]["coef"])
    assert row["std_error"] == pytest.approx(error, abs=answer["tolerance"]["se"])


def test_slope_of_the_covariate_beside_the_event_study(base_did: ek.MatchedSample) -> None:
    answer = stored("base_did_event_study")
    problem = event_study.Method(time_varying=("x1",)).problem(base_did)
    periods = base_did.panel.periods
    fit = fit_own(problem.own.moments[0], problem.own.names, problem.designs[0], np.ones(10, dtype=bool), periods)
    assert fit.slopes == pytest.approx([answer["values"]["event_study"]["x1"][0]], abs=answer["tolerance"]["coef"])


def test_one_effect_of_staggered_reforms() -> None:
    """Goodman's reforms of mathematics courses, 26 states: the total of Bacon's decomposition, clustered by state."""
    answer = stored("bacon_math_reform")
    data = pd.read_csv(reference("data/bacon_math_reform.csv"))
    table = data.assign(
        firm=data["state"].astype(str), year=data["class"], g=data["reformyr_math"].fillna(0).astype(int),
        y=data["incearn_ln"],
    )  # fmt: skip
    row = ek.estimate(plain(table), "twfe").table.iloc[0]
    assert row["estimate"] == pytest.approx(answer["values"]["twfe"], abs=answer["tolerance"]["estimate"])
    assert row["std_error"] == pytest.approx(answer["values"]["twfe_se_state"], abs=answer["tolerance"]["estimate"])


@pytest.fixture(scope="module")
def grants() -> pd.DataFrame:
    data = pd.read_csv(reference("data/wooldridge_jtrain.csv"))
    first = data[data["grant"] == 1].groupby("fcode")["year"].min()
    return data.assign(
        firm=data["fcode"].astype(int).astype(str), g=data["fcode"].map(first).fillna(0).astype(int)
    )  # fmt: skip


SCRAP = {"cr2": "fe_lscrap_clubSandwich_CR2", "cr3": "fe_lscrap_clubSandwich_CR3"}


@pytest.mark.parametrize("correction", SCRAP)
def test_scrap_rates_corrected_with_their_degrees_of_freedom(grants: pd.DataFrame, correction: str) -> None:
    answer = stored("jtrain_fe")
    table = grants.assign(y=grants["lscrap"]).dropna(subset=["y"])
    rows = ek.estimate(twins.sample(twins.panel(table)), "event_study", leads=0, covariance=correction)
    for i, name in enumerate(("grant", "grant_1")):
        expected = answer["values"][SCRAP[correction]][name]
        assert rows.table["estimate"][i] == pytest.approx(expected["beta"], abs=answer["tolerance"]["coef"])
        assert rows.table["std_error"][i] == pytest.approx(expected["SE"], abs=answer["tolerance"]["se"])
        assert rows.row_dof[i] == pytest.approx(expected["df_Satt"], abs=answer["tolerance"]["df_satt"])
        assert rows.table["p_value"][i] == pytest.approx(expected["p_Satt"], abs=1e-7)


def test_scrap_rates_with_equal_variances_and_without_correction(grants: pd.DataFrame) -> None:
    """Ours counts two effects of years less a constant, four with the awards: stored CR0 by the exact factor."""
    answer = stored("jtrain_fe")
    table = grants.assign(y=grants["lscrap"]).dropna(subset=["y"])
    sample = twins.sample(twins.panel(table))
    equal = ek.estimate(sample, "event_study", leads=0, covariance="homoskedastic").table
    one = ek.estimate(sample, "event_study", leads=0, covariance="cr1").table
    factor = np.sqrt(54 / 53 * 161 / (162 - 5))
    for i, name in enumerate(("grant", "grant_1")):
        textbook = answer["values"]["fe_lscrap_plm"]["coef"][name]
        assert equal["estimate"][i] == pytest.approx(textbook["estimate"], abs=answer["tolerance"]["coef"])
        assert equal["std_error"][i] == pytest.approx(textbook["se"], abs=answer["tolerance"]["se"])
        assert equal["p_value"][i] == pytest.approx(textbook["p"], abs=1e-7)
        raw = answer["values"]["fe_lscrap_clubSandwich_CR0"][name]["SE"]
        assert one["std_error"][i] == pytest.approx(raw * factor, abs=answer["tolerance"]["se"])


def test_training_hours_beside_employment(grants: pd.DataFrame) -> None:
    """Wooldridge, exercise of chapter 14: hours on grants beside log employment, which varies over time."""
    answer = stored("jtrain_fe")
    table = grants.assign(y=grants["hrsemp"]).dropna(subset=["y"])
    both = table.dropna(subset=["lemploy"])
    assert (len(both), both["firm"].nunique()) == (390, answer["values"]["fe_hrsemp"]["nfirms"])
    sample = plain(table, time_varying=("lemploy",))
    how = {"leads": 0, "time_varying": ("lemploy",)}
    equal = ek.estimate(sample, "event_study", covariance="homoskedastic", **how).table
    one = ek.estimate(sample, "event_study", **how).table
    seen = both.groupby("firm")["y"].transform("size")
    n, g = int((seen > 1).sum()), both["firm"][seen > 1].nunique()
    all_dummies = 135 / 134 * 389 / (390 - 140)
    ours = g / (g - 1) * (n - 1) / (n - 6)
    for i, name in enumerate(("grant", "grant_1")):
        textbook = answer["values"]["fe_hrsemp"]["coef"][name]
        assert equal["estimate"][i] == pytest.approx(textbook["estimate"], abs=answer["tolerance"]["coef"])
        assert equal["std_error"][i] == pytest.approx(textbook["se"], abs=answer["tolerance"]["se"])
        clustered = answer["values"]["fe_hrsemp_vcovCL_HC1"][name]["se"]
        assert one["std_error"][i] == pytest.approx(clustered * np.sqrt(ours / all_dummies), abs=CONVERTED)


def test_training_hours_beside_employment_corrected(grants: pd.DataFrame) -> None:
    answer = stored("jtrain_fe")
    sample = plain(grants.assign(y=grants["hrsemp"]).dropna(subset=["y"]), time_varying=("lemploy",))
    rows = ek.estimate(sample, "event_study", leads=0, time_varying=("lemploy",), covariance="cr2")
    for i, name in enumerate(("grant", "grant_1")):
        expected = answer["values"]["fe_hrsemp_CR2"][name]
        assert rows.table["estimate"][i] == pytest.approx(expected["beta"], abs=answer["tolerance"]["coef"])
        assert rows.table["std_error"][i] == pytest.approx(expected["SE"], abs=answer["tolerance"]["se"])
        assert rows.row_dof[i] == pytest.approx(expected["df_Satt"], abs=answer["tolerance"]["df_satt"])
        assert rows.table["p_value"][i] == pytest.approx(expected["p_Satt"], abs=1e-7)


def one_year(persons: pd.DataFrame, outcome: str, year: int, columns: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return what was seen in one year beside a year before it in which outcomes, and some columns, are all 0.

    Changes are then outcomes, and a baseline covariate has a slope in the one year: a regression of one cross-section.
    """
    before = persons.assign(year=year - 1, y=0.0, **dict.fromkeys(columns, 0.0))
    return pd.concat([before, persons.assign(year=year, y=persons[outcome])])


def test_training_hours_of_one_year(grants: pd.DataFrame) -> None:
    """Wooldridge, chapter 7: hours in 1988 on a grant, log sales and log employment."""
    answer = stored("jtrain_fe")
    expected, beside = answer["values"]["ols_hrsemp_1988"], ("lsales", "lemploy")
    firms = grants[grants["year"] == 1988].dropna(subset=["hrsemp", *beside])
    firms = firms.assign(g=np.where(firms["grant"] == 1, 1988, 0))
    sample = plain(one_year(firms, "hrsemp", 1988), covariates=beside)
    row = ek.estimate(sample, "twfe", baseline=beside, covariance="homoskedastic").table.iloc[0]
    assert row["n_treated"] + row["n_control"] == expected["n"]
    assert row["estimate"] == pytest.approx(expected["coef"]["grant"]["estimate"], abs=answer["tolerance"]["coef"])
    assert row["std_error"] == pytest.approx(expected["coef"]["grant"]["se"], abs=answer["tolerance"]["se"])
    assert [round(row["estimate"], 2), round(row["std_error"], 2)] == answer["printed"]["ols"]["grant"]


def test_first_differences_of_two_years_are_the_regression_with_firm_effects(grants: pd.DataFrame) -> None:
    answer = stored("jtrain_fe")
    table = grants[grants["year"] < 1989].assign(g=lambda t: t["g"].where(t["g"] < 1989, 0))
    for outcome, name in (("lscrap", "fd_lscrap_8887"), ("scrap", "fd_scrap_8887")):
        sample = twins.sample(twins.panel(table.assign(y=table[outcome]).dropna(subset=["y"])))
        equal = ek.estimate(sample, "twfe", covariance="homoskedastic").table.iloc[0]
        expected = answer["values"][name]["coef"]["dgrant"]
        assert equal["estimate"] == pytest.approx(expected["estimate"], abs=answer["tolerance"]["coef"])
        assert equal["std_error"] == pytest.approx(expected["se"], abs=answer["tolerance"]["se"])
    sample = twins.sample(twins.panel(table.assign(y=table["lscrap"]).dropna(subset=["y"])))
    for correction in ("cr2", "cr3"):
        expected = answer["values"][f"fd_lscrap_8887_HC{correction[-1]}"]["dgrant"]["se"]
        found = ek.estimate(sample, "twfe", covariance=correction).table["std_error"].iloc[0]
        assert found == pytest.approx(expected, abs=answer["tolerance"]["se"])


COVARIATES = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75")


def persons(name: str) -> pd.DataFrame:
    """Return the persons of an experiment, those drawn as a cohort of the year of the outcome."""
    data = pd.read_csv(reference("data/causaldata_nsw_mixtape.csv" if name == "dw" else "data/drdid_nsw.csv"))
    if name == "lalonde":
        data = data[data["treated"].notna()].assign(treat=lambda t: t["treated"])
    return data.assign(firm=[f"{i:05d}" for i in range(len(data))], g=np.where(data["treat"] == 1, 1978, 0))


def experiment(name: str) -> pd.DataFrame:
    return one_year(persons(name), "re78", 1978)


@pytest.mark.parametrize(("name", "key"), [("dw", "experimental_dw"), ("lalonde", "experimental_lal")])
def test_experiments_as_differences_of_means(name: str, key: str) -> None:
    """The National Supported Work experiment: CR2 of two means is HC2, and its degrees of freedom are Welch's."""
    answer = stored("lalonde_experimental")
    expected, same = answer["values"][key], answer["tolerance"]["rel"]
    sample = twins.sample(dataclasses.replace(twins.panel(experiment(name)), inference=Inference(correction="cr2")))
    found = ek.estimate(sample, "group_time")
    row = found.table.iloc[0]
    assert (row["n_treated"], row["n_control"]) == (expected["n1"], expected["n0"])
    assert row["estimate"] == pytest.approx(expected["diff"], rel=same)
    assert row["std_error"] == pytest.approx(expected["se_HC2"], rel=same)
    assert found.row_dof[0] == pytest.approx(expected["df_welch"], rel=same)
    assert row["p_value"] == pytest.approx(expected["p_welch"], rel=1e-8)
    equal = ek.estimate(sample, "twfe", covariance="homoskedastic").table.iloc[0]
    assert equal["std_error"] == pytest.approx(expected["se_classical"], rel=same)
    for correction in ("cr2", "cr3"):
        row = ek.estimate(sample, "twfe", covariance=correction).table.iloc[0]
        assert row["std_error"] == pytest.approx(expected[f"se_HC{correction[-1]}"], rel=same)


def test_an_experiment_beside_what_its_persons_were() -> None:
    """A regression of changes on covariates is one of two years with a slope of each covariate in the second."""
    answer = stored("lalonde_experimental")
    expected, same = answer["values"]["experimental_dw"]["adj"], answer["tolerance"]["rel"]
    sample = plain(experiment("dw"), covariates=COVARIATES)
    equal = ek.estimate(sample, "twfe", baseline=COVARIATES, covariance="homoskedastic").table.iloc[0]
    assert equal["estimate"] == pytest.approx(expected["est"], rel=same)
    assert equal["std_error"] == pytest.approx(expected["se"], rel=same)
    one = ek.estimate(sample, "twfe", baseline=COVARIATES).table.iloc[0]
    theirs, ours = 445 / (445 - 10), 445 / 444 * 889 / (890 - 11)
    assert one["std_error"] == pytest.approx(expected["HC1"] * np.sqrt(ours / theirs), rel=same)
    two = ek.estimate(sample, "twfe", baseline=COVARIATES, covariance="cr2").table.iloc[0]
    assert two["std_error"] == pytest.approx(expected["HC2"], rel=same)


def test_an_experiment_with_slopes_of_each_group() -> None:
    """Lin (2013): covariates less their means, and these times the draw, which are 0 in the year before."""
    answer = stored("lalonde_experimental")
    expected, same = answer["values"]["experimental_dw"]["lin"], answer["tolerance"]["rel"]
    data = persons("dw")
    products = {f"drawn_{name}": data["treat"] * (data[name] - data[name].mean()) for name in COVARIATES}
    table = one_year(data.assign(**products), "re78", 1978, tuple(products))
    sample = plain(table, covariates=COVARIATES, time_varying=tuple(products))
    how = {"baseline": COVARIATES, "time_varying": tuple(products)}
    row = ek.estimate(sample, "twfe", covariance="cr2", **how).table.iloc[0]
    assert row["estimate"] == pytest.approx(expected["est"], rel=same)
    assert row["std_error"] == pytest.approx(expected["HC2"], rel=same)


def test_an_experiment_on_unemployment() -> None:
    """A person without earnings in 1978 was unemployed. The earnings of `jtrain2` are rounded and not stored here."""
    answer = stored("lalonde_experimental")
    expected, same = answer["values"]["jtrain2_unem"], answer["tolerance"]["rel"]
    sample = plain(one_year(persons("dw").assign(unem=lambda t: (t["re78"] == 0) * 1.0), "unem", 1978))
    equal = ek.estimate(sample, "twfe", covariance="homoskedastic").table.iloc[0]
    assert equal["estimate"] == pytest.approx(expected["est"], rel=same)
    assert equal["std_error"] == pytest.approx(expected["se"], rel=same)
    theirs, ours = 445 / (445 - 2), 445 / 444 * 889 / (890 - 3)
    one = ek.estimate(sample, "twfe").table.iloc[0]
    assert one["std_error"] == pytest.approx(expected["HC1"] * np.sqrt(ours / theirs), rel=same)
