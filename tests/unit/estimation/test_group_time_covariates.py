"""Group-time effects with covariates against dense influence functions, invariances and refusals."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import drdid_twin
import evalkit as ek
import twins
from evalkit.errors import DesignError, EstimationError, ManyErrors, StudyError, UnknownNameError

TWIN = 1e-10
"""Both solve the same equations to rounding; Newton leaves the square of 1e-5."""
SAME = 1e-12
"""The same arithmetic on the same numbers in another order."""
ADJUSTMENTS = ("regression", "ipw", "doubly_robust")


def panel(table: pd.DataFrame, **roles: object) -> ek.Panel:
    return twins.panel(table, covariates=drdid_twin.COVARIATES, **roles)


def effects(table: pd.DataFrame, adjustment: str = "doubly_robust", **options: object) -> ek.Effects:
    return ek.estimate(twins.sample(panel(table)), "group_time", adjustment=adjustment, **options)


def assert_same(first: ek.Effects, second: ek.Effects, scale: float = 1.0) -> None:
    np.testing.assert_allclose(second.table["estimate"], first.table["estimate"] * scale, rtol=1e-9, atol=SAME * scale)
    np.testing.assert_allclose(second.vcov, first.vcov * scale**2, rtol=1e-9, atol=SAME * scale**2)


@pytest.mark.parametrize("adjustment", ADJUSTMENTS)
@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize(("base", "anticipation"), [("varying", 0), ("universal", 0), ("varying", 1)])
@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_equals_twin(adjustment: str, comparison: str, base: str, anticipation: int, missing: float) -> None:
    table = drdid_twin.frame(missing=missing)
    found = ek.estimate(
        twins.sample(panel(table, anticipation=anticipation)), "group_time", adjustment=adjustment,
        comparison=comparison, base=base,
    )  # fmt: skip
    cells, estimate, psi = drdid_twin.group_time(table, adjustment, comparison, base, anticipation)
    assert found.table[["cohort", "year"]].astype(int).to_numpy().tolist() == cells.to_numpy().tolist()
    np.testing.assert_allclose(psi.sum(axis=0), 0.0, atol=TWIN)
    np.testing.assert_allclose(found.table["estimate"], estimate, atol=TWIN)
    np.testing.assert_allclose(found.vcov, psi.T @ psi, atol=TWIN)


@pytest.mark.parametrize("adjustment", ADJUSTMENTS)
def test_weights_are_carried_through(adjustment: str) -> None:
    table = drdid_twin.frame(missing=0.1)
    p = panel(table)
    weight = np.random.default_rng(5).choice([0.0, 0.5, 1.0, 3.0], p.n_firms)
    found = ek.estimate(twins.sample(p, weight), "group_time", adjustment=adjustment)
    known = dict(zip(p.firm.to_pylist(), weight, strict=True))
    _, estimate, psi = drdid_twin.group_time(table, adjustment, weight=known)
    np.testing.assert_allclose(found.table["estimate"], estimate, atol=TWIN)
    np.testing.assert_allclose(found.vcov, psi.T @ psi, atol=TWIN)


@pytest.mark.parametrize("by", ["overall", "event_time", "cohort", "year"])
def test_aggregates_count_the_error_of_cohort_shares(by: str) -> None:
    table = drdid_twin.frame()
    cells, estimate, psi = drdid_twin.group_time(table, "doubly_robust", "not_yet_treated")
    found = ek.aggregate(effects(table, comparison="not_yet_treated"), by)
    cohort_of = table.groupby("firm")["g"].first().to_numpy()
    event = (cells["year"] - cells["cohort"]).to_numpy()
    label = {"overall": event * 0, "event_time": event, "cohort": cells["cohort"], "year": cells["year"]}[by]
    use = np.ones(len(cells), bool) if by == "event_time" else event >= 0
    for row, level in enumerate(sorted(set(np.asarray(label)[use]))):
        members = np.flatnonzero(use & (np.asarray(label) == level))
        is_member = np.array([cohort_of == cells["cohort"][k] for k in members]).T.astype(float)
        mass = is_member.sum(axis=0)
        mean = mass @ estimate[members] / mass.sum()
        whole = psi[:, members] @ mass / mass.sum() + is_member @ (estimate[members] - mean) / mass.sum()
        assert found.table["estimate"][row] == pytest.approx(mean, abs=TWIN)
        assert found.table["std_error"][row] == pytest.approx(np.sqrt(whole @ whole), abs=TWIN)


def test_clusters_above_the_firm() -> None:
    """Peers took clusters in another order than influence values on unbalanced panels, and said nothing."""
    table = drdid_twin.frame(missing=0.15)
    table["town"] = table["firm"].str[-2:].astype(int).mod(23).map("T{:02d}".format)
    table = table.sample(frac=1, random_state=1)
    asked = twins.corrected(panel(table, clusters=["town"]), "cr1")
    found = ek.estimate(twins.sample(asked), "group_time", adjustment="doubly_robust")
    _, _, psi = drdid_twin.group_time(table, "doubly_robust")
    town = table.groupby("firm")["town"].first()
    sums = pd.DataFrame(psi).groupby(town.to_numpy()).sum().to_numpy()
    np.testing.assert_allclose(found.vcov, sums.T @ sums, atol=TWIN)


def test_clusters_in_two_ways() -> None:
    table = drdid_twin.frame()
    number = table["firm"].str[1:].astype(int)
    table["town"], table["group"] = number.mod(23).map("T{}".format), number.mod(7).map("G{}".format)
    found = ek.estimate(twins.sample(panel(table, clusters=["town", "group"])), "group_time", adjustment="regression")
    _, _, psi = drdid_twin.group_time(table, "regression")
    keys = table.groupby("firm")[["town", "group"]].first()
    both = keys["town"] + keys["group"]
    parts = [pd.DataFrame(psi).groupby(k.to_numpy()).sum().to_numpy() for k in (keys["town"], keys["group"], both)]
    vcov = parts[0].T @ parts[0] + parts[1].T @ parts[1] - parts[2].T @ parts[2]
    size, axes = np.linalg.eigh(vcov)
    np.testing.assert_allclose(found.vcov, (axes * np.maximum(size, 0.0)) @ axes.T, atol=TWIN)


def test_two_outcomes_have_their_joint_covariance() -> None:
    table = drdid_twin.frame()
    table["z"] = table["y"] * 0.5 + np.random.default_rng(8).normal(0, 1, len(table))
    table.loc[np.random.default_rng(9).random(len(table)) < 0.1, "z"] = np.nan
    p = twins.panel(table, ("y", "z"), covariates=drdid_twin.COVARIATES)
    found = ek.estimate(twins.sample(p), "group_time", adjustment="doubly_robust")
    psi = [drdid_twin.group_time(t, "doubly_robust")[2] for t in (table, table.assign(y=table["z"]))]
    np.testing.assert_allclose(found.vcov, np.hstack(psi).T @ np.hstack(psi), atol=TWIN)


def test_without_covariates_it_is_the_plain_estimate() -> None:
    table = drdid_twin.frame(missing=0.1)
    plain = ek.estimate(twins.sample(twins.panel(table)), "group_time")
    bare = ek.estimate(twins.sample(twins.panel(table)), "group_time", adjustment="doubly_robust")
    pd.testing.assert_frame_equal(plain.table, bare.table, check_exact=True)
    assert plain.vcov.tobytes() == bare.vcov.tobytes()


@pytest.mark.parametrize("adjustment", ADJUSTMENTS)
def test_a_covariate_that_says_nothing_changes_nothing(adjustment: str) -> None:
    """A covariate with equal distributions in all cohorts, unrelated to outcomes by construction: pairs of firms."""
    table = twins.frame(n=200)
    twice = pd.concat([table.assign(side=1.0), table.assign(side=-1.0, firm="C" + table["firm"])])
    p = twins.panel(twice, covariates=["side"])
    found = ek.estimate(twins.sample(p), "group_time", adjustment=adjustment).table
    plain = ek.estimate(twins.sample(p), "group_time").table
    np.testing.assert_allclose(found["estimate"], plain["estimate"], atol=TWIN)


@pytest.mark.parametrize("adjustment", ADJUSTMENTS)
def test_planted_effect_is_recovered_where_trends_depend_on_covariates(adjustment: str) -> None:
    found = effects(drdid_twin.frame(noise=0.0, effect=0.5), adjustment).table
    after = (found["event_time"] >= 0).to_numpy(dtype=bool)
    near = 1e-10 if adjustment != "ipw" else 0.05
    np.testing.assert_allclose(found.loc[after, "estimate"], 0.5, atol=near)
    np.testing.assert_allclose(found.loc[~after, "estimate"], 0.0, atol=near)
    plain = effects(drdid_twin.frame(noise=0.0, effect=0.5), "none").table.loc[after, "estimate"]
    assert np.abs(plain - 0.5).max() > near


@pytest.mark.parametrize("adjustment", ADJUSTMENTS)
@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_invariances(adjustment: str, missing: float) -> None:
    table = drdid_twin.frame(missing=missing)
    first = effects(table, adjustment)
    code = table["firm"].str[1:].astype(int)
    assert_same(first, effects(table.assign(firm=table["firm"].map(lambda f: f"Z{99999 - int(f[1:])}")), adjustment))
    assert_same(first, effects(table.assign(y=table["y"] + code % 7 + 3 * np.cos(table["year"])), adjustment))
    assert_same(first, effects(table.assign(y=table["y"] * 1024), adjustment), 1024)
    assert_same(first, effects(table.assign(size=1e6 - 1e3 * table["size"]), adjustment))
    assert_same(
        first, effects(table.assign(industry=table["industry"].map({"A": "z", "B": "y", "C": "x"})), adjustment)
    )


def test_row_order_and_threads_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    table = drdid_twin.frame(missing=0.1)
    monkeypatch.setattr("evalkit.model.store.BLOCK_FIRMS", 64)
    monkeypatch.setattr("evalkit.engine.local.BLOCK_FIRMS", 64)
    monkeypatch.setenv("EVALKIT_THREADS", "1")
    first = effects(table)
    monkeypatch.setenv("EVALKIT_THREADS", "3")
    second = effects(table.sample(frac=1, random_state=3))
    pd.testing.assert_frame_equal(first.table, second.table, check_exact=True)
    assert first.vcov.tobytes() == second.vcov.tobytes()


def test_blocks_and_the_thin_start_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    table = drdid_twin.frame(n=1200, missing=0.05)
    whole = effects(table)
    monkeypatch.setattr("evalkit.model.store.BLOCK_FIRMS", 100)
    monkeypatch.setattr("evalkit.engine.local.BLOCK_FIRMS", 100)
    monkeypatch.setattr("evalkit.stats.scratch.CHUNK", 32)
    monkeypatch.setattr("evalkit.stats.logits.MANY_FIRMS", 1000)
    monkeypatch.setattr("evalkit.stats.logits.THIN", 3)
    cut = effects(table)
    np.testing.assert_allclose(cut.table["estimate"], whole.table["estimate"], atol=TWIN)
    np.testing.assert_allclose(cut.vcov, whole.vcov, atol=TWIN)


def test_a_stored_panel_gives_the_same(tmp_path) -> None:
    for missing in (0.0, 0.1):
        p = panel(drdid_twin.frame(missing=missing))
        folder = tmp_path / str(missing)
        p.save(folder)
        one, two = (
            ek.estimate(twins.sample(source), "group_time", adjustment="ipw") for source in (p, ek.Panel.load(folder))
        )
        assert one.vcov.tobytes() == two.vcov.tobytes()


def test_levels_in_yen_keep_their_digits() -> None:
    """Firms differ by a trillion yen; their changes by a thousandth of a million."""
    table = drdid_twin.frame()
    near = effects(table).table
    size = 1e9 * np.exp(table["firm"].str[1:].astype(int) % 8)
    far = effects(table.assign(y=table["y"] * 2**10 + np.rint(size))).table
    np.testing.assert_allclose(far["estimate"], near["estimate"] * 2**10, rtol=1e-6)


def test_only_firms_observed_throughout() -> None:
    table = drdid_twin.frame(missing=0.05)
    whole = table[table.groupby("firm")["year"].transform("size") == table["year"].nunique()]
    n_lost = table["firm"].nunique() - whole["firm"].nunique()
    for adjustment in ("none", "doubly_robust"):
        found, kept = effects(table, adjustment, balanced_only=True), effects(whole, adjustment)
        np.testing.assert_allclose(found.table["estimate"], kept.table["estimate"], atol=1e-9)
        assert found.table["n_control"].tolist() == kept.table["n_control"].tolist()
        assert f"not_balanced:{n_lost}" in found.notes


def test_firms_without_a_covariate_are_left_out_and_counted() -> None:
    table = drdid_twin.frame()
    lack = table["firm"].isin(table["firm"].unique()[:9])
    found = effects(table.assign(size=table["size"].where(~lack)))
    assert found.notes[0] == "missing_covariate:9"
    np.testing.assert_allclose(found.table["estimate"], effects(table[~lack]).table["estimate"], atol=SAME)


def test_a_constant_covariate_is_named() -> None:
    table = drdid_twin.frame().assign(growth=2.0)
    found = effects(table)
    assert "constant_regressor:growth" in found.notes
    assert_same(effects(table, covariates=["size", "industry"]), found)


def test_counts_are_distinct_firms() -> None:
    table = drdid_twin.frame(missing=0.1)
    pd.testing.assert_frame_equal(
        effects(table).table[["n_treated", "n_control"]], effects(table, "none").table[["n_treated", "n_control"]]
    )


def test_growth_has_no_first_period() -> None:
    table = drdid_twin.frame()
    table["y"] = np.exp(table["y"])
    p = twins.panel(table, covariates=["size"])
    p = dataclasses.replace(p, outcomes=(p.outcomes[0].model_copy(update={"transform": "growth"}),))
    found = ek.estimate(twins.sample(p), "group_time", adjustment="regression")
    change = table.assign(y=np.log(table["y"]).groupby(table["firm"]).diff())[lambda t: t["y"].notna()]
    assert_same(
        ek.estimate(twins.sample(twins.panel(change, covariates=["size"])), "group_time", adjustment="regression"),
        found,
    )


def test_a_level_that_a_cohort_does_not_have_gets_no_weight() -> None:
    """The limit of the logit's estimate, which does not exist there; the regression still uses the firms."""
    table = drdid_twin.frame(n=400)
    alone = table["firm"].str[1:].astype(int) % 10 == 0
    table.loc[alone & (table["g"] == 0), "industry"] = "D"
    table = table[~((table["industry"] == "D") & (table["g"] > 0))]
    for adjustment in ADJUSTMENTS:
        _, estimate, psi = drdid_twin.group_time(table, adjustment)
        found = effects(table, adjustment)
        np.testing.assert_allclose(found.table["estimate"], estimate, atol=TWIN)
        np.testing.assert_allclose(found.vcov, psi.T @ psi, atol=TWIN)
        other = effects(table.assign(industry=table["industry"].replace("D", "0")), adjustment)
        assert_same(found, other)


def test_a_level_without_comparison_firms_is_refused_by_name() -> None:
    table = drdid_twin.frame()
    table.loc[(table["g"] == 2013) & (table["firm"].str[-1] == "7"), "industry"] = "D"
    with pytest.raises(DesignError) as caught:
        effects(table)
    assert caught.value.code == "E_NO_OVERLAP"
    assert "industry" in str(caught.value)
    assert "2013" in str(caught.value)


def test_separated_cohorts_are_all_refused_by_name() -> None:
    table = drdid_twin.frame()
    apart = table["g"].isin([2013, 2014])
    table.loc[apart, "size"] = 9.0 + table.loc[apart, "size"].abs()
    with pytest.raises(ManyErrors) as caught:
        effects(table, "ipw")
    assert [e.code for e in caught.value.exceptions] == ["E_SEPARATION"] * 2
    assert "size" in str(caught.value.exceptions[0])


def test_firms_unlike_any_comparison_firm_are_refused() -> None:
    table = drdid_twin.frame(n=600)
    odd = (table["g"] == 2013) & (table["firm"].str[-2:].isin(["07", "57"]))
    table.loc[odd, "size"] = 60.0
    with pytest.raises(DesignError) as caught:
        effects(table, covariates=["size"])
    assert caught.value.code == "E_NO_OVERLAP"


def test_comparison_firms_with_high_scores_are_trimmed_and_counted() -> None:
    table = drdid_twin.frame(n=600)
    table["size"] += 1.5 * (table["g"] == 2013)
    found = effects(table, max_score=0.6)
    _, estimate, psi = drdid_twin.group_time(table, "doubly_robust", trim=0.6)
    np.testing.assert_allclose(found.table["estimate"], estimate, atol=TWIN)
    np.testing.assert_allclose(found.vcov, psi.T @ psi, atol=TWIN)
    (note,) = [n for n in found.notes if n.startswith("trimmed_controls:")]
    assert int(note.split(":")[1]) > 0
    assert np.abs(found.table["estimate"] - effects(table, max_score=1.0).table["estimate"]).max() > TWIN


def test_collinear_covariates_are_refused() -> None:
    table = drdid_twin.frame().assign(twice=lambda t: 2 * t["size"])
    p = twins.panel(table, covariates=["size", "twice"])
    with pytest.raises(DesignError) as caught:
        ek.estimate(twins.sample(p), "group_time", adjustment="regression")
    assert caught.value.code == "E_COLLINEAR"


def test_a_covariate_constant_among_comparison_firms_is_refused() -> None:
    table = drdid_twin.frame()
    table["size"] = table["size"].where(table["g"] > 0, 0.5)
    with pytest.raises(DesignError) as caught:
        effects(table, "regression")
    assert caught.value.code == "E_COLLINEAR"
    assert "size" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"covariates": ["size"]}, StudyError), ({"adjustment": "ipw", "max_score": 0.4}, StudyError),
        ({"adjustment": "ipw", "covariates": ["nothing"]}, UnknownNameError),
        ({"adjustment": "ipw", "covariates": ["y"]}, UnknownNameError),
    ],
)  # fmt: skip
def test_options_that_contradict_are_refused(options: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        ek.estimate(twins.sample(panel(drdid_twin.frame())), "group_time", **options)


def test_negative_weights_are_refused() -> None:
    p = panel(drdid_twin.frame())
    with pytest.raises(EstimationError) as caught:
        ek.estimate(twins.sample(p, np.full(p.n_firms, -1.0)), "group_time", adjustment="ipw")
    assert caught.value.code == "E_WEIGHT"
