import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import panel_matching as slow

DISTANCE = 1e-8
"""Relative; distances after whitening against those by the inverse of the covariance."""


def triples(sample: ek.MatchedSample) -> list[tuple[int, int, int]]:
    found = sample.pairs.to_pandas()[["treated", "control", "order"]]
    return [tuple(row) for row in found.to_numpy().tolist()]


def code_of(table: pd.DataFrame, **options: object) -> ek.EvalkitError:
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(slow.panel(table), "panel_path", **options)
    return caught.value


@pytest.mark.parametrize("distance", ["mean_mahalanobis", "mahalanobis"])
@pytest.mark.parametrize("future", ["drop", "censor"])
@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(("ratio", "capacity"), [(1, 1), (2, 1), (3, None), (2, 2)])
@pytest.mark.parametrize("caliper", [None, 1.2])
def test_pairs_equal_the_slow_twin(
    distance: str, future: str, exact: bool, ratio: int, capacity: int | None, caliper: float | None
) -> None:
    table = slow.frame(120)
    table.loc[table.index % 41 == 7, "y"] = np.nan
    sample = ek.match(
        slow.panel(table), "panel_path", distance=distance, future=future, exact=("kind",) if exact else (),
        ratio=ratio, replace=capacity != 1, reuse_max=None if capacity == 1 else capacity, caliper=caliper,
    )  # fmt: skip
    wanted = slow.pairs(
        table, distance=distance, future=future, exact=exact, ratio=ratio, capacity=capacity or np.inf,
        caliper=caliper or np.inf,
    )  # fmt: skip
    assert len(wanted) > 10
    assert triples(sample) == wanted


@pytest.mark.parametrize(("lags", "anticipation"), [(1, 0), (3, 0), (2, 1)])
def test_lags_and_anticipation_move_the_years_compared(lags: int, anticipation: int) -> None:
    table = slow.frame(seed=4)
    panel = slow.panel(table, anticipation=anticipation)
    sample = ek.match(panel, "panel_path", lags=lags, future="censor")
    assert triples(sample) == slow.pairs(table, lags=lags, anticipation=anticipation, future="censor")


def test_nothing_from_the_award_on_changes_a_match() -> None:
    """Values from each firm's own award on, and of all others from the last award on, are turned upside down."""
    table = slow.frame()
    other = table.copy()
    after = (table["g"] > 0) & (table["year"] >= table["g"]) | (table["year"] >= 2016)
    other.loc[after, ["y", "z"]] = -100 * other.loc[after, ["z", "y"]].to_numpy()
    first, second = (ek.match(slow.panel(t), "panel_path", ratio=2, future="censor") for t in (table, other))
    assert first.pairs.equals(second.pairs)
    np.testing.assert_array_equal(first.weight, second.weight)


@pytest.mark.parametrize("cohort", [2013, 2014, 2016])
def test_a_cohorts_matches_rest_on_the_declared_lags_alone(cohort: int) -> None:
    """All years but the two before the cohort's award are noise to its matches, for controls too."""
    table = slow.frame()
    other = table.copy()
    is_other = ~table["year"].isin([cohort - 1, cohort - 2])
    other.loc[is_other, ["y", "z"]] = np.random.default_rng(0).normal(size=(int(is_other.sum()), 2))
    made = []
    for t in (table, other):
        panel = slow.panel(t)
        pairs = ek.match(panel, "panel_path", future="censor", replace=True).pairs.to_pandas()
        made.append(pairs[panel.cohort[pairs["treated"]] == cohort].drop(columns="subclass").reset_index(drop=True))
    pd.testing.assert_frame_equal(*made)


def test_the_paths_are_those_asked_for_on_their_scales() -> None:
    table = slow.frame().assign(y=lambda t: np.exp(t["y"]))
    logs = ek.Panel.from_frame(
        table, firm="firm", year="year", cohort="g", outcomes={"y": "log", "z": "level"}, covariates=["size"]
    )
    again = table.assign(y=np.log(table["y"]), z=0.0)
    plain = ek.Panel.from_frame(again, firm="firm", year="year", cohort="g", outcomes=["y"], covariates=["size"])
    assert triples(ek.match(logs, "panel_path", paths=("y",))) == triples(ek.match(plain, "panel_path"))


def test_growth_needs_the_year_before_the_first_lag() -> None:
    table = slow.frame().assign(y=lambda t: np.exp(t["y"]))
    grown = ek.Panel.from_frame(table, firm="firm", year="year", cohort="g", outcomes={"y": "growth"})
    sample = ek.match(grown, "panel_path", lags=3)
    assert set(sample.reason[grown.cohort == 2013]) == {"missing_path"}
    assert (sample.reason[grown.cohort == 2014] == "").any()


def test_controls_with_a_later_award_follow_the_declaration() -> None:
    table = slow.frame()
    panel = slow.panel(table)
    kept = {future: ek.match(panel, "panel_path", future=future) for future in ("drop", "censor", "intention_to_treat")}
    cohort = {k: panel.cohort[s.sets["control"].to_numpy()] for k, s in kept.items()}
    until = {k: s.sets["until"].to_numpy() for k, s in kept.items()}
    assert not cohort["drop"].any()
    assert (cohort["censor"] > 0).any()
    assert (until["drop"] == 2018).all()
    assert (until["intention_to_treat"] == 2018).all()
    own = cohort["censor"]
    np.testing.assert_array_equal(until["censor"], np.where((own > 0) & (own <= 2018), own - 1, 2018))
    assert kept["censor"].pairs.equals(kept["intention_to_treat"].pairs)
    n_future = len(np.unique(kept["censor"].sets["control"].to_numpy()[own > 0]))
    assert f"future_controls:{n_future}" in kept["censor"].notes


def test_a_firm_is_control_and_treated_with_one_weight_for_each_role() -> None:
    panel = slow.panel(slow.frame())
    sample = ek.match(panel, "panel_path", future="censor", ratio=2)
    sets = sample.sets.to_pandas()
    both = np.intersect1d(sets["treated"], sets["control"])
    assert len(both)
    assert (sample.weight[both] == 1).all()
    np.testing.assert_allclose(sets.groupby("treated")["weight"].sum(), 1)
    total = sets.groupby("control")["weight"].sum()
    never = total[panel.cohort[total.index] == 0]
    np.testing.assert_allclose(sample.weight[never.index], never)
    assert sample.n_treated == sets["treated"].nunique()
    assert sample.n_control == sets["control"].nunique()
    assert sample.effective_controls == pytest.approx(total.sum() ** 2 / (total**2).sum())
    assert set(sample.reason[panel.cohort == 2025]) == {"treated_after_window"}


def test_reasons_say_how_far_a_firm_came() -> None:
    table = slow.frame()
    one = table.drop_duplicates("firm")
    lost = one[one["g"] == 2013]["firm"].iloc[0]
    table = table[(table["firm"] != lost) | (table["year"] != 2012)]
    only = one[one["g"] == 0]["firm"].iloc[0]
    table.loc[table["firm"] == only, "kind"] = "C"
    silent = one[one["g"] == 0]["firm"].iloc[1]
    table.loc[table["firm"] == silent, "y"] = np.nan
    panel = slow.panel(table)
    sample = ek.match(panel, "panel_path", exact=("kind",), covariates=("size",))
    reason = dict(zip(panel.firm.to_pylist(), sample.reason, strict=True))
    assert reason[lost] == "missing_path"
    assert reason[only] == "no_treated_in_cell"
    assert reason[silent] == "missing_path"
    assert "not_matched" in reason.values()
    assert sample.estimand == "att_matched"


def test_cohorts_without_enough_years_before_are_left_out() -> None:
    panel = slow.panel(slow.frame())
    sample = ek.match(panel, "panel_path", lags=4)
    assert set(sample.reason[panel.cohort == 2013]) == {"missing_path"}
    assert (sample.reason[panel.cohort == 2014] == "").all()


def test_later_recipients_alone_can_be_the_controls() -> None:
    table = slow.frame()
    table = table[table["g"] > 0]
    assert code_of(table).code == "E_NO_CONTROL"
    sample = ek.match(slow.panel(table), "panel_path", future="censor", replace=True)
    assert set(sample.panel.cohort[sample.sets["control"].to_numpy()]) <= {2014, 2016, 2025}
    assert code_of(table[table["g"] == 2013], future="censor").code == "E_NO_CONTROL"


def test_refusals_name_their_reason() -> None:
    table = slow.frame()
    assert code_of(table, covariates=("y",)).code == "E_ROLE"
    assert code_of(table, exact=("y@2012",)).code == "E_ROLE"
    assert code_of(table, paths=("sales",)).code == "E_UNKNOWN_NAME"
    assert code_of(table, ratio=30).code == "E_TOO_FEW_CONTROLS"
    error = code_of(table, caliper=1e-6)
    assert (error.code, error.exit_code) == ("E_NO_OVERLAP", 4)
    assert "outside_caliper" in error.problem
    assert code_of(table, lags=9).code == "E_NO_OVERLAP"
    assert code_of(table.assign(z=table["y"])).code == "E_COLLINEAR"


@pytest.mark.parametrize(
    "options", [{"lags": 0}, {"caliper": 0.0}, {"m_order": "largest"}, {"max_controls": 2}, {"future": "keep"}]
)
def test_impossible_options_are_refused(options: dict) -> None:
    error = code_of(slow.frame(40), **options)
    assert (error.code, error.exit_code) == ("E_OPTION", 2)
