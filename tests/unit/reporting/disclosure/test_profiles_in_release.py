"""What profiles do to a whole release, and the record of it."""

import dataclasses

import pytest

import reports
from complete_reports import EVEN, with_amounts
from evalkit.reporting.disclosure.record import record
from evalkit.reporting.release import release
from evalkit.reporting.render import write_report

ACRO_KEYS = {
    "uid", "status", "type", "properties", "files", "outcome", "command", "summary", "timestamp", "comments",
    "exception", "fair",
}  # fmt: skip
"""Keys of an output in the results.json of acro 1.0.2."""
COHORTS = {2018: 42, 2019: 31, 2020: 9}


def released(profile, cohorts=COHORTS, sample=None, **changes):
    asked = reports.study(disclosure={"profile": profile}, **changes)
    step, n = reports.FlowStep, sum(cohorts.values())
    flow = reports.Flow((step("match", "treated firms", n, n), step("match", "control firms", 60, 60)))
    balance, overlap, pretrends = reports.checks()
    bins = ({"low": -1.0, "high": 0.0, "n_treated": 40, "n_control": 40},
            {"low": 0.0, "high": 1.0, "n_treated": n - 40, "n_control": 20})  # fmt: skip
    values = {**overlap.values, "n_treated": n, "n_without": 12, "n_outside": 12, "share": 12 / n}
    overlap = dataclasses.replace(overlap, values=values, statistic=12 / n, rows=bins)
    return release(reports.evaluation(
        study=asked, effects=(reports.effects(asked, cohorts=cohorts),), sample=sample or reports.sample(cohorts),
        flow=flow,
        checks=(balance, overlap, pretrends),
    ))  # fmt: skip


def by_cohort(made):
    rows = [r for r in made.tables["effects/group_time/cohort"] if r.labels["outcome"] == "sales"]
    return {r.labels["cohort"]: made.value(r, "n_treated") for r in rows}


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("release", {2018: 42, 2019: None, 2020: None}), ("jp_table", {2018: 42, 2019: 31, 2020: 9}),
     ("acro", {2018: 42, 2019: None, 2020: None}), ("opensafely", {2018: 40, 2019: 30, 2020: 10})],
)  # fmt: skip
def test_cohorts_under_each_profile(profile, expected):
    made = released(profile)
    assert by_cohort(made) == expected
    assert made.numbers["disclosure.profile"].value == profile
    assert made.numbers["disclosure.audit"].value == "passed"


def test_rounded_totals_are_sums_and_shares_are_those_of_rounded_counts():
    made = released("opensafely")
    overall = made.tables["effects/group_time/overall"][0]
    assert made.value(overall, "n_treated") == sum(by_cohort(made).values()) == 80
    assert made.numbers["sample.n_treated"].value == made.numbers["flow.00.kept"].value == 80
    assert made.numbers["checks.overlap.share"].value == pytest.approx(10 / 80)
    assert made.numbers["checks.overlap.statistic"].value == pytest.approx(10 / 80)
    assert made.numbers["checks.overlap.sentence"].value is None
    level = next(r for r in made.tables["checks/balance"] if r.labels["level"] == "A")
    assert made.value(level, "mean_treated_before") == pytest.approx(40 / 80)
    assert "smd_before" not in level.numbers
    counts = [n.value for n in made.numbers.values() if n.unit == "count" and n.value is not None]
    assert {n % 5 for n in counts} == {0}


@pytest.mark.parametrize("profile", ["jp_table", "opensafely"])
def test_a_total_effect_over_its_level_tells_no_more_than_the_firm_years_shown(profile):
    made = released(profile, sample=with_amounts(reports.sample(COHORTS), EVEN[: sum(COHORTS.values())]))
    total, years = (made.numbers[f"cost.sales.{name}"].value for name in ("total", "firm_years"))
    exact = sum(n * (reports.LAST - cohort + 1) for cohort, n in COHORTS.items())
    assert total / made.numbers["effects.group_time.overall.sales.level"].value == pytest.approx(years, rel=1e-9)
    assert (years == exact) == (profile == "jp_table")


def test_a_total_is_not_rounded_from_the_exact_count():
    """86 firms would be 85; beside parts of 40, 30 and 10 that would tell that parts were rounded down."""
    made = released("opensafely", {2018: 42, 2019: 32, 2020: 12})
    overall = made.tables["effects/group_time/overall"][0]
    assert made.value(overall, "n_treated") == sum(by_cohort(made).values()) == 80


def test_rounded_reports_can_be_written(tmp_path):
    write_report(released("opensafely"), tmp_path)
    assert "multiples of five" in (tmp_path / "report.en.html").read_text(encoding="utf-8")
    assert "5の倍数" in (tmp_path / "report.ja.html").read_text(encoding="utf-8")


def test_the_record_has_the_shape_of_acros():
    made = released("release")
    found = record(made)
    assert list(found) == ["version", "tool", "results"]
    assert len(found["results"]) == len(made.tables)
    for uid, output in found["results"].items():
        assert set(output) == ACRO_KEYS
        assert output["uid"] == uid
    by_table = {o["properties"]["method"]: o for o in found["results"].values()}
    cohort = by_table["effects/group_time/cohort"]
    assert cohort["status"] == "review"
    assert set(cohort["outcome"]) == {
        i for r in made.tables["effects/group_time/cohort"] for i in r.numbers.values() if made.numbers[i].value is None
    }
    assert by_table["flow"]["status"] == "pass"
    assert cohort["fair"]["threshold"] == 10


def test_event_times_with_few_firms_are_hidden_with_another_that_would_tell_them():
    """Cells of 2018 thin out: at event time 3 few firms are left, and the overall effect would tell their mean."""
    asked = reports.study()
    made = reports.effects(asked)
    table = made.table.assign(n_treated=made.table["n_treated"].mask(made.table["event_time"] == 3, 5))
    found = release(reports.evaluation(effects=(dataclasses.replace(made, table=table),)))
    rows = [r for r in found.tables["effects/group_time/event_time"] if r.labels["outcome"] == "sales"]
    after = {r.labels["event_time"]: found.value(r, "estimate") for r in rows if r.labels["event_time"] >= 0}
    assert after[3] is None
    assert sum(value is None for value in after.values()) == 2
    assert found.value(found.tables["effects/group_time/overall"][0], "estimate") is not None
