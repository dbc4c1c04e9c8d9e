"""Editions of a report: small differences are hidden, and nothing hidden is in the ledger."""

import json

import pytest

import reports
from evalkit.errors import IntegrityError
from evalkit.reporting.disclosure.editions import cell_hash, changed_little, ledger_text, read_ledger
from evalkit.reporting.disclosure.profiles import PROFILES
from evalkit.reporting.release import release

TREATED = "sample.n_treated"


def released(cohorts, earlier=()):
    asked = reports.study()
    flow = reports.Flow((
        reports.FlowStep("match", "treated firms", sum(cohorts.values()), sum(cohorts.values())),
        reports.FlowStep("match", "control firms", 60, 60),
    ))  # fmt: skip
    made = reports.evaluation(
        effects=(reports.effects(asked, cohorts=cohorts),), sample=reports.sample(cohorts), flow=flow, checks=()
    )
    return release(made, earlier)


BEFORE, AFTER = {2018: 40, 2019: 30, 2020: 20}, {2018: 40, 2019: 33, 2020: 20}


@pytest.fixture(scope="module")
def earlier():
    return read_ledger(ledger_text(released(BEFORE)))


def test_a_count_that_grew_by_three_firms_is_hidden_and_so_is_what_would_tell_it(earlier):
    made = released(AFTER, earlier)
    assert made.numbers[TREATED].value is None
    cohorts = [r for r in made.tables["effects/group_time/cohort"] if r.labels["outcome"] == "sales"]
    counts = {r.labels["cohort"]: made.value(r, "n_treated") for r in cohorts}
    assert counts[2019] is None
    assert all(made.value(r, "estimate") is not None for r in cohorts)
    assert made.numbers["disclosure.changed"].value > 0
    assert made.numbers["disclosure.audit"].value == "passed"
    assert not changed_little(made, earlier, PROFILES["release"])


@pytest.mark.parametrize("cohorts", [BEFORE, {2018: 40, 2019: 42, 2020: 20}])
def test_equal_counts_and_large_differences_are_shown(cohorts, earlier):
    made = released(cohorts, earlier)
    assert made.numbers[TREATED].value == sum(cohorts.values())
    assert made.numbers["disclosure.changed"].value == 0


def test_editions_far_apart_are_compared_too(earlier):
    far = released({2018: 80, 2019: 60, 2020: 40}, earlier)
    both = read_ledger(ledger_text(far, earlier))
    assert released(AFTER, both).numbers[TREATED].value is None


def test_a_count_that_fell_by_three_firms_is_hidden_too():
    made = released(BEFORE, read_ledger(ledger_text(released(AFTER))))
    assert made.numbers[TREATED].value is None


def test_the_same_edition_again_leaves_the_ledger_as_it_is(earlier):
    text = ledger_text(released(AFTER, earlier), earlier)
    again = read_ledger(text)
    assert ledger_text(released(AFTER, again), again) == text
    assert ledger_text(released(BEFORE, again), again).startswith(text)


def test_the_ledger_has_no_hidden_count():
    made = released({2018: 40, 2019: 30, 2020: 9})
    lines = [json.loads(line) for line in ledger_text(made).splitlines()]
    shown = {
        cell_hash("small", i): n.value for i, n in made.numbers.items() if n.unit == "count" and n.value is not None
    }
    assert {line["cell"]: line["value"] for line in lines} == shown
    hidden = {cell_hash("small", i) for i, n in made.numbers.items() if n.value is None}
    assert hidden
    assert not hidden & {line["cell"] for line in lines}


@pytest.mark.parametrize("line", ["{", '{"cell": "a"}', "3"])
def test_a_damaged_ledger_is_refused_by_line(line):
    good = json.dumps({"cell": "a", "value": 1, "edition": "b"})
    with pytest.raises(IntegrityError, match=r"line 2.*E_LEDGER"):
        read_ledger(f"{good}\n{line}\n")
