"""What one or two firms make of an evaluation, against sums over all firms, and that it is not released."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import reports
from evalkit.reporting.concentration import concentration, contributions
from evalkit.reporting.disclosure.profiles import PROFILES
from evalkit.reporting.release import release
from evalkit.run import assemble

RELEASE = PROFILES["release"]
YEARS = range(2015, 2021)
GIANT = 100_000.0


def panel(giant=1.0, extra=0.0, seed=1):
    """Return 60 firms, two cohorts of 15; one firm of 2018 is `giant` times as large and grows by `extra`."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(60):
        cohort = 2017 if i < 15 else 2018 if i < 30 else 0
        size = 100 + i + (giant if i == 20 else 0)
        for t in YEARS:
            after = extra if i == 20 and t >= 2018 else 0
            rows.append((f"f{i:02d}", t, cohort, size + 5 * rng.random() + 3 * (cohort > 0) * (t >= cohort) + after))
    frame = pd.DataFrame(rows, columns=["firm", "year", "cohort", "sales"])
    frame["size"] = frame["firm"].map(frame[frame["year"] == 2015].set_index("firm")["sales"])
    return frame, ek.Panel.from_frame(
        frame, firm="firm", year="year", cohort="cohort", outcomes=["sales"], covariates=["size"]
    )


def weighted(sample, heavy):
    return dataclasses.replace(sample, weight=np.where(np.arange(60) == 59, heavy, sample.weight))


def flags(**kinds):
    return concentration(ek.match(panel(**kinds)[1], "none"), RELEASE)


def test_firms_of_like_size_are_no_matter():
    found = flags()
    assert not found.effects
    assert not found.baselines
    assert not found.covariates
    assert not found.is_weighted_on_few


def test_a_giant_makes_the_mean_and_not_the_effect():
    found = flags(giant=GIANT)
    assert found.baselines == {"sales"}
    assert found.covariates == {"size"}
    assert not found.effects


def test_a_firm_that_grows_alone_makes_the_effect_wherever_it_counts():
    found = flags(extra=1_000.0).effects
    assert ("sales", "overall", None) in found
    assert ("sales", "cohort", 2018) in found
    assert ("sales", "cohort", 2017) not in found
    assert {y for _, by, y in found if by == "year"} == {2018, 2019, 2020}
    assert {e for _, by, e in found if by == "event_time"} == {0, 1, 2}


def test_shares_are_those_of_sums_over_all_firms():
    """A second way: pandas over the long table."""
    frame, own = panel(extra=60.0)
    before = frame[frame["year"] == frame["cohort"] - 1].set_index("firm")["sales"]
    treated = frame[(frame["cohort"] > 0) & (frame["year"] >= frame["cohort"])]
    change = (treated["sales"] - treated["firm"].map(before)).groupby([treated["firm"], treated["cohort"]]).mean().abs()
    (found,) = contributions(ek.match(own, "none"))
    for cohort in (2017, 2018):
        own_firms = np.sort(change.xs(cohort, level="cohort"))[::-1]
        assert found["sales", "cohort", cohort] == pytest.approx((*own_firms[:2], own_firms[2:].sum()))
    whole = np.sort(change)[::-1]
    assert found["sales", "overall", None] == pytest.approx((*whole[:2], whole[2:].sum()))


def released(heavy=1.0, **kinds):
    """Release an evaluation in which the last comparison firm has the weight of `heavy` others."""
    asked = reports.study(
        outcome=[{"name": "sales", "transform": "level", "unit": "yen"}], period={"first": 2015, "last": 2020},
        check=[{"method": "balance"}],
    )  # fmt: skip
    sample = weighted(ek.match(panel(**kinds)[1], "none"), heavy)
    effects = ek.estimate(sample, "group_time")
    return release(assemble(asked, sample, (effects,), (ek.check(sample, effects, "balance"),)))


def test_a_mean_that_a_giant_makes_is_hidden_with_the_scale_that_tells_it():
    made = released(giant=GIANT)
    overall = made.tables["effects/group_time/overall"][0]
    for quantity in ("baseline", "percent", "percent_low", "percent_high"):
        assert made.value(overall, quantity) is None
    assert made.value(overall, "level") is not None
    (row,) = made.tables["checks/balance"]
    assert made.value(row, "mean_treated_before") is None


def test_an_effect_that_one_firm_makes_is_hidden_and_a_second_cohort_with_it():
    made = released(extra=1_000.0)
    assert made.value(made.tables["effects/group_time/overall"][0], "estimate") is None
    assert all(made.value(row, "estimate") is None for row in made.tables["effects/group_time/cohort"])
    assert made.numbers["disclosure.audit"].value == "passed"


def test_without_giants_all_is_shown():
    made = released()
    assert made.numbers["disclosure.hidden"].value == 0
    assert made.value(made.tables["effects/group_time/overall"][0], "baseline") > 0


def test_a_comparison_firm_with_nearly_all_the_weight_hides_the_effects():
    assert concentration(weighted(ek.match(panel()[1], "none"), 1_000.0), RELEASE).is_weighted_on_few
    made = released(heavy=1_000.0)
    tables = {name: rows for name, rows in made.tables.items() if name.startswith("effects/")}
    assert "effects/group_time/cell" in tables
    assert {made.value(row, "level") for rows in tables.values() for row in rows} == {None}
