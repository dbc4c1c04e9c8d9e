"""What every matching method must do. A new file in `evalkit/matching` is tested by being there."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evalkit as ek
import firms
from evalkit import methods
from evalkit.model.sample import KEPT, PAIR_COLUMNS

ROUNDING = 1e-12
"""Sums of at most a few hundred fractions 1/k, and differences of two scores."""

MATCHERS = methods.names("matching")
VARIANTS = {
    "entropy": [
        {"exact": ("debt",), "covariates": ("size", "growth")},
        {"moments": 3, "covariates": ("size", "region")},
    ],
    "cbps": [{"covariates": ("size", "industry")}],
    "ipw": [
        {"estimand": "ate", "model": "probit", "trim": 0.02},
        {"estimand": "ato", "covariates": ("size", "growth")},
        {"estimand": "atm", "stabilised": True},
    ],
    "coarsened": [
        {"k2k": True, "covariates": ("size", "industry")},
        {"rule": "fd", "cutpoints": {"size": [2, 3, 4], "growth": 3}, "grouping": {"industry": [["I0", "I1"]]}},
    ],
    "subclass": [{"subclass": 4, "min_n": 2, "model": "probit"}, {"min_n": 0, "discard": "both"}],
    "optimal": [
        {"exact": ("industry",), "caliper": 0.2},
        {"ratio": 2, "distance": "mahalanobis", "covariates": ("size", "growth"), "exact": ("debt",)},
        {"ratio": 3, "calipers": {"size": 0.5}, "antiexact": ("region",), "discard": "both"},
    ],
    "full": [
        {"exact": ("industry",), "caliper": 0.2},
        {"distance": "robust_mahalanobis", "covariates": ("size", "growth"), "antiexact": ("region",)},
        {"min_controls": 0.5, "max_controls": 3, "exact": ("debt", "region"), "distance": "score"},
    ],
    "exact": [{"on": ("industry",)}, {"on": ("debt", "region")}],
    "panel_path": [
        {"exact": ("industry",), "ratio": 2, "caliper": 1.5, "covariates": ("size", "growth")},
        {"future": "censor", "distance": "mahalanobis", "replace": True, "lags": 1},
        {"future": "intention_to_treat", "m_order": "random", "exact": ("region",)},
    ],
    "nearest": [
        {"exact": ("industry",), "caliper": 0.2},
        {"ratio": 3, "m_order": "random"},
        {"ratio": 3, "replace": True, "distance": "score"},
        {"ratio": 2, "replace": True, "reuse_max": 2, "exact": ("debt", "region"), "m_order": "smallest"},
        {"caliper": 0.05, "covariates": ("size", "industry")},
        {"ratio": 2, "max_controls": 4, "discard": "both", "m_order": "closest"},
        {"calipers": {"size": 0.5}, "antiexact": ("region",), "ratio": 2},
        {"distance": "mahalanobis", "covariates": ("size", "growth"), "exact": ("industry",), "caliper": 0.5},
        {"distance": "robust_mahalanobis", "covariates": ("size", "debt", "region"), "ratio": 2, "ties": "first"},
        {"distance": "euclidean", "replace": True, "reuse_max": 2, "calipers": {"growth": 0.1}},
    ],
}
CASES = [(name, options) for name in MATCHERS for options in ({}, *VARIANTS.get(name, []))]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{'-'.join(map(str, case[1]))}")
def case(request: pytest.FixtureRequest) -> tuple[str, dict]:
    return request.param


def expect_good_sample(sample: ek.MatchedSample) -> None:
    """Check everything a matched sample promises, from the panel and the pairs alone."""
    panel, weight, n = sample.panel, sample.weight, sample.panel.n_firms
    treated = panel.cohort > 0
    assert weight.shape == sample.subclass.shape == sample.distance.shape == sample.reason.shape == (n,)
    assert np.isfinite(weight).all()
    assert (weight >= 0).all()
    np.testing.assert_array_equal(weight > 0, sample.reason == KEPT)
    assert sample.n_treated > 0
    asked = (panel.cohort > panel.periods[0]) & (panel.cohort <= panel.periods[-1])
    wanted = sample.options.get("estimand", "att")
    if wanted == "att":
        assert (weight[treated & (weight > 0)] == 1).all()
        assert sample.estimand == ("att" if (weight[asked] > 0).all() else "att_matched")
    elif wanted == "ate":
        assert sample.estimand == ("ate" if (weight[asked | ~treated] > 0).all() else "ate_matched")
    else:
        assert sample.estimand == wanted
    assert tuple(sample.pairs.column_names) == PAIR_COLUMNS
    if sample.pairs.num_rows:
        expect_good_pairs(sample)
    elif (sample.subclass >= 0).any():
        expect_good_cells(sample)


def expect_good_pairs(sample: ek.MatchedSample) -> None:
    panel, options, pairs = sample.panel, sample.options, sample.pairs.to_pandas()
    values = panel.to_frame()
    t, c = pairs["treated"].to_numpy(), pairs["control"].to_numpy()
    assert (panel.cohort[t] > 0).all()
    later = panel.cohort[c] > panel.cohort[t]
    assert ((panel.cohort[c] == 0) | (later & (options.get("future", "drop") != "drop"))).all()
    assert not pairs.duplicated(["treated", "control"]).any()
    for name in options.get("exact", ()):
        assert (values[name].to_numpy()[t] == values[name].to_numpy()[c]).all()
    for name in options.get("antiexact", ()):
        assert (values[name].to_numpy()[t] != values[name].to_numpy()[c]).all()
    for name, width in options.get("calipers", {}).items():
        assert (np.abs(values[name].to_numpy()[t] - values[name].to_numpy()[c]) <= width + ROUNDING).all()
    between = np.abs(sample.distance[t] - sample.distance[c])
    if options.get("distance", "logit_score") in ("logit_score", "score"):
        np.testing.assert_allclose(pairs["distance"], between, atol=ROUNDING)
    if options.get("caliper") is not None and "lags" in options:
        assert (pairs["distance"] <= options["caliper"]).all()
    elif options.get("caliper") is not None:
        assert (between <= options["caliper"] * np.nanstd(sample.distance, ddof=1) + ROUNDING).all()
    n_uses = pairs["control"].value_counts()
    most = 1 if not options.get("replace") else options.get("reuse_max") or np.inf
    assert n_uses.max() <= most
    k = pairs.groupby("treated")["control"].transform("size")
    assert k.max() <= (options.get("max_controls") or options.get("ratio", 1))
    assert len(pairs) <= options.get("ratio", 1) * (panel.cohort > panel.periods[0]).sum()
    assert (pairs["order"] == pairs.groupby("treated").cumcount()).all()
    again = np.zeros(panel.n_firms)
    again[t] = 1
    np.add.at(again, c, 1 / k)
    own = (panel.cohort == 0) | np.isin(np.arange(panel.n_firms), t)
    np.testing.assert_allclose(sample.weight, np.where(own, again, 0.0), atol=ROUNDING)
    np.testing.assert_array_equal(sample.subclass[t], pairs["subclass"])
    assert pairs.groupby("subclass")["treated"].nunique().eq(1).all()
    alone = (n_uses.reindex(c).to_numpy() == 1) & own[c]
    np.testing.assert_array_equal(sample.subclass[c], np.where(alone, pairs["subclass"], -1))


def expect_good_cells(sample: ek.MatchedSample) -> None:
    values = sample.panel.to_frame()
    values = values.assign(subclass=sample.subclass, weight=sample.weight, treated=sample.panel.cohort > 0)
    kept = values[values["weight"] > 0]
    assert (values.loc[values["weight"] == 0, "subclass"] == -1).all()
    cells = kept.groupby("subclass")
    same = list(sample.options.get("on") or sample.options.get("exact", ()))
    for name in same:
        assert cells[name].nunique().eq(1).all()
    mass = kept.pivot_table(index="subclass", columns="treated", values="weight", aggfunc="sum")
    np.testing.assert_allclose(mass[False], mass[True], atol=ROUNDING * len(kept))
    assert list(mass.index) == list(range(len(mass)))
    if same:
        assert cells[same].first().apply(tuple, axis=1).is_monotonic_increasing


def test_sample_is_good(case: tuple[str, dict]) -> None:
    name, options = case
    expect_good_sample(ek.match(firms.panel(firms.frame()), name, seed=3, **options))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(n=st.integers(4, 60), seed=st.integers(0, 10_000), grid=st.sampled_from([0.5, 1.0, None]))
def test_small_panels_give_a_good_sample_or_a_refusal(
    case: tuple[str, dict], n: int, seed: int, grid: float | None
) -> None:
    name, options = case
    table = firms.frame(n, seed)
    if grid:
        table["size"] = (table["size"] / grid).round()
    try:
        sample = ek.match(firms.panel(table), name, seed=seed, **options)
    except ek.EvalkitError as refusal:
        if refusal.exit_code != 4:
            raise
    else:
        expect_good_sample(sample)


def test_firms_with_missing_values_and_odd_cohorts_are_dropped_with_a_reason(case: tuple[str, dict]) -> None:
    name, options = case
    table = firms.frame(300)
    table.loc[::17, "size"] = np.nan
    table.loc[5::19, "industry"] = None
    table["g"] = np.where(table.index % 23 == 1, 2011, np.where(table.index % 29 == 2, 2030, table["g"]))
    sample = ek.match(firms.panel(table), name, **options)
    expect_good_sample(sample)
    if name != "none":
        assert set(sample.reason[sample.panel.cohort == 2011]) == {"always_treated"}
        assert set(sample.reason[sample.panel.cohort == 2030]) == {"treated_after_window"}
        used = [*(sample.options.get("on") or sample.options["covariates"]), *sample.options.get("exact", ())]
        lacking = sample.panel.to_frame()[used].isna().any(axis=1).to_numpy()
        eligible = ~np.isin(sample.panel.cohort, [2011, 2030])
        np.testing.assert_array_equal(sample.reason[eligible] == "missing_covariate", lacking[eligible])
    else:
        assert set(sample.reason) == {KEPT}


def expect_same(a: ek.MatchedSample, b: ek.MatchedSample) -> None:
    for name in ("weight", "subclass", "distance", "reason"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    assert a.pairs.equals(b.pairs)
    assert a.sets is b.sets or (a.sets is not None and b.sets is not None and a.sets.equals(b.sets))
    assert (a.method, a.options, a.estimand, a.notes) == (b.method, b.options, b.estimand, b.notes)


def test_row_order_and_repetition_do_not_change_a_bit(case: tuple[str, dict]) -> None:
    name, options = case
    first = ek.match(firms.panel(firms.frame()), name, seed=7, **options)
    expect_same(first, ek.match(firms.panel(firms.frame(), shuffle=5), name, seed=7, **options))


def test_labels_of_firms_do_not_matter_without_ties(case: tuple[str, dict]) -> None:
    name, options = case
    if options.get("m_order") == "random" or options.get("k2k"):
        pytest.skip("the random choice is a function of the firm ids")
    table = firms.frame()
    other = table.assign(firm="other-" + table["firm"])
    expect_same(ek.match(firms.panel(table), name, **options), ek.match(firms.panel(other), name, **options))


def test_sample_survives_saving(case: tuple[str, dict], tmp_path: Path) -> None:
    name, options = case
    sample = ek.match(firms.panel(firms.frame()), name, **options)
    sample.save(tmp_path)
    back = ek.MatchedSample.load(tmp_path, sample.panel)
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in sample.options.items()}
    expect_same(dataclasses.replace(sample, options=plain), back)


@pytest.mark.parametrize("name", MATCHERS)
@pytest.mark.parametrize("cohort", [0, 2030])
def test_no_treated_firm_is_refused(name: str, cohort: int) -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(firms.frame(40).assign(g=cohort)), name)
    assert (caught.value.code, caught.value.exit_code) == ("E_NO_TREATED", 4)


@pytest.mark.parametrize("name", MATCHERS)
def test_options_are_described(name: str) -> None:
    about = methods.describe("matching", name)
    assert about.summary.endswith(".")
    assert about.reference
    assert all(option.text for option in about.options)


def test_panel_on_disk_gives_the_same_sample(case: tuple[str, dict], tmp_path: Path) -> None:
    name, options = case
    panel = firms.panel(firms.frame(300).assign(region=lambda t: t["region"].where(t.index % 31 > 0)))
    panel.save(tmp_path)
    expect_same(ek.match(panel, name, **options), ek.match(ek.Panel.load(tmp_path), name, **options))


def test_panel_is_not_changed(case: tuple[str, dict]) -> None:
    name, options = case
    panel = firms.panel(firms.frame())
    before = panel.to_frame()
    ek.match(panel, name, **options)
    pd.testing.assert_frame_equal(panel.to_frame(), before)
