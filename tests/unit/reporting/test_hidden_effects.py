"""No hidden effect follows from those a release shows: linear algebra with weights worked out here, firm by firm."""

import dataclasses

import numpy as np
import pytest

import complete_reports
import reports
from evalkit.model.check import CheckResult
from evalkit.reporting import hidden_effects
from evalkit.reporting.disclosure.averages import kept_back
from evalkit.reporting.release import release

N_RANDOM, N_SLOW = 10, 300
SINGULAR = 1e-9
"""Of the largest singular value: below it, one average follows from others."""
SALES = [{"name": "sales", "transform": "log", "primary": True, "unit": "yen"}]
GROUPS = ("a", "b", "c", "d")


def random_effects(rng, *, with_groups):
    """Return effects of two to four cohorts with few firms in some, and cells that thin out; and the cohorts."""
    years = rng.choice([2017, 2018, 2019, 2020], rng.integers(2, 5), replace=False)
    cohorts = {int(g): int(rng.choice([4, 9, 12, 25, 60])) for g in np.sort(years)}
    made = reports.effects(reports.study(outcome=SALES), cohorts=cohorts)
    table = made.table.copy()
    thin = rng.random(len(table)) < 0.05
    table["n_treated"] = table["n_treated"].mask(thin, 5)
    shares = made.shares
    if with_groups:
        named = dict(zip(cohorts, rng.permutation(GROUPS), strict=False))
        table["group"] = table["cohort"].map(named).astype("string")
        shares = dataclasses.replace(shares, groups=np.array(list(named.values())))
    return dataclasses.replace(made, table=table, shares=shares), cohorts


def weights(table, cohorts, by, level):
    """Return the share of each cell in an average: cells count by the firms of their cohort."""
    inside = np.ones(len(table), bool) if by == "overall" else (table[by] == level).fillna(False).to_numpy(bool)
    if by != "event_time":
        inside &= (table["event_time"] >= 0).to_numpy(bool)
    mass = inside * table["cohort"].map(cohorts).to_numpy(float)
    return mass / mass.sum()


def rank(rows):
    return np.linalg.matrix_rank(np.array(rows), tol=SINGULAR) if len(rows) else 0


def told_and_secret(made, cohorts, n_control=reports.N_CONTROL):
    """Return the averages of sales that the release shows, and those and the cells that have few firms."""
    step, n_treated = reports.FlowStep, sum(cohorts.values())
    kept = (step("match", "treated firms", n_treated, n_treated), step("match", "control firms", n_control, n_control))
    found = release(reports.evaluation(
        study=reports.study(outcome=SALES, check=[]), checks=(), effects=(made,), sample=reports.sample(cohorts),
        flow=reports.Flow(kept),
    ))  # fmt: skip
    table = made.table[made.table["outcome"] == "sales"].reset_index(drop=True)
    told, secret = {}, []
    for by in ("overall", "event_time", "cohort", "year", "group"):
        for row in found.tables.get(f"effects/group_time/{by}", []):
            if row.labels["outcome"] != "sales":
                continue
            level = row.labels.get(by)
            own = weights(table, cohorts, by, level)
            firms = table[own > 0].groupby("cohort")["n_treated"].max().sum()
            if firms < 10:
                secret.append(own)
            elif found.value(row, "estimate") is not None:
                told[by, level] = own
    cells = found.tables.get("effects/group_time/cell", [])
    shown = [found.value(r, "percent") is not None for r in cells if r.labels["outcome"] == "sales"]
    told |= {("cell", i): row for i, row in enumerate(np.eye(len(shown))) if shown[i]}
    secret += list(np.eye(len(table))[(table["n_treated"] < 10).to_numpy(bool)])
    return told, secret


def followed(told, secret):
    """Return how many secrets are combinations of what is told."""
    rows = list(told.values())
    return sum(rank([*rows, one]) == rank(rows) for one in secret)


def attack(n, seed, *, with_groups):
    """Return how many averages were shown, how many were secret, and how many of these follow."""
    rng = np.random.default_rng(seed)
    tried = [told_and_secret(*random_effects(rng, with_groups=with_groups)) for _ in range(n)]
    return (
        sum(len(told) for told, _ in tried), sum(len(secret) for _, secret in tried),
        sum(followed(*one) for one in tried),
    )  # fmt: skip


@pytest.mark.parametrize("with_groups", [False, True])
def test_no_hidden_average_or_cell_follows_from_those_shown(with_groups):
    n_told, n_secret, n_followed = attack(N_RANDOM, 5, with_groups=with_groups)
    assert n_followed == 0
    assert min(n_told, n_secret) > N_RANDOM


@pytest.mark.slow
@pytest.mark.parametrize("with_groups", [False, True])
def test_none_follows_in_hundreds_of_evaluations(with_groups):
    assert attack(N_SLOW, 7, with_groups=with_groups)[2] == 0


def test_shown_averages_do_not_tell_weights_and_so_the_sizes_of_hidden_cohorts():
    """Of different averages none is a combination of others, so every size of the hidden cohorts is possible."""
    rng = np.random.default_rng(6)
    n_tried = 0
    for _ in range(N_RANDOM):
        made, cohorts = random_effects(rng, with_groups=False)
        if min(cohorts.values()) >= 10:
            continue
        told, _ = told_and_secret(made, cohorts)
        distinct = np.unique(np.round(list(told.values()), 9), axis=0) if told else np.empty((0, 1))
        since_award = [row for row in distinct if rank([row])]
        assert rank(since_award) == len(since_award)
        n_tried += 1
    assert n_tried > 3


def test_without_the_rule_a_cohort_of_nine_firms_follows(monkeypatch):
    """From effects by year, by event time and of the first cohort, the last cohort's follows."""
    cohorts = {2018: 40, 2019: 30, 2020: 9}
    made = reports.effects(reports.study(outcome=SALES), cohorts=cohorts)
    assert followed(*told_and_secret(made, cohorts)) == 0
    monkeypatch.setattr(hidden_effects, "kept_back", lambda w, _: np.zeros(len(w), bool))
    monkeypatch.setattr(hidden_effects, "linked", lambda w, _: np.zeros(len(w), bool))
    assert followed(*told_and_secret(made, cohorts)) > 0


def test_kept_back_by_hand():
    """Two years and two cohorts: years x + y and z, cohorts x and y + z; x is secret."""
    year_one, year_two, late, whole = [1, 1, 0], [0, 0, 1], [0, 1, 1], [1, 1, 1]
    secret = np.array([[1.0, 0, 0]])
    assert kept_back(np.array([whole, late], float), secret).tolist() == [False, True]
    assert kept_back(np.array([whole, year_one], float), secret).tolist() == [False, False]
    assert kept_back(np.array([whole, year_one, year_two], float), secret).tolist() == [False, False, True]
    assert kept_back(np.array([whole, whole], float), secret).tolist() == [False, False]


def test_event_times_before_the_award_stay_beside_a_small_cohort():
    """They share no effect with those since the award."""
    cohorts = {2018: 40, 2019: 30, 2020: 9}
    told, _ = told_and_secret(reports.effects(reports.study(outcome=SALES), cohorts=cohorts), cohorts)
    assert {("event_time", -1), ("event_time", -2), ("overall", None)} <= set(told)
    assert not any(by == "year" for by, _ in told)


def few_controls():
    """Return a release in which all effects are hidden: nine comparison firms."""
    asked = complete_reports.study()
    sample = complete_reports.with_amounts(reports.sample(n_control=9))
    more = CheckResult(
        "oster", "?", "info", "x", {"case": "", "outcome": "sales", "estimate": 0.05}, 1.0,
        ({"outcome": "sales", "estimate": 0.05},),
    )  # fmt: skip
    return release(reports.evaluation(
        study=asked, effects=(reports.effects(asked, n_control=9),), sample=sample, checks=(*reports.checks(), more),
    ))  # fmt: skip


def test_what_tells_a_hidden_overall_effect_is_hidden_with_it():
    """Its standard error, the effect that could have been found, adjusted p-values, totals and costs, checks."""
    made = few_controls()
    overall = next(r for r in made.tables["effects/group_time/overall"] if r.labels["outcome"] == "sales")
    tell = [overall.numbers[q] for q in ("estimate", "std_error", "conf_low", "percent", "percent_detectable")]
    tell += [i for row in made.tables["families/group_time"] for i in row.numbers.values()]
    tell += [i for row in made.tables["cost"][1:] for i in row.numbers.values()]
    tell += ["checks.oster.estimate", "checks.oster.rows.000.estimate", "checks.oster.sentence"]
    assert len(tell) > 12
    assert {made.numbers[i].value for i in tell} == {None}
