"""Aggregation against influence values of firms, cohort shares included."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.errors import EstimationError
from evalkit.model.effects import CohortShares
from evalkit.stats.inference import effects_table

TWIN = 1e-9
"""Values are rounded once at 2^-35 of their range; everything else is the same arithmetic."""


def brute(table: pd.DataFrame, by: str) -> tuple[np.ndarray, np.ndarray]:
    """Return averages and their covariance from firms' influence on cells and on cohort shares."""
    cells, estimate, psi = twins.group_time(table)
    cohort_of = table.groupby("firm")["g"].first().to_numpy()
    n = len(cohort_of)
    event = (cells["year"] - cells["cohort"]).to_numpy()
    label = {"overall": np.zeros(len(cells)), "event_time": event, "cohort": cells["cohort"], "year": cells["year"]}[by]
    use = np.ones(len(cells), bool) if by == "event_time" else event >= 0
    averages, influence = [], []
    for level in sorted(set(np.asarray(label)[use])):
        rows = np.flatnonzero(use & (np.asarray(label) == level))
        share = np.array([(cohort_of == cells["cohort"][k]).mean() for k in rows])
        weight = share / share.sum()
        member = np.array([cohort_of == cells["cohort"][k] for k in rows]).T / n
        slope = (member - share / n) / share.sum() - np.outer(
            (member - share / n).sum(axis=1), share
        ) / share.sum() ** 2
        averages.append(weight @ estimate[rows])
        influence.append(psi[:, rows] @ weight + slope @ estimate[rows])
    psi = np.array(influence).T
    return np.array(averages), psi.T @ psi


@pytest.mark.parametrize("by", ["overall", "event_time", "cohort", "year"])
@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_equals_influence_values(by: str, missing: float) -> None:
    table = twins.frame(missing=missing, growth=0.3)
    found = ek.aggregate(ek.estimate(twins.sample(twins.panel(table)), "group_time"), by)
    average, vcov = brute(table, by)
    np.testing.assert_allclose(found.table["estimate"], average, atol=TWIN)
    np.testing.assert_allclose(found.vcov, vcov, atol=TWIN)


def test_treated_firms_are_counted_once() -> None:
    table = twins.frame()
    overall = ek.aggregate(ek.estimate(twins.sample(twins.panel(table)), "group_time")).table
    assert overall["n_treated"].tolist() == [(table.groupby("firm")["g"].first() > 0).sum()]


def test_an_average_has_the_fewest_degrees_of_freedom_of_its_effects() -> None:
    cells = ek.estimate(twins.sample(twins.panel(twins.frame(n=60))), "sun_abraham")
    after = cells.row_dof[(cells.table["event_time"] >= 0).to_numpy(dtype=bool)]
    assert after.min() < after.max()
    assert ek.aggregate(cells).row_dof.tolist() == [after.min()]


def test_overall_of_event_times_is_their_mean() -> None:
    cells = ek.estimate(twins.sample(twins.panel(twins.frame())), "group_time")
    path = ek.aggregate(cells, "event_time")
    mean = path.table.loc[path.table["event_time"] >= 0, "estimate"].mean()
    assert ek.aggregate(path).table["estimate"].iloc[0] == pytest.approx(mean, abs=TWIN)
    assert ek.aggregate(path).method == "group_time/event_time/overall"


def test_level_that_is_absent_is_refused() -> None:
    path = ek.estimate(twins.sample(twins.panel(twins.frame())), "event_study")
    with pytest.raises(EstimationError) as caught:
        ek.aggregate(path, "cohort")
    assert caught.value.code == "E_NO_LABEL"


def test_average_of_an_effect_without_error_has_none() -> None:
    table = twins.frame()
    two = table.loc[table["g"] == 2013, "firm"].unique()[:2]
    table = table[(table["g"] != 2013) | table["firm"].isin(two)]
    cells = ek.estimate(twins.sample(twins.panel(table)), "group_time")
    by_cohort = ek.aggregate(cells, "cohort").table.set_index("cohort")
    assert np.isnan(by_cohort.loc[2013, "std_error"])
    assert by_cohort.loc[2014, "std_error"] > 0


def test_groups_of_cohorts_are_weighted_by_their_own_firms() -> None:
    """Two groups of one cohort, 30 and 10 firms, each with its variance and the error of the shares."""
    made = _groups()
    found = ek.aggregate(made)
    row, share = found.table.iloc[0], np.array([0.75, 0.25])
    assert row["estimate"] == pytest.approx(share @ [1.0, 2.0])
    assert row["n_treated"] == 40
    slope = (np.array([1.0, 2.0]) - row["estimate"]) / 40
    assert found.vcov[0, 0] == pytest.approx(share**2 @ [0.04, 0.09] + slope**2 @ [30, 10])
    assert ek.aggregate(made, "group").table["estimate"].tolist() == [1.0, 2.0]
    assert ek.aggregate(ek.aggregate(made, "cohort")).table["n_treated"].item() == 40


def test_numbered_groups_stand_in_order() -> None:
    made = _groups()
    renamed = dataclasses.replace(
        made, table=made.table.assign(group=["900", "10000"]),
        shares=dataclasses.replace(made.shares, groups=np.array(["900", "10000"])),
    )  # fmt: skip
    assert ek.aggregate(renamed, "group").table["group"].tolist() == ["900", "10000"]


def test_rows_over_all_groups_stand_for_them() -> None:
    made = _groups()
    whole = dataclasses.replace(made, table=made.table.assign(group=pd.array([None, "2: b"], "string")))
    assert ek.aggregate(whole).table["estimate"].tolist() == [1.0]
    by_group = ek.aggregate(whole, "group").table
    assert by_group["estimate"].tolist() == [2.0]


def _groups() -> ek.Effects:
    labels = {
        "outcome": ["y", "y"], "estimand": ["att", "att"], "cohort": [2013, 2013], "year": [2013, 2013],
        "event_time": [0, 0], "group": ["1: a", "2: b"], "n_treated": [30, 10], "n_control": [50, 50],
    }  # fmt: skip
    table, vcov = effects_table(labels, np.array([1.0, 2.0]), np.diag([0.04, 0.09]), np.inf, 0.95)
    mass = np.array([30.0, 10.0])
    shares = CohortShares(np.array([2013, 2013]), mass, mass, np.zeros((2, 2)), np.array(["1: a", "2: b"]))
    return ek.Effects(table, vcov, "dose", {}, (), {}, shares=shares)
