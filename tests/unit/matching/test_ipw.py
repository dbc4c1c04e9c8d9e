import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import firms
import twins
from evalkit.matching.ipw import tilting_weight

ROUNDING = 1e-12
ESTIMANDS = ("att", "ate", "ato", "atm")


def formula(e: np.ndarray, treated: np.ndarray, estimand: str) -> np.ndarray:
    """Li, Morgan and Zaslavsky's tilting function h(e), over the chance of the own group."""
    h = {"att": e, "ate": np.ones_like(e), "ato": e * (1 - e), "atm": np.minimum(e, 1 - e)}[estimand]
    return h / np.where(treated, e, 1 - e)


@pytest.mark.parametrize("estimand", ESTIMANDS)
@pytest.mark.parametrize("stabilised", [False, True])
def test_weights_are_the_formula_normalised(estimand: str, stabilised: bool) -> None:
    sample = ek.match(firms.panel(firms.frame(600)), "ipw", estimand=estimand, stabilised=stabilised)
    treated = sample.panel.cohort > 0
    wanted = formula(sample.distance, treated, estimand)
    for group in (treated, ~treated):
        total = group.sum() if stabilised else treated.sum()
        np.testing.assert_allclose(sample.weight[group], wanted[group] * total / wanted[group].sum(), rtol=1e-9)
    assert sample.estimand == estimand
    noted = [note for note in sample.notes if note.startswith("effective_treated")]
    assert len(noted) == (estimand != "att")


def test_weights_do_not_overflow_where_a_score_rounds_to_one() -> None:
    logit = np.array([-40.0, 0.0, 40.0])
    np.testing.assert_allclose(tilting_weight(logit, "ato", is_treated=True)[2], np.exp(-40), rtol=ROUNDING)
    np.testing.assert_allclose(tilting_weight(logit, "ate", is_treated=True)[0], 1 + np.exp(40), rtol=ROUNDING)
    np.testing.assert_array_equal(tilting_weight(logit, "att", is_treated=True), np.ones(3))
    np.testing.assert_allclose(
        tilting_weight(-logit, "atm", is_treated=False), [1, 1, np.exp(-40)][::-1], rtol=ROUNDING
    )


def test_overlap_weights_balance_means_exactly() -> None:
    sample = ek.match(firms.panel(firms.frame(600)), "ipw", estimand="ato")
    for row in ek.check(sample, (), "balance").rows:
        assert abs(row["smd_after"]) < 1e-8


@pytest.mark.parametrize(("estimand", "left"), [("att", "att_matched"), ("ate", "ate_matched"), ("ato", "ato")])
def test_extreme_scores_are_dropped_and_counted(estimand: str, left: str) -> None:
    table = firms.frame(600)
    chance = 1 / (1 + np.exp(-1.5 * (table["size"] - 3)))
    panel = firms.panel(table.assign(g=np.where(np.random.default_rng(2).random(600) < chance, 2013, 0)))
    score = ek.match(panel, "ipw").distance
    trim = float(1 - np.sort(score[panel.cohort > 0])[-6])
    sample = ek.match(panel, "ipw", estimand=estimand, trim=trim)
    wanted = (score > 1 - trim) | ((score < trim) & (estimand != "att"))
    assert wanted.any()
    np.testing.assert_array_equal(sample.reason == "extreme_score", wanted)
    np.testing.assert_array_equal(sample.weight == 0, wanted)
    assert sample.estimand == left
    gone = sample.dropped
    assert set(gone["reason"]) == {"extreme_score"}
    assert gone["firms"].sum() == wanted.sum()
    np.testing.assert_array_equal(np.isfinite(sample.distance), True)


def test_trimming_everybody_and_wrong_trim_are_refused() -> None:
    table = firms.frame(200)
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(table), "ipw", estimand="ate", trim=0.499999)
    assert caught.value.code == "E_NO_OVERLAP"
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(table), "ipw", trim=0.5)
    assert caught.value.code == "E_OPTION"


def test_one_control_that_carries_all_the_weight_is_refused() -> None:
    table = firms.frame(300)
    treated = table["g"] > 0
    table["size"] = np.where(treated, 10.0, 0.0) + table["size"] / 2
    table.loc[np.flatnonzero(~treated)[0], "size"] = 13.0
    table.loc[np.flatnonzero(treated)[0], "size"] = 1.0
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(table), "ipw", covariates=("size",))
    assert caught.value.code == "E_TOO_FEW_CONTROLS"


def test_boosting_is_the_same_for_every_order_of_rows_and_differs_by_seed() -> None:
    table = firms.frame(400)
    first, second = (ek.match(firms.panel(table, shuffle=s), "ipw", model="boosting", seed=3) for s in (None, 9))
    np.testing.assert_array_equal(first.weight, second.weight)
    other = ek.match(firms.panel(table), "ipw", model="boosting", seed=4)
    assert (first.weight != other.weight).any()


def weighted() -> tuple[pd.DataFrame, ek.MatchedSample]:
    """Firms of three cohorts whose chance of award depends on a covariate, weighted for the effect on all firms."""
    table = twins.frame(150)
    size = np.random.default_rng(3).normal(size=150)
    size = dict(zip(sorted(table["firm"].unique()), size, strict=True))
    table["size"] = table["firm"].map(size) + 0.5 * (table["g"] > 0)
    sample = ek.match(twins.panel(table, covariates=("size",)), "ipw", estimand="ate")
    assert np.ptp(sample.weight[sample.panel.cohort > 0]) > 0.5
    return table, sample


def test_weighted_twfe_equals_weighted_least_squares_with_all_dummies() -> None:
    table, sample = weighted()
    w = table["firm"].map(dict(zip(sample.panel.firm.to_pylist(), sample.weight, strict=True))).to_numpy()
    hit = ((table["g"] > 0) & (table["year"] >= table["g"])).to_numpy(float)
    years, units = (pd.get_dummies(table[c], dtype=float).to_numpy() for c in ("year", "firm"))
    x = np.column_stack([hit, years[:, 1:], units])
    bread = np.linalg.inv(x.T @ (x * w[:, None]))
    b = bread @ x.T @ (w * table["y"].to_numpy())
    sums = units.T @ (x * (w * (table["y"].to_numpy() - x @ b))[:, None])
    n, n_firms, k = len(table), units.shape[1], 1 + years.shape[1]
    error = np.sqrt((bread @ sums.T @ sums @ bread)[0, 0] * n_firms / (n_firms - 1) * (n - 1) / (n - k))
    found = ek.estimate(sample, "twfe").table.iloc[0]
    assert found["estimate"] == pytest.approx(b[0], abs=1e-8)
    assert found["std_error"] == pytest.approx(error, rel=1e-6)
    assert found["estimand"] == "ate"


def test_weighted_group_time_equals_the_twin() -> None:
    table, sample = weighted()
    weight = dict(zip(sample.panel.firm.to_pylist(), sample.weight, strict=True))
    cells, estimates, influence = twins.group_time(table, weight=weight)
    found = ek.estimate(sample, "group_time", comparison="never_treated").table
    found = found.merge(cells.assign(wanted=estimates, error=np.sqrt((influence**2).sum(axis=0))))
    assert len(found) == len(cells)
    np.testing.assert_allclose(found["estimate"], found["wanted"], atol=1e-8)
    np.testing.assert_allclose(found["std_error"], found["error"], rtol=1e-6)
