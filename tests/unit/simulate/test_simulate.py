"""Simulated firms: the plant is exact, selection is real, bytes repeat."""

import dataclasses
import math

import numpy as np
import pytest

from corporate_number import check_digit
from evalkit import simulate

EXACT = 1e-12
SMALL = simulate.Design(n_firms=4000)


@pytest.fixture(scope="module")
def firms() -> simulate.Population:
    return simulate.population(SMALL)


def test_same_design_same_firms(firms: simulate.Population) -> None:
    again = simulate.population(SMALL)
    assert again.cohort.tobytes() == firms.cohort.tobytes()
    assert all(again.levels[k].tobytes() == v.tobytes() for k, v in firms.levels.items())
    other = simulate.population(dataclasses.replace(SMALL, seed=1))
    assert other.cohort.tobytes() != firms.cohort.tobytes()


@pytest.mark.parametrize(("name", "path"), [("sales", [34 / 32]), ("value_added", [n / 32 for n in (33, 34, 35, 36)])])
def test_the_plant_is_exact_without_noise(name: str, path: list[float]) -> None:
    """Difference of mean log changes between a cohort and the firms never supported, by hand."""
    quiet = simulate.population(dataclasses.replace(SMALL, noise=0.0))
    logs = np.log(quiet.levels[name])
    for cohort in SMALL.cohorts:
        before = cohort - 1 - SMALL.first
        for t in range(before + 1, len(SMALL.years)):
            change = logs[:, t] - logs[:, before]
            effect = change[quiet.cohort == cohort].mean() - change[quiet.cohort == 0].mean()
            event = t - before - 1
            assert effect == pytest.approx(math.log(path[min(event, len(path) - 1)]), abs=EXACT)
    assert all((v == v.astype(np.int64)).all() and (v > 0).all() for v in quiet.levels.values())
    assert (quiet.levels["employees"] == quiet.levels["employees"][:, :1]).all()


def test_truth_names_what_was_planted(firms: simulate.Population) -> None:
    truth = simulate.truth(firms)
    assert truth["outcomes"]["sales"]["overall_log"] == pytest.approx(math.log(17 / 16), abs=EXACT)
    assert truth["outcomes"]["employees"]["overall_log"] == 0
    assert sum(truth["treated_by_cohort"].values()) == (firms.cohort > 0).sum()
    path = truth["outcomes"]["value_added"]["log_by_event_time"]
    cells = [
        (truth["treated_by_cohort"][str(g)], path[str(t - g)]) for g in SMALL.cohorts for t in range(g, SMALL.last + 1)
    ]
    mean = np.average([b for _, b in cells], weights=[n for n, _ in cells])
    assert truth["outcomes"]["value_added"]["overall_log"] == pytest.approx(mean, abs=EXACT)


def test_supported_firms_are_larger_and_grew_more(firms: simulate.Population) -> None:
    base = min(SMALL.cohorts) - 1 - SMALL.first
    logs = np.log(firms.levels["sales"])
    treated = firms.cohort > 0
    assert abs(treated.mean() - SMALL.treated_share) < 0.02
    size = np.log(firms.levels["employees"][:, 0])
    growth = logs[:, base] - logs[:, base - 1]
    for x in (size, growth):
        gap = x[treated].mean() - x[~treated].mean()
        assert gap > 3 * x.std() / math.sqrt(treated.sum())


def test_exits_are_for_good_and_gaps_are_not() -> None:
    seen = simulate.population(dataclasses.replace(SMALL, missing_share=0.0)).observed
    assert (np.diff(seen.astype(int), axis=1) <= 0).all()
    assert 0.85 < seen[:, -1].mean() < 0.98


def test_corporate_numbers_have_the_right_check_digit() -> None:
    assert check_digit("1010001072706") == 1
    numbers = simulate.corporate_numbers(500)
    assert len(set(numbers)) == 500
    assert all(len(n) == 13 and int(n[0]) == check_digit(n) for n in numbers)


def test_panel_is_the_population(firms: simulate.Population) -> None:
    panel, truth = simulate.panel(SMALL)
    assert panel.n_firms == SMALL.n_firms
    assert panel.firm.to_pylist() == sorted(panel.firm.to_pylist())
    frame = panel.to_frame().set_index("firm_id").loc[simulate.corporate_numbers(SMALL.n_firms)]
    assert frame["cohort"].fillna(0).tolist() == firms.cohort.tolist()
    for year in (2014, 2020):
        value = frame[f"sales@{year}"].to_numpy()
        t = year - SMALL.first
        assert (np.isnan(value) == ~firms.observed[:, t]).all()
        assert (value[firms.observed[:, t]] == firms.levels["sales"][firms.observed[:, t], t]).all()
    assert truth == simulate.truth(firms)
    assert {c.name for c in panel.covariates} == {
        "log_employees",
        "log_sales",
        "sales_growth",
        "industry",
        "prefecture",
    }
