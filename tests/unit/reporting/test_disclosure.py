"""What is hidden, and that it stays hidden."""

import dataclasses
import json
import random

import numpy as np
import pytest
from scipy.optimize import linprog

import reports
from evalkit.errors import DisclosureError, EvalkitError
from evalkit.model.evaluation import Number
from evalkit.model.flow import FlowStep
from evalkit.model.study import Disclosure
from evalkit.reporting.disclosure.attack import Audit
from evalkit.reporting.disclosure.flow_table import CELLS, flow_cells, flow_table
from evalkit.reporting.disclosure.ledger import Ledger
from evalkit.reporting.disclosure.profiles import PROFILES
from evalkit.reporting.disclosure.suppression import protect
from evalkit.reporting.disclosure.tables import Sum, Table
from evalkit.reporting.release import release
from evalkit.reporting.tables import results

THRESHOLD = 10
N_FLOWS = 60


@pytest.mark.parametrize(("count", "small"), [(0, False), (1, True), (9, True), (10, False), (None, True)])
def test_small_counts(count, small):
    assert Ledger(PROFILES["release"]).small(count) is small


def test_an_id_is_given_once():
    ledger = Ledger(PROFILES["release"])
    ledger.put(Number("a", 1, "count"))
    with pytest.raises(EvalkitError, match="same id"):
        ledger.put(Number("a", 2, "count"))


def test_unknown_values_are_not_numbers_and_hidden_ones_have_no_value():
    ledger = Ledger(PROFILES["release"])
    assert ledger.put(Number("a", float("nan"), "count")) is None
    assert ledger.put(Number("b", 7, "count"), hide=True) == "b"
    assert ledger.numbers["b"].value is None
    assert list(ledger.numbers) == ["b"]


@pytest.mark.parametrize(
    ("counts", "small", "expected"),
    [
        ([50, 40, 30], [False, False, False], [False, False, False]),
        ([50, 5, 30], [False, True, False], [False, True, True]),
        ([5, 4, 30], [True, True, False], [True, True, True]),
        ([6, 4, 30], [True, True, False], [True, True, False]),
    ],
)
def test_a_hidden_cell_is_never_alone(counts, small, expected):
    values = {str(i): float(n) for i, n in enumerate(counts)}
    table = Table(
        {**values, "all": float(sum(counts))}, (Sum("all", tuple(values)),),
        frozenset(i for i, is_small in zip(values, small, strict=True) if is_small), known=frozenset(["all"]),
    )  # fmt: skip
    hidden = protect([table], PROFILES["release"])
    assert [i in hidden for i in values] == expected


def hidden_flow(steps, threshold):
    """Columns of each step that are hidden."""
    hidden = protect([flow_table(steps, threshold)], PROFILES["release"])
    return [{column for column, name in names.items() if name in hidden} for names in flow_cells(steps)]


def _flow(rng):
    """A chain of steps with awkwardly small losses, sometimes split into two groups at the end."""
    steps, n = [], rng.choice([30, 200, 5_000])
    for k in range(rng.randint(1, 5)):
        out = min(n, rng.choice([0, 0, 1, 3, 9, 12, 40]))
        merged = min(n - out, rng.choice([0, 0, 2, 7, 15, 100]))
        steps.append(FlowStep(f"s{k}", "rows", n, n - out - merged, out, merged))
        n -= out + merged
    if n > 1 and rng.random() < 0.6:
        first = rng.randint(1, n - 1)
        for unit, size in (("treated firms", first), ("control firms", n - first)):
            out = min(size, rng.choice([0, 2, 11]))
            steps.append(FlowStep("match", unit, size, size - out, out))
    return steps


def _bounds(steps, hidden, goal):
    """Attack: smallest and largest value of one hidden cell, given all sums and all shown cells."""
    place = {(i, c): 4 * i + k for i in range(len(steps)) for k, c in enumerate(CELLS)}
    matrix = []

    def equal(*terms):
        row = np.zeros(len(place))
        for sign, cell in terms:
            row[place[cell]] += sign
        matrix.append(row)

    groups = [i for i, s in enumerate(steps) if s.step == "match"]
    for i, step in enumerate(steps):
        equal((1, (i, "in")), *((-1, (i, part)) for part in CELLS[1:]))
        if i and step.step != "match":
            equal((1, (i, "in")), (-1, (i - 1, "kept")))
    if groups:
        equal((-1, (groups[0] - 1, "kept")), *((1, (i, "in")) for i in groups))
    known = {(i, c): v for i, s in enumerate(steps) for c, v in zip(CELLS, _counts(s), strict=True)}
    bounds = [(0, None) if cell[1] in hidden[cell[0]] else (known[cell],) * 2 for cell in place]
    ends = []
    for sign in (1, -1):
        cost = np.zeros(len(place))
        cost[place[goal]] = sign
        answer = linprog(cost, A_eq=np.array(matrix), b_eq=np.zeros(len(matrix)), bounds=bounds)
        ends.append(sign * answer.fun if answer.status == 0 else sign * -np.inf)
    return ends[0], ends[1]


def _counts(step):
    return step.n_in, step.kept, step.quarantined, step.collapsed


def test_no_small_count_of_a_flow_can_be_worked_out():
    rng = random.Random(5)
    n_attacked = 0
    for _ in range(N_FLOWS):
        steps = _flow(rng)
        hidden = hidden_flow(steps, THRESHOLD)
        for i, step in enumerate(steps):
            for cell, count in zip(CELLS, _counts(step), strict=True):
                if 0 < count < THRESHOLD:
                    assert cell in hidden[i]
                    low, high = _bounds(steps, hidden, (i, cell))
                    assert low <= count <= high
                    assert high >= THRESHOLD - 1e-6
                    n_attacked += 1
    assert n_attacked > N_FLOWS


def test_a_flow_without_small_counts_is_shown_whole():
    assert hidden_flow([FlowStep("a", "rows", 100, 80, 20), FlowStep("b", "rows", 80, 80)], THRESHOLD) == [set(), set()]


def test_small_cohorts_are_hidden_with_a_second_one_and_the_counts_that_differ_by_them():
    cohorts = {2018: 40, 2019: 30, 2020: 9}
    asked = reports.study()
    made = release(reports.evaluation(effects=(reports.effects(asked, cohorts=cohorts),)))
    by_cohort = {
        r.labels["cohort"]: r for r in made.tables["effects/group_time/cohort"] if r.labels["outcome"] == "sales"
    }
    hidden = {c: made.value(r, "estimate") is None for c, r in by_cohort.items()}
    assert hidden == {2018: False, 2019: True, 2020: True}
    assert all(made.numbers[i].value is None for i in by_cohort[2020].numbers.values())
    overall = made.tables["effects/group_time/overall"][0]
    assert made.value(overall, "n_treated") == 79
    for row in made.tables["effects/group_time/event_time"]:
        assert made.value(row, "n_treated") is None


@pytest.mark.parametrize(("cohorts", "n_control"), [({2018: 9}, 60), ({2018: 40}, 9)])
def test_with_few_firms_nothing_about_effects_is_shown(cohorts, n_control):
    asked = reports.study()
    few = reports.effects(asked, cohorts=cohorts, n_control=n_control)
    made = release(reports.evaluation(effects=(few,), sample=reports.sample(cohorts, n_control)))
    shown = [n for n in made.numbers.values() if n.id.startswith("effects.") and n.value is not None]
    assert {n.unit for n in shown} == {"confidence"}
    assert made.numbers["sample.n_treated"].value is made.numbers["sample.n_control"].value is None


def test_a_small_count_in_a_check_hides_its_results_and_its_sentence():
    balance, overlap, pretrends = reports.checks()
    few = dataclasses.replace(overlap, values={**overlap.values, "n_without": 3, "n_unmatched": 3, "share": 3 / 90},
                              sentence="3 of 90")  # fmt: skip
    made = release(reports.evaluation(checks=(balance, few, pretrends)))
    values = {
        k.removeprefix("checks.overlap."): n.value for k, n in made.numbers.items() if k.startswith("checks.overlap.")
    }
    assert {k for k, v in values.items() if v is None} >= {"n_without", "n_unmatched", "share", "sentence", "statistic"}
    assert values["n_treated"] == 90
    assert made.checks["overlap"].sentence == ""


def test_nothing_of_a_check_is_released_as_it_was_found():
    """Figures draw what a release holds, so it must hold no row that disclosure control has not seen."""
    made = release(reports.evaluation())
    assert [(c.values, c.statistic, c.rows) for c in made.checks.values()] == [({}, None, ())] * 3


def test_a_release_that_the_attack_breaks_is_refused(monkeypatch):
    """Whatever hides too little: the attack is the last word."""
    monkeypatch.setattr("evalkit.reporting.release.audit", lambda *_: Audit({}, ("cell",), 1, 0))
    with pytest.raises(DisclosureError, match="1 hidden counts could be worked out"):
        release(reports.evaluation())


def test_a_count_hidden_in_the_flow_stands_nowhere_else():
    step = reports.FlowStep
    flow = reports.Flow((
        step("pivot", "firm-years", 900, 157, 0, 743), step("match", "treated firms", 97, 90, 7),
        step("match", "control firms", 60, 60),
    ))  # fmt: skip
    balance, overlap, pretrends = reports.checks()
    values = {**overlap.values, "n_treated": 97, "n_without": 20, "n_outside": 20, "share": 20 / 97}
    made = release(
        reports.evaluation(flow=flow, checks=(balance, dataclasses.replace(overlap, values=values), pretrends))
    )
    assert made.numbers["flow.01.in"].value is made.numbers["flow.01.quarantined"].value is None
    assert made.numbers["checks.overlap.n_treated"].value is made.numbers["checks.overlap.share"].value is None
    shown = {n.value for n in made.numbers.values() if n.unit == "count"}
    assert {90, 60} <= shown
    assert not shown & {7, 97}


def test_the_total_of_a_histogram_does_not_tell_a_small_count():
    step = reports.FlowStep
    flow = reports.Flow((step("match", "treated firms", 100, 87, 13), step("match", "control firms", 60, 60)))
    made = release(reports.evaluation(flow=flow))
    shown = [made.value(row, "n_treated") for row in made.tables["checks/overlap"]]
    assert shown == [40, None]


def test_rare_levels_of_a_category_are_hidden_in_pairs():
    balance, *others = reports.checks()
    rows = [dict(row) for row in balance.rows]
    rows[3]["mean_treated_before"] = 0.05
    made = release(reports.evaluation(checks=(dataclasses.replace(balance, rows=tuple(rows)), *others)))
    shown = {r.labels["level"]: made.value(r, "smd_after") is not None for r in made.tables["checks/balance"]}
    assert shown == {"": True, "A": True, "B": False, "C": False}


def test_a_check_nobody_knows_is_hidden_by_any_small_count():
    own = reports.CheckResult("mine", "?", "info", "7 firms.", {"case": "x", "n_odd": 7, "mean": 2.5}, 2.5)
    made = release(reports.evaluation(checks=(own,)))
    assert made.numbers["checks.mine.mean"].value is None
    assert made.numbers["checks.mine.sentence"].value is None


def test_notes_with_few_firms_are_hidden():
    asked = reports.study()
    few = dataclasses.replace(reports.effects(asked), notes=("always_treated_dropped:3",))
    made = release(reports.evaluation(effects=(few,)))
    assert made.numbers["notes.group_time.always_treated_dropped"].value is None


def test_a_stricter_threshold_never_shows_more():
    before: set[str] | None = None
    for threshold in (1, 10, 25, 45, 100):
        asked = reports.study(disclosure=Disclosure(threshold=threshold).model_dump())
        made = release(reports.evaluation(study=asked))
        shown = {k for k, n in made.numbers.items() if n.value is not None}
        assert before is None or shown <= before
        before = shown


def test_no_firm_is_named():
    made = release(reports.evaluation())
    assert "CANARY" not in json.dumps(results(made))
    assert "CANARY" not in repr(made.tables)
