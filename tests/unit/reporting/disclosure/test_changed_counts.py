"""A count that an earlier edition showed almost alike does not follow from what stands beside it.

The attacker knows the numbers of an edition and what they are called, and nothing else: shares are taken apart into
the whole numbers that they are of, with and without a known one, and a total over a mean tells of how many it is.
"""

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest

import reports
from complete_reports import EVEN, with_amounts
from evalkit.errors import DisclosureError
from evalkit.model.check import CheckResult
from evalkit.model.evaluation import Release
from evalkit.reporting.disclosure.editions import ledger_text, read_ledger
from evalkit.reporting.disclosure.hiding import hiding
from evalkit.reporting.disclosure.profiles import PROFILES
from evalkit.reporting.disclosure.tables import together
from evalkit.reporting.findings import findings
from evalkit.reporting.release import release

EXACT = 1e-9
"""Relative: shares are told with ten digits."""
N, MOST_FIRMS = 307, 1_000
"""A prime number of firms; the most that the attacker thinks of: one fraction only has the digits of a share."""


def edition(earlier: Release | None = None, cohorts=reports.COHORTS, **parts) -> Release:
    """Release an evaluation, knowing an earlier edition."""
    step = reports.FlowStep
    n = sum(cohorts.values())
    flow = reports.Flow((step("match", "treated firms", n, n), step("match", "control firms", 60, 60)))
    parts = {"flow": flow, "sample": reports.sample(cohorts), "checks": (), **parts}
    made = reports.evaluation(effects=(parts.pop("found", reports.effects(reports.study(), cohorts=cohorts)),), **parts)
    return release(made, () if earlier is None else read_ledger(ledger_text(earlier)))


def worked_out(numbers: dict[str, float]) -> set[int]:
    """Return the whole numbers that shares tell, alone and with each count that is shown."""
    shares = [v for v in numbers.values() if isinstance(v, float) and 0 < v < 1]
    counts = [v for v in numbers.values() if isinstance(v, int) and v > 0]
    told = {round(r * n) for r in shares for n in counts if math.isclose(r * n, round(r * n), rel_tol=EXACT)}
    for share in shares:
        whole = Fraction(share).limit_denominator(MOST_FIRMS)
        told |= set(whole.as_integer_ratio()) if math.isclose(whole, share, rel_tol=EXACT) else set()
    return told | set(counts)


def shown(made: Release, prefix: str) -> dict[str, float]:
    """Return the numbers that are shown, but for options of checks and p-values."""
    known = {i: n.value for i, n in made.numbers.items() if i.startswith(prefix) and n.value is not None}
    return {i: value for i, value in known.items() if not i.endswith(("_above", "p_value"))}


def overlap(n_without: int) -> CheckResult:
    """Return the overlap of the supported firms."""
    values = {"case": "warn", "share": n_without / N, "n_treated": N, "n_without": n_without, "warn_above": 0.05}
    return CheckResult("overlap", "?", "warn", f"{n_without} of {N}.", values, n_without / N)


def test_a_share_does_not_tell_a_count_that_grew_by_three() -> None:
    before = edition(checks=(overlap(120),))
    unprotected, made = edition(checks=(overlap(123),)), edition(before, checks=(overlap(123),))
    without_count = shown(unprotected, "checks.overlap.")
    del without_count["checks.overlap.n_without"]
    assert 123 in worked_out(without_count)  # what hiding the count alone would leave
    assert 123 not in worked_out(shown(made, "checks.overlap."))
    assert shown(made, "checks.overlap.") == {"checks.overlap.n_treated": N}
    assert made.checks["overlap"].sentence == ""
    assert made.numbers["disclosure.audit"].value == "passed"


def attrition(*missing: int) -> CheckResult:
    """Return firms without an outcome by event time; the values are those of the worst row, as the check has them."""
    rows = tuple(
        {"event_time": e, "n_treated": N, "n_treated_missing": n, "share_missing_treated": n / N, "p_value": 0.4}
        for e, n in enumerate(missing)
    )
    worst = max(rows, key=lambda row: row["n_treated_missing"])
    values = {"case": "pass", **worst, "fail_above": 0.2}
    return CheckResult("attrition", "?", "pass", f"{worst['n_treated_missing']} of {N}.", values, 0.0, rows)


def test_what_repeats_a_row_is_hidden_with_it() -> None:
    """The worst row was another one before, so that the count in it differs by many from the one that stood there."""
    before = edition(checks=(attrition(141, 120),))
    unprotected, made = edition(checks=(attrition(112, 123),)), edition(before, checks=(attrition(112, 123),))
    assert 123 in worked_out(shown(unprotected, "checks.attrition."))
    assert 123 not in worked_out(shown(made, "checks.attrition."))
    assert made.numbers["checks.attrition.rows.000.n_treated_missing"].value == 112
    assert made.checks["attrition"].sentence == ""


def contaminated(n: int) -> CheckResult:
    """Return a check of which the values tell a share without its counts."""
    row = {"event_time": 1, "n_control": N, "n_treated_by_then": n, "share_contaminated": n / N}
    return CheckResult("contamination", "?", "pass", "?", {"case": "pass", "share_contaminated": n / N}, n / N, (row,))


def test_a_share_that_stands_without_its_counts_is_hidden_with_the_row_it_is_from() -> None:
    before = edition(checks=(contaminated(120),))
    unprotected, made = edition(checks=(contaminated(123),)), edition(before, checks=(contaminated(123),))
    assert 123 in worked_out({**shown(unprotected, "checks.contamination."), "n_control": N})
    assert 123 not in worked_out({**shown(made, "checks.contamination."), "n_control": N})


GREW = {2018: 40, 2019: 30, 2020: 27}
"""97 supported firms; before there were 90."""


def shares_of(n: int) -> reports.CheckResult:
    """Return the balance of a category with three levels, of which the first has 41 of the supported firms."""
    counts = (41, 31, n - 72)
    rows = tuple(
        {"covariate": "industry", "level": level, "mean_treated_before": k / n, "mean_treated": k / n,
         "mean_control_before": 0.3, "mean_control_after": 0.3, "smd_before": 0.1, "smd_after": 0.1,
         "variance_ratio_before": math.nan}
        for level, k in zip("ABC", counts, strict=True)
    )  # fmt: skip
    return CheckResult("balance", "?", "pass", "?", {"case": "pass"}, None, rows)


def test_shares_of_a_category_and_of_a_binary_outcome_do_not_tell_of_how_many_they_are() -> None:
    def parts(cohorts):
        n, found = sum(cohorts.values()), reports.effects(reports.study(), cohorts=cohorts)
        baseline = dataclasses.replace(found, baseline={**found.baseline, "exit": 31 / n})
        return {"cohorts": cohorts, "found": baseline, "checks": (shares_of(n),)}

    unprotected, made = edition(**parts(GREW)), edition(edition(**parts(reports.COHORTS)), **parts(GREW))
    for prefix in ("checks.balance.rows", "effects.group_time.baseline.exit"):
        assert 97 in worked_out(shown(unprotected, prefix))
        assert 97 not in worked_out(shown(made, prefix))
    assert 97 not in worked_out(shown(made, "sample."))
    assert made.numbers["effects.group_time.baseline.sales"].value is not None


def test_shares_before_matching_do_not_tell_how_many_firms_it_lost() -> None:
    """The flow hides the 97 of which matching lost seven; shares after it are of 90 and stay, those before are not."""
    lost, n = 7, sum(GREW.values())
    sample = reports.sample(GREW)
    is_lost = np.cumsum(sample.panel.cohort == max(GREW)) > GREW[max(GREW)] - lost
    sample = dataclasses.replace(sample, weight=np.where(is_lost & (sample.panel.cohort > 0), 0.0, sample.weight))
    before, kept = (41, 31, n - 72), (38, 29, n - 72 - 2)
    rows = tuple(
        {"covariate": "industry", "level": level, "mean_treated_before": a / n, "mean_treated": b / (n - lost),
         "mean_control_before": 0.3, "mean_control_after": 0.3, "smd_before": a / n - 0.3, "smd_after": 0.1,
         "variance_ratio_before": math.nan}
        for level, a, b in zip("ABC", before, kept, strict=True)
    )  # fmt: skip
    values = {"case": "pass", "max_smd_before": rows[0]["smd_before"], "max_smd_after": 0.1}
    check = CheckResult("balance", "?", "pass", "?", values, None, rows)
    step = reports.FlowStep("match", "treated firms", n, n - lost, lost)
    made = edition(sample=sample, checks=(check,), flow=reports.Flow((step,)))
    told = shown(made, "checks.balance.")
    assert n in worked_out({i: row["mean_treated_before"] for i, row in enumerate(rows)})
    assert n not in worked_out(told)
    quantities = {i.split(".")[-1] for i in told if ".rows." in i}
    assert quantities == {"mean_treated", "mean_control_before", "mean_control_after", "smd_after"}
    assert "checks.balance.max_smd_before" not in told


def total_over_mean(made: Release) -> float | None:
    """Work out the firm-years behind a total effect."""
    total, level = (made.numbers[f"{part}.sales.{q}"].value for part, q in TOTAL_AND_MEAN)
    return None if total is None else total / level


TOTAL_AND_MEAN = (("cost", "total"), ("effects.group_time.overall", "level"))


def with_awards(cohorts):
    return {"cohorts": cohorts, "sample": with_amounts(reports.sample(cohorts), (EVEN * 2)[: sum(cohorts.values())])}


def test_total_and_cost_do_not_tell_firm_years_that_grew_by_six() -> None:
    grew = {**reports.COHORTS, 2020: 23}
    n_years = sum(n * (reports.LAST - cohort + 1) for cohort, n in grew.items())
    before, unprotected = edition(**with_awards(reports.COHORTS)), edition(**with_awards(grew))
    made = edition(before, **with_awards(grew))
    assert total_over_mean(unprotected) == pytest.approx(n_years, rel=EXACT)
    assert total_over_mean(made) is None
    assert {made.numbers[f"cost.sales.{part}"].value for part in ("cost", "cost_low", "firm_years")} == {None}
    assert made.numbers["cost.awarded"].value is not None


def test_firm_years_are_the_sum_of_firms_by_event_time() -> None:
    """What the firms of an edition's event times add up to is what total and cost are told with."""
    made = edition(**with_awards(reports.COHORTS))
    rows = [r for r in made.tables["effects/group_time/event_time"] if r.labels["outcome"] == "sales"]
    found = findings(reports.evaluation(sample=with_amounts(reports.sample())), PROFILES["release"])
    (one,) = [s for table in found.tables for s in table.sums if s.total.startswith("firm_years.sales")]
    counts = [made.value(r, "n_treated") for r in rows if r.labels["event_time"] >= 0]
    assert len(one.parts) == len(counts) == 4
    assert together(found.tables).values[one.total] == sum(counts) == made.numbers["cost.sales.firm_years"].value


def test_the_audit_refuses_a_share_beside_a_count_that_changed_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the share shown after all, the attack would find the count among what is shown."""
    monkeypatch.setattr("evalkit.reporting.release.hiding", lambda tables, profile, _: hiding(tables, profile))
    with pytest.raises(DisclosureError, match="cells that a rule hides are shown"):
        edition(edition(checks=(overlap(120),)), checks=(overlap(123),))
