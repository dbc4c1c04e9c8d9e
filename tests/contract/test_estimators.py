"""What every estimator must do. A new file in `evalkit/estimation` is tested by being there."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import evalkit as ek
import twins
from evalkit import methods
from evalkit.model.effects import COLUMNS

EXACT = 1e-10
"""Noise-free values differ from their rounding by at most 2^-35 of their range."""
SAME = 1e-9
"""Two tables whose values are rounded at slightly different units."""

ESTIMATORS = methods.names("estimation")


def surveyed(**settings: float) -> pd.DataFrame:
    """Without noise, firms of a cohort have the same level, since other firms may be seen the year after."""
    table = twins.frame(**settings)
    if settings.get("noise", 1.0):
        return table
    hit = (table["g"] > 0) & (table["year"] >= table["g"])
    return table.assign(y=table["g"] % 7 + np.sin(table["year"]) + hit * settings["effect"])


def awarded(**settings: float) -> pd.DataFrame:
    """With the amount awarded in each year, from the first award on."""
    table = twins.frame(**settings)
    return table.assign(award=100.0 * ((table["g"] > 0) & (table["year"] >= table["g"])))


def grouped(**settings: float) -> pd.DataFrame:
    """Twice as many firms unless told, of two industries."""
    return twins.industries(twins.frame(**{"n": 240} | settings))


TABLES = {
    "triple": twins.triple_frame, "dose": twins.dosed_frame, "cross_sections": surveyed, "switching": awarded,
    "subgroups": grouped,
}  # fmt: skip
ROLES = {
    "triple": {"covariates": ("eligible",)}, "dose": {"dose": "dose"}, "switching": {"award": "award"},
    "subgroups": {"covariates": ("industry",)},
}  # fmt: skip
OPTIONS = {"triple": {"eligible": "eligible", "levels": ("yes",)}}


def frame(name: str, **settings: float) -> pd.DataFrame:
    return TABLES.get(name, twins.frame)(**settings)


def panel(name: str, table: pd.DataFrame) -> ek.Panel:
    table = table.assign(y=np.exp(table["y"])) if name == "ratio" else table
    return twins.panel(table, **ROLES.get(name, {}))


def estimate(name: str, sample: ek.MatchedSample) -> ek.Effects:
    return ek.estimate(sample, name, **OPTIONS.get(name, {}))


def effects(name: str, table: pd.DataFrame) -> ek.Effects:
    return estimate(name, twins.sample(panel(name, table)))


@pytest.fixture(params=ESTIMATORS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[name for name in ESTIMATORS if name != "ratio"])
def additive(request: pytest.FixtureRequest) -> str:
    """Estimators of differences; growth factors have invariances of their own."""
    return request.param


def test_effects_have_the_one_shape(name: str) -> None:
    found = effects(name, frame(name, missing=0.1))
    table = found.table
    assert tuple(table.columns) == COLUMNS
    assert found.vcov.shape == (len(table), len(table))
    np.testing.assert_allclose(found.vcov, found.vcov.T)
    np.testing.assert_allclose(np.sqrt(np.diag(found.vcov)), table["std_error"])
    assert np.linalg.eigvalsh(found.vcov).min() > -EXACT
    assert (table["conf_low"] < table["estimate"]).all()
    assert (table["estimate"] < table["conf_high"]).all()
    assert table[["n_treated", "n_control"]].gt(0).all(axis=None)
    assert found.method == name
    assert set(table["estimand"]) == {"att"}
    assert set(found.baseline) == {"y"}


@pytest.mark.parametrize("effect", [0.5, 0.0])
@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_planted_effect_is_recovered_without_noise(name: str, effect: float, missing: float) -> None:
    found = effects(name, frame(name, noise=0.0, effect=effect, missing=missing))
    if found.table["event_time"].notna().all():
        found = ek.aggregate(found, "event_time")
    before = (found.table["event_time"] < 0).fillna(False).to_numpy(dtype=bool)
    assert not before.all()
    np.testing.assert_allclose(found.table.loc[~before, "estimate"], effect, atol=EXACT)
    np.testing.assert_allclose(found.table.loc[before, "estimate"], 0.0, atol=EXACT)


def test_overall_effect_is_near_the_truth_with_noise(additive: str) -> None:
    overall = ek.aggregate(effects(additive, frame(additive, n=1500, noise=0.3, seed=4))).table.iloc[0]
    assert abs(overall["estimate"] - 0.5) < 4 * overall["std_error"]
    assert overall["std_error"] < 0.05


def test_row_order_and_labels_do_not_change_a_bit(name: str) -> None:
    table = frame(name, missing=0.1)
    shuffled = table.sample(frac=1, random_state=3)
    relabelled = table.assign(firm=table["firm"].map(lambda f: f"Z{99999 - int(f[1:])}"))
    first = effects(name, table)
    for other in (shuffled, relabelled):
        second = effects(name, other)
        pd.testing.assert_frame_equal(first.table, second.table, check_exact=True)
        assert first.vcov.tobytes() == second.vcov.tobytes()


def test_blas_is_held_at_one_thread(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of floats in an estimator then have one order, whatever the number of cores."""
    method, seen = type(methods.build("estimation", name, OPTIONS.get(name, {}))), []
    plain = method.estimate

    def watched(self: object, sample: ek.MatchedSample) -> ek.Effects:
        seen.extend(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")
        return plain(self, sample)

    monkeypatch.setattr(method, "estimate", watched)
    with threadpool_limits(2, "blas"):
        effects(name, frame(name))
    assert set(seen) == {1}


def test_firm_and_year_constants_do_not_matter(additive: str) -> None:
    if additive in ("lagged_outcome", "cross_sections"):
        pytest.skip("a firm's constant matters where levels are compared")
    table = frame(additive, missing=0.1)
    code = table["firm"].str[1:].astype(int)
    moved = table.assign(y=table["y"] + code % 7 + 3 * np.cos(table["year"]))
    first, second = effects(additive, table).table, effects(additive, moved).table
    np.testing.assert_allclose(first["estimate"], second["estimate"], atol=SAME)
    np.testing.assert_allclose(first["std_error"], second["std_error"], atol=SAME)


def test_scaling_the_outcome_scales_the_effect(additive: str) -> None:
    table = frame(additive, missing=0.1)
    first, second = effects(additive, table).table, effects(additive, table.assign(y=table["y"] * 1024)).table
    np.testing.assert_allclose(second["estimate"], first["estimate"] * 1024, rtol=EXACT)
    np.testing.assert_allclose(second["std_error"], first["std_error"] * 1024, rtol=EXACT)


def test_firms_of_no_weight_do_not_matter(name: str) -> None:
    table = frame(name, missing=0.1)
    p = panel(name, table)
    drop = (p.cohort == 0) & (np.arange(p.n_firms) % 3 == 0)
    kept = table[~table["firm"].isin(np.array(p.firm.to_pylist())[drop])]
    weighted = estimate(name, twins.sample(p, np.where(drop, 0.0, 1.0))).table
    np.testing.assert_allclose(weighted["estimate"], effects(name, kept).table["estimate"], atol=SAME)
    assert weighted["n_control"].tolist() == effects(name, kept).table["n_control"].tolist()


def test_the_estimand_is_the_samples(name: str) -> None:
    s = dataclasses.replace(twins.sample(panel(name, frame(name))), estimand="att_matched")
    assert set(estimate(name, s).table["estimand"]) == {"att_matched"}


def test_shifting_all_years_shifts_only_the_labels(name: str) -> None:
    table = frame(name, missing=0.1)
    later = table.assign(year=table["year"] + 10, g=table["g"].where(table["g"] == 0, table["g"] + 10))
    first, second = effects(name, table), effects(name, later)
    assert first.table["estimate"].tolist() == second.table["estimate"].tolist()
    assert first.vcov.tobytes() == second.vcov.tobytes()


def test_cloning_all_firms_halves_the_variance(name: str) -> None:
    table = frame(name, n=400)
    twice = pd.concat([table, table.assign(firm="C" + table["firm"])])
    first, second = effects(name, table).table, effects(name, twice).table
    np.testing.assert_allclose(first["estimate"], second["estimate"], atol=SAME)
    ratio = second["std_error"] / first["std_error"] * np.sqrt(2)
    small_sample = 0.01
    assert (ratio - 1).abs().max() < small_sample


def test_the_callers_table_is_not_changed(name: str) -> None:
    table = frame(name, missing=0.1)
    before = table.copy()
    effects(name, table)
    pd.testing.assert_frame_equal(table, before)


def test_saved_effects_come_back_the_same(name: str, tmp_path) -> None:
    found = effects(name, frame(name, missing=0.1))
    found.save(tmp_path)
    back = ek.Effects.load(tmp_path)
    pd.testing.assert_frame_equal(found.table, back.table, check_exact=True)
    assert back.vcov.tobytes() == found.vcov.tobytes()
    pd.testing.assert_frame_equal(ek.aggregate(found).table, ek.aggregate(back).table, check_exact=True)


def test_method_describes_itself(name: str) -> None:
    description = methods.describe("estimation", name)
    assert description.summary
    assert description.reference
    assert all(option.text for option in description.options)
