"""Defects that other packages had, each as one test: found in their threads and change logs."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.errors import DesignError, EvalkitError
from evalkit.model.study import Inference

TWIN = 1e-10
"""Exact sums against dense arithmetic on the same values."""
PLAIN = Inference(correction="cr1")


def sample(table: pd.DataFrame, inference: Inference = PLAIN, **roles: object) -> ek.MatchedSample:
    return twins.sample(dataclasses.replace(twins.panel(table, **roles), inference=inference))


def regions(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(region="r" + (table["firm"].str[1:].astype(int) % 17).astype(str))


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
def test_clusters_go_with_their_firms_on_unbalanced_panels(missing: float, comparison: str) -> None:
    """In did, csdid: the cluster vector was misaligned or swallowed, and errors were those of independent firms."""
    table = regions(twins.frame(n=200, missing=missing, seed=4))
    found = ek.estimate(sample(table, clusters=("region",)), "group_time", comparison=comparison)
    _, estimate, psi = twins.group_time(table, comparison)
    firm = np.sort(table["firm"].unique())
    region = table.groupby("firm")["region"].first().reindex(firm)
    summed = pd.DataFrame(psi).groupby(region.to_numpy()).sum().to_numpy()
    np.testing.assert_allclose(found.table["estimate"], estimate, atol=TWIN)
    np.testing.assert_allclose(found.vcov, summed.T @ summed, atol=TWIN)
    assert not np.allclose(summed.T @ summed, psi.T @ psi, rtol=0.01)


@pytest.mark.parametrize("by", ["overall", "event_time", "cohort", "year"])
def test_averages_join_each_effect_with_its_own_weight_and_share(by: str) -> None:
    """In did, csdid: influence rows stood in another order than weights, or with the shares of another cohort."""
    table = twins.frame(n=180, missing=0.15, seed=9)
    found = ek.aggregate(ek.estimate(sample(table), "group_time"), by)
    cells, estimate, psi = twins.group_time(table)
    g = table.groupby("firm")["g"].first()
    event = (cells["year"] - cells["cohort"]).to_numpy()
    keys = {"event_time": event, "cohort": cells["cohort"].to_numpy(), "year": cells["year"].to_numpy()}
    key = keys.get(by, np.zeros(len(cells)))
    share = {c: (g == c).mean() for c in cells["cohort"].unique()}
    p = cells["cohort"].map(share).to_numpy()
    for row in found.table.to_dict("records"):
        own = (key == row.get(by, 0) if by != "overall" else key == 0) & ((event >= 0) | (by == "event_time"))
        if by == "event_time":
            own = event == row["event_time"]
        average = np.average(estimate[own], weights=p[own])
        slope = (estimate[own] - average) / p[own].sum()
        drawn = np.stack([(g == c).to_numpy() - share[c] for c in cells["cohort"][own]], axis=1) / len(g)
        influence = psi[:, own] @ (p[own] / p[own].sum()) + drawn @ slope
        assert row["estimate"] == pytest.approx(average, abs=TWIN)
        assert row["std_error"] == pytest.approx(np.sqrt((influence**2).sum()), abs=1e-9)


def test_the_pretrend_test_has_no_orientation() -> None:
    """In did: the conditional pre-test rejected by the sign of the outcome."""
    table = twins.frame(n=300, seed=3)
    turned = table.assign(y=-table["y"])
    one, other = (
        ek.check(s, ek.estimate(s, "group_time"), "pretrends").statistic for s in (sample(table), sample(turned))
    )
    assert one == pytest.approx(other, abs=TWIN)


@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
def test_cohorts_after_the_last_period_but_within_anticipation_are_no_controls(comparison: str) -> None:
    """In did: they were taken for never treated."""
    table = twins.frame(n=200, seed=2)
    soon = table["firm"].isin([f"F{i:05d}" for i in range(60)]) & (table["g"] == 0)
    last = int(table["year"].max())
    waiting = table.assign(g=table["g"].mask(soon, last + 1), y=table["y"] + 50.0 * (soon & (table["year"] == last)))
    panel = dataclasses.replace(twins.panel(waiting), inference=PLAIN, anticipation=1)
    found = ek.estimate(twins.sample(panel), "group_time", comparison=comparison)
    cells, estimate, _ = twins.group_time(waiting[~soon], comparison, anticipation=1)
    in_last = (found.table["year"] == last).to_numpy()
    assert in_last.any()
    mine = found.table.loc[in_last, "estimate"].to_numpy()
    np.testing.assert_allclose(mine, estimate[(cells["year"] == last).to_numpy()], atol=1e-9)


def test_leaving_out_the_always_treated_keeps_the_comparison_firms() -> None:
    """In did: with those treated in the first period the comparison cohort went too."""
    table = twins.frame(n=200, seed=2)
    first = int(table["year"].min())
    always = table["firm"].isin([f"F{i:05d}" for i in range(30)])
    mixed = table.assign(g=table["g"].mask(always, first))
    found = ek.estimate(sample(mixed), "group_time")
    alone = ek.estimate(sample(mixed[~always]), "group_time")
    pd.testing.assert_frame_equal(found.table, alone.table)
    assert any(note.startswith("always_treated_dropped:30") for note in found.notes)


def test_a_pool_that_empties_is_an_error_and_no_other_takes_its_place() -> None:
    """In did: never-treated firms lost in balancing were silently replaced by the last cohort."""
    table = twins.frame(n=200, seed=2)
    gone = table[(table["g"] > 0) | (table["year"] == table["year"].min())]
    with pytest.raises(DesignError, match="E_NO_CONTROL"):
        ek.estimate(sample(gone), "group_time", comparison="never_treated")


@pytest.mark.parametrize("bad", [-2013.0, 2013.5])
def test_cohorts_that_are_no_years_are_refused(bad: float) -> None:
    """In did: negative and fractional cohorts were accepted."""
    table = twins.frame(n=40)
    with pytest.raises(EvalkitError):
        twins.panel(table.assign(g=table["g"].astype(float).mask(table["g"] == 2013, bad)))


def test_a_firm_and_year_given_twice_is_refused() -> None:
    """In did and linearmodels: repeated rows were accepted and gave wrong numbers."""
    table = twins.frame(n=40)
    with pytest.raises(EvalkitError):
        twins.panel(pd.concat([table, table.iloc[[5]]]))


def test_draws_do_not_depend_on_threads_nor_touch_the_global_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    """In did: the parallel bootstrap could not be repeated, and the generator of the session was moved."""
    table = twins.frame(n=300, seed=2)
    inference = Inference(correction="cr1", bootstrap="mammen", draws=200, seed=4)
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - it is the legacy generator that must stay
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("EVALKIT_THREADS", threads)
        found.append(ek.estimate(sample(table, inference), "group_time").draws.effects)
    assert found[0].tobytes() == found[1].tobytes()
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_folding_periods_does_not_double_errors() -> None:
    """In did: two periods told by halves of repeated cross-sections had errors twice too large."""
    table = twins.frame(n=400, seed=5)
    pair = table[table["year"].isin([2012, 2013]) & table["g"].isin([0, 2013])]
    found = ek.estimate(sample(pair), "cross_sections").table.iloc[0]
    sides = pair.assign(side=pair["g"] > 0).groupby(["side", "year"])["y"]
    assert found["estimate"] == pytest.approx(
        sides.mean().to_numpy() @ np.array([1.0, -1.0, -1.0, 1.0]), abs=TWIN
    )  # fmt: skip
    halves = pair.assign(firm=pair["firm"] + pair["year"].astype(str))
    apart = ek.estimate(sample(halves), "cross_sections").table.iloc[0]["std_error"]
    assert apart == pytest.approx(np.sqrt((sides.var() / sides.size()).sum()), rel=0.01)


def test_variances_are_of_the_population() -> None:
    """In csdid: by-group errors had n - 1 where the influence function has n."""
    table = twins.frame(n=50, seed=5)
    found = ek.estimate(sample(table), "group_time")
    _, _, psi = twins.group_time(table)
    np.testing.assert_allclose(np.diag(found.vcov), (psi**2).sum(axis=0), rtol=1e-9)


def test_unbalanced_panels_use_all_changes_that_there_are() -> None:
    """In did and csdid: the default dropped every firm that was not seen each year."""
    table = twins.frame(n=120, missing=0.2, seed=5)
    found = ek.estimate(sample(table), "group_time").table
    complete = table[table.groupby("firm")["firm"].transform("size") == table["year"].nunique()]
    assert (found["n_treated"] > ek.estimate(sample(complete), "group_time").table["n_treated"].max()).any()
    _, estimate, _ = twins.group_time(table)
    np.testing.assert_allclose(found["estimate"], estimate, atol=TWIN)


@pytest.mark.parametrize("name", ["event_study", "sun_abraham", "group_time", "imputation", "two_stage", "stacked"])
def test_covariances_have_no_negative_direction(name: str) -> None:
    """In did_multiplegt_dyn: the covariance was not one, and bounds could not be made of it."""
    found = ek.estimate(sample(twins.frame(n=150, missing=0.2, seed=3)), name)
    assert np.linalg.eigvalsh(found.vcov).min() > -TWIN


def test_the_average_after_the_award_has_the_error_of_an_average() -> None:
    """In fixest's tools: the error of one coefficient was printed beside the average of all."""
    found = ek.estimate(sample(twins.frame(n=200, seed=3)), "event_study")
    after = (found.table["event_time"] >= 0).to_numpy(dtype=bool)
    weight = after / after.sum()
    average = ek.combine(found, {"after": weight})
    assert average.table["std_error"].iloc[0] == pytest.approx(np.sqrt(weight @ found.vcov @ weight), abs=TWIN)
    assert average.table["std_error"].iloc[0] < found.table.loc[after, "std_error"].max()


def test_not_yet_treated_is_what_it_says() -> None:
    """In csdid: asked for not-yet-treated firms, it printed and used never-treated ones."""
    table = twins.frame(n=150, seed=3)
    never, later = (
        ek.estimate(sample(table), "group_time", comparison=c) for c in ("never_treated", "not_yet_treated")
    )
    assert later.options["comparison"] == "not_yet_treated"
    assert (later.table["n_control"] >= never.table["n_control"]).all()
    assert (later.table["n_control"] > never.table["n_control"]).any()
