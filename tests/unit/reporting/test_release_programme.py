"""Numbers of the sections (adjusted p-values, rows by rule, links, cost, missing values), each found another way."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

import complete_reports
import reports
from complete_reports import EVEN, with_amounts
from evalkit.model.evaluation import Inputs
from evalkit.model.flow import Flow, FlowStep
from evalkit.reporting.release import release
from evalkit.reporting.release_cost import firm_years

THRESHOLD = 10
SAME = 1e-9
"""Published numbers have ten digits."""


def holm(p_values):
    """Adjust one by one: the k-th smallest of m is multiplied by m - k, and none falls below the one before."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, before = [0.0] * len(p_values), 0.0
    for k, i in enumerate(order):
        before = adjusted[i] = max(before, min(1.0, (len(p_values) - k) * p_values[i]))
    return adjusted


def numbers(released, table):
    return {row.labels["outcome"]: released.value(row, "p_value") for row in released.tables[table]}


def test_p_values_are_adjusted_within_primary_and_within_other_outcomes():
    asked = reports.study()
    sizes = {"sales": 0.002, "hours": -0.004, "exit": 0.001, "assets": 0.003}
    made = release(reports.evaluation(study=asked, effects=(reports.effects(asked, sizes),)))
    plain, adjusted = (numbers(made, f"{kind}") for kind in ("effects/group_time/overall", "families/group_time"))
    assert adjusted["sales"] == pytest.approx(plain["sales"], rel=SAME)
    others = ["hours", "exit", "assets"]
    expected = dict(zip(others, holm([plain[o] for o in others]), strict=True))
    assert {o: adjusted[o] for o in others} == pytest.approx(expected, rel=SAME)
    assert adjusted["hours"] > plain["hours"]


def test_hidden_effects_have_hidden_adjusted_p_values():
    few = {2018: 4}
    asked = reports.study()
    given = (reports.effects(asked, cohorts=few),)
    made = release(reports.evaluation(study=asked, sample=reports.sample(few), effects=given))
    assert set(numbers(made, "families/group_time").values()) == {None}


def rules(steps):
    asked = reports.study()
    made = release(reports.evaluation(study=asked, flow=Flow(tuple(steps))))
    shown = {(r.labels["step"], r.labels["rule"]): made.value(r, "rows") for r in made.tables["data/rules"]}
    return made, shown


@pytest.mark.parametrize("counts", [(3, 40), (3, 4, 40), (12, 40), (1, 1, 1), (9, 9, 50, 60), (3,)])
def test_rows_by_rule_add_up_and_tell_no_small_count(counts):
    """What an outsider must think possible of a hidden count, from the total that the flow shows, reaches ten."""
    names = [f"E_{chr(65 + i)}" for i in range(len(counts))]
    reason = ", ".join(f"{n}: {c}" for n, c in zip(names, counts, strict=True))
    made, shown = rules([FlowStep("read awards", "rows", 1000, 1000 - sum(counts), sum(counts), reason=reason)])
    total = made.numbers["flow.00.quarantined"].value
    hidden = [i for i, n in enumerate(names) if shown["read awards", n] is None]
    assert all(counts[i] >= THRESHOLD for i in range(len(counts)) if i not in hidden)
    assert all(shown["read awards", n] in (None, c) for n, c in zip(names, counts, strict=True))
    small = [i for i in hidden if counts[i] < THRESHOLD]
    if total is not None:
        known = sum(c for i, c in enumerate(counts) if i not in hidden)
        for i in small:
            goal = [-float(j == i) for j in hidden]
            largest = -linprog(goal, A_eq=[[1.0] * len(hidden)], b_eq=[total - known], bounds=(0, None)).fun
            assert largest >= THRESHOLD
    else:
        assert len(hidden) == len(counts)


def test_a_note_that_is_no_rule_counts_nothing():
    _, shown = rules([FlowStep("link to firms", "awards", 100, 80, 20, reason="no such firm; 80.0% linked")])
    assert shown == {}


def links(*programmes):
    rows = tuple(
        {"programme": name, "fiscal_year": 2015 + i, "n_rows": n, "n_linked": linked}
        for name, counts in zip("PQ", programmes, strict=False) for i, (n, linked) in enumerate(counts)
    )  # fmt: skip
    made = release(reports.evaluation(inputs=Inputs({}, rows)))
    return [(made.value(r, "rows"), made.value(r, "linked")) for r in made.tables["data/links"]]


def test_link_rates_are_shares_of_rows():
    assert links([(200, 150), (100, 100)]) == [(200, 0.75), (100, 1.0)]


@pytest.mark.parametrize("counts", [
    [(200, 197), (100, 60), (80, 50)], [(5, 5), (100, 60), (80, 50)], [(200, 3), (100, 50), (90, 45)],
    [(200, 197), (100, 100), (80, 80)],
])  # fmt: skip
def test_a_year_with_few_awards_on_either_side_is_not_alone(counts):
    shown = links(counts)
    hidden = [i for i, (rows, _) in enumerate(shown) if rows is None]
    for i, (n, linked) in enumerate(counts):
        if any(0 < part < THRESHOLD for part in (n, linked, n - linked)):
            assert i in hidden
    parts = list(zip(*((n, linked, n - linked) for n, linked in counts), strict=True))
    is_told = not any(0 < sum(column) < THRESHOLD for column in parts)  # a small total the flow hides
    for column in parts if is_told else ():
        assert len(hidden) == len(counts) or (len(hidden) > 1 and sum(column[i] for i in hidden) >= THRESHOLD)


def test_another_programme_does_not_tell_the_one_with_few():
    shown = links([(100, 97)], [(200, 160), (300, 240)])
    assert shown[0] == (None, None)
    assert (None, None) in shown[1:]


N_TREATED = len(EVEN)


def cost(amounts, cohorts=reports.COHORTS, **study):
    asked = reports.study(**study)
    given = (reports.effects(asked, cohorts=cohorts),)
    made = release(
        reports.evaluation(study=asked, sample=with_amounts(reports.sample(cohorts), amounts), effects=given)
    )
    whole, *rows = made.tables["cost"]
    return made, whole, {row.labels["outcome"]: row for row in rows}


def test_cost_is_award_money_over_the_effect_of_all_treated_firm_years():
    made, whole, rows = cost(EVEN)
    assert whole.labels["case"] == "known"
    assert made.value(whole, "awarded") == sum(EVEN)
    n_years = sum(n * (reports.LAST - cohort + 1) for cohort, n in reports.COHORTS.items())
    assert made.value(rows["sales"], "firm_years") == n_years == firm_years(reports.effects(reports.study()), "sales")
    sales = next(r for r in made.tables["effects/group_time/overall"] if r.labels["outcome"] == "sales")
    for end, other in (("", ""), ("_low", "_high"), ("_high", "_low")):
        level = made.value(sales, f"level{end}")
        assert made.value(rows["sales"], f"total{end}") == pytest.approx(level * n_years, rel=SAME)
        assert made.value(rows["sales"], f"cost{other}") == pytest.approx(sum(EVEN) / (level * n_years), rel=SAME)


def test_shares_and_asinh_have_no_total_and_a_loss_has_no_cost():
    made, _, rows = cost(EVEN)
    assert set(rows) == {"sales", "hours"}
    assert "cost" not in rows["hours"].numbers
    assert made.value(rows["hours"], "total") < 0


@pytest.mark.parametrize(("amounts", "case"), [
    ([None, *EVEN[1:]], "unknown_amounts"),
    ([10**9, *[1] * (N_TREATED - 1)], "hidden_amounts"),
    ([10**8, 10**8, *[10**5] * (N_TREATED - 2)], "hidden_amounts"),
])  # fmt: skip
def test_sums_that_are_not_known_or_would_tell_a_firm_are_not_told(amounts, case):
    made, whole, rows = cost(amounts)
    assert whole.labels["case"] == case
    assert rows == {}
    assert "cost.awarded" not in made.numbers


def test_a_small_cohort_hides_totals_that_would_tell_its_size():
    """Firms and firm-years together are two equations for the sizes of two hidden cohorts."""
    cohorts = {2018: 40, 2019: 30, 2020: 4}
    made, _, rows = cost(EVEN[: sum(cohorts.values())], cohorts)
    for row, quantity in itertools.product(rows.values(), ("total", "cost", "firm_years")):
        assert made.value(row, quantity) is None


def test_without_amounts_there_is_no_cost():
    made = release(reports.evaluation())
    assert [row.labels["case"] for row in made.tables["cost"]] == ["no_amounts"]


def test_missing_values_by_group_are_counted():
    """The panel of the small study has two of six years."""
    made = release(complete_reports.evaluation())
    assert made.numbers["limits.missing_treated"].value == pytest.approx(4 / 6, rel=SAME)
    assert made.numbers["limits.missing_control"].value == pytest.approx(4 / 6, rel=SAME)


@pytest.mark.parametrize(("kept", "shown"), [(80, 0.8), (97, None), (100, 1.0), (4, None)])
def test_the_share_of_awards_linked(kept, shown):
    step = FlowStep("link to firms", "awards", 100, kept, 100 - kept, reason="no such firm in the firm data")
    made = release(reports.evaluation(flow=Flow((step,))))
    assert made.numbers["limits.linked"].value == (None if shown is None else pytest.approx(shown, rel=SAME))


def test_files_are_named_with_their_hashes():
    made = release(complete_reports.evaluation())
    found = {r.labels["file"]: made.numbers[r.numbers["sha256"]].value for r in made.tables["data/files"]}
    assert found == complete_reports.FILES
    assert np.all([len(sha256) == 64 for sha256 in found.values()])
