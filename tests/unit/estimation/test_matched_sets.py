"""Differences-in-differences of matched sets against loops over sets and firms."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import panel_matching as slow
import twins

EXACT = 1e-10


def gaps(seed: int = 2) -> pd.DataFrame:
    """Firms in four cohorts of whose outcomes one in twelve is missing."""
    table = slow.frame(seed=seed)
    return table[np.random.default_rng(seed).random(len(table)) > 0.08].reset_index(drop=True)


@pytest.mark.parametrize("future", ["drop", "censor", "intention_to_treat"])
@pytest.mark.parametrize("anticipation", [0, 1])
@pytest.mark.parametrize("has_gaps", [False, True])
def test_cells_and_covariance_equal_loops_over_sets(future: str, anticipation: int, has_gaps: bool) -> None:
    table = gaps() if has_gaps else slow.frame(seed=2)
    panel = slow.panel(table, anticipation=anticipation)
    sample = ek.match(panel, "panel_path", future=future, ratio=3, replace=True)
    found = ek.estimate(sample, "matched_sets")
    for column in ("y", "z"):
        cells, influence = slow.effects(table, sample.sets.to_pandas(), column, anticipation)
        own = (found.table["outcome"] == column).to_numpy()
        mine = found.table[own]
        assert mine[["cohort", "year", "n_treated", "n_control"]].astype(int).to_numpy().tolist() == (
            cells[["cohort", "year", "n_treated", "n_control"]].to_numpy().tolist()
        )
        np.testing.assert_allclose(mine["estimate"], cells["estimate"], atol=EXACT)
        np.testing.assert_allclose(found.vcov[np.ix_(own, own)], influence.T @ influence, atol=EXACT)


def test_outcomes_are_jointly_covered() -> None:
    table = slow.frame(seed=5)
    sample = ek.match(slow.panel(table), "panel_path", future="censor")
    found = ek.estimate(sample, "matched_sets")
    sets = sample.sets.to_pandas()
    psi = np.concatenate([slow.effects(table, sets, column)[1] for column in ("y", "z")], axis=1)
    np.testing.assert_allclose(found.vcov, psi.T @ psi, atol=EXACT)


def test_clusters_above_the_firm_add_up_the_influence_of_their_firms() -> None:
    table = slow.frame(seed=5)
    panel = ek.Panel.from_frame(
        table.assign(area=table["firm"].str[-1]), firm="firm", year="year", cohort="g", outcomes=["y"],
        covariates=["size"], clusters=["area"],
    )  # fmt: skip
    sample = ek.match(panel, "panel_path", future="censor")
    _, psi = slow.effects(table, sample.sets.to_pandas())
    code = np.array([int(f[-1]) for f in panel.firm.to_pylist()])
    by_area = np.stack([psi[code == c].sum(axis=0) for c in range(10)])
    np.testing.assert_allclose(ek.estimate(sample, "matched_sets").vcov, by_area.T @ by_area, atol=EXACT)


def test_pairs_of_one_year_are_the_mean_difference_of_changes() -> None:
    """One cohort, one pair each: the textbook's mean of differences in differences."""
    table = slow.frame(seed=3).query("g in (0, 2014)")
    sample = ek.match(slow.panel(table, ("y",)), "panel_path")
    y = slow.wide(table, "y")
    pairs = sample.pairs.to_pandas()
    t, c = pairs["treated"], pairs["control"]
    for row in ek.estimate(sample, "matched_sets").table.itertuples():
        change = y[:, row.year - 2010] - y[:, 3]
        assert row.estimate == pytest.approx(np.mean(change[t] - change[c]), abs=EXACT)


def test_without_matched_sets_all_controls_are_everyones_set() -> None:
    """Then cells are those of group_time with never-treated controls and one base year."""
    sample = twins.sample(twins.panel(twins.frame(150)))
    mine = ek.estimate(sample, "matched_sets").table
    other = ek.estimate(sample, "group_time", base="universal").table
    both = mine.merge(other, on=["cohort", "year"])
    assert len(both) == len(mine) > 10
    np.testing.assert_allclose(both["estimate_x"], both["estimate_y"], atol=EXACT)


def test_other_estimators_refuse_matched_sets() -> None:
    sample = ek.match(slow.panel(slow.frame()), "panel_path")
    with pytest.raises(ek.EvalkitError, match="matched sets") as caught:
        ek.estimate(sample, "group_time")
    assert caught.value.code == "E_OPTION"


def test_the_planted_effect_is_recovered_from_later_recipients_while_they_count() -> None:
    """Without noise, censored controls give the truth; controls for good, once treated themselves, do not."""
    table = slow.frame(300, noise=0.0, effect=0.5).query("g > 0")
    found = {}
    for future in ("censor", "intention_to_treat"):
        sample = ek.match(
            slow.panel(table, ("y",)), "panel_path", future=future, replace=True, covariates=("kind",), lags=1
        )
        cells = ek.estimate(sample, "matched_sets").table
        found[future] = np.abs(cells["estimate"] - (cells["event_time"] >= 0) * (0.5 + 0.1 * cells["event_time"]))
    assert found["censor"].max() < EXACT
    assert found["intention_to_treat"].max() > 0.3


def test_leads_and_placebo_limit_the_years() -> None:
    sample = ek.match(slow.panel(slow.frame()), "panel_path")
    table = ek.estimate(sample, "matched_sets", leads=1, placebo=2).table
    assert set(table["event_time"]) == {-3, -2, 0, 1}


def test_saved_sets_come_back(tmp_path) -> None:
    sample = ek.match(slow.panel(slow.frame()), "panel_path", future="censor")
    sample.save(tmp_path)
    back = ek.MatchedSample.load(tmp_path, sample.panel)
    assert back.sets.equals(sample.sets)
    assert ek.estimate(back, "matched_sets").vcov.tobytes() == ek.estimate(sample, "matched_sets").vcov.tobytes()
    assert ek.MatchedSample.load(tmp_path, dataclasses.replace(sample.panel)).n_control == sample.n_control
