import dataclasses

import numpy as np
import pytest

import evalkit as ek
import twins
from evalkit.errors import EstimationError


def cells(**options: object) -> ek.Effects:
    sample = twins.sample(twins.panel(twins.frame(n=200, periods=7, growth=0.2, seed=3)))
    return ek.estimate(sample, "group_time", **options)


def test_a_contrast_has_the_variance_of_a_difference() -> None:
    by_cohort = ek.aggregate(cells(), "cohort")
    found = ek.combine(by_cohort, {"second less first": np.array([-1.0, 1.0, 0.0]), "first": np.array([1.0, 0, 0])})
    b, v = by_cohort.table["estimate"], by_cohort.vcov
    assert found.table["estimate"][0] == pytest.approx(b[1] - b[0])
    assert found.table["std_error"][0] ** 2 == pytest.approx(v[0, 0] + v[1, 1] - 2 * v[0, 1])
    assert found.vcov[0, 1] == pytest.approx(v[0, 1] - v[0, 0])
    assert found.table["group"].tolist() == ["second less first", "first"]
    assert found.method == "group_time/cohort/combined"


def test_a_total_is_the_sum_over_firms_and_years() -> None:
    given = cells()
    table = given.table
    own = table[table["event_time"] >= 0]
    found = ek.total(given)
    assert found.table["estimate"][0] == pytest.approx((own["estimate"] * own["n_treated"]).sum())
    weight = np.where(table["event_time"] >= 0, table["n_treated"], 0).astype(float)
    assert found.table["std_error"][0] ** 2 == pytest.approx(weight @ given.vcov @ weight)
    assert found.table["n_treated"][0] == own.groupby("cohort")["n_treated"].max().sum()


def test_a_window_is_the_same_cohorts_at_every_event_time() -> None:
    given = cells(base="universal")
    found = ek.aggregate(given, "event_time", window=(-2, 1)).table
    assert found["event_time"].tolist() == [-2, 0, 1]
    assert found["n_treated"].nunique() == 1
    own = given.table[given.table["event_time"] == 1]
    expected = np.average(own["estimate"], weights=own["n_treated"])
    assert found["estimate"].iloc[-1] == pytest.approx(expected)
    narrow = ek.aggregate(given, "event_time", window=(0, 3)).table
    assert narrow["n_treated"].iloc[0] < found["n_treated"].iloc[0]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda e: ek.combine(e, {"x": np.ones(2)}),
        lambda e: ek.combine(e, {"x": np.zeros(len(e.table))}),
        lambda e: ek.total(ek.aggregate(e, "event_time")),
        lambda e: ek.total(dataclasses.replace(e, outcomes=(e.outcomes[0].model_copy(update={"transform": "log"}),))),
        lambda e: ek.aggregate(e, "event_time", window=(-9, 9)),
    ],
)
def test_what_makes_no_sense_is_refused(wrong) -> None:
    with pytest.raises(EstimationError) as error:
        wrong(cells())
    assert error.value.code in ("E_OPTION", "E_WINDOW")
