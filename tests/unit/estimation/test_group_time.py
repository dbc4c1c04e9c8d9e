"""Group-time effects against a twin that loops over firms."""

import numpy as np
import pytest

import evalkit as ek
import twins
from evalkit.errors import DesignError

TWIN = 1e-9
"""Values are rounded once at 2^-35 of their range; everything else is the same arithmetic."""


@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize("base", ["varying", "universal"])
@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize("anticipation", [0, 1])
def test_equals_twin(comparison: str, base: str, missing: float, anticipation: int) -> None:
    table = twins.frame(missing=missing, growth=0.1)
    effects = ek.estimate(
        twins.sample(twins.panel(table, anticipation=anticipation)), "group_time", comparison=comparison, base=base
    )
    cells, estimate, psi = twins.group_time(table, comparison, base, anticipation)
    assert effects.table[["cohort", "year"]].astype(int).to_numpy().tolist() == cells.to_numpy().tolist()
    np.testing.assert_allclose(effects.table["estimate"], estimate, atol=TWIN)
    np.testing.assert_allclose(effects.vcov, psi.T @ psi, atol=TWIN)


def test_weights_are_carried_through() -> None:
    table = twins.frame(missing=0.1)
    p = twins.panel(table)
    weight = np.random.default_rng(5).choice([0.0, 0.5, 1.0, 3.0], p.n_firms)
    weight[p.cohort > 0] = 1.0
    effects = ek.estimate(twins.sample(p, weight), "group_time")
    _, estimate, psi = twins.group_time(table, weight=dict(zip(p.firm.to_pylist(), weight, strict=True)))
    np.testing.assert_allclose(effects.table["estimate"], estimate, atol=TWIN)
    np.testing.assert_allclose(effects.vcov, psi.T @ psi, atol=TWIN)


def test_two_outcomes_have_their_joint_covariance() -> None:
    table = twins.frame(missing=0.1)
    rng = np.random.default_rng(8)
    table["z"] = table["y"] * 0.5 + rng.normal(0, 1, len(table))
    table.loc[rng.random(len(table)) < 0.1, "z"] = np.nan
    effects = ek.estimate(twins.sample(twins.panel(table, ("y", "z"))), "group_time")
    psi = np.hstack([twins.group_time(table, column=c)[2] for c in ("y", "z")])
    np.testing.assert_allclose(effects.vcov, psi.T @ psi, atol=TWIN)


def test_counts_are_distinct_firms() -> None:
    table = twins.frame()
    effects = ek.estimate(twins.sample(twins.panel(table)), "group_time")
    firms = table.groupby("firm")["g"].first()
    row = effects.table.iloc[0]
    assert row["n_treated"] == (firms == row["cohort"]).sum()
    assert row["n_control"] == (firms == 0).sum()


def test_always_treated_outcomes_are_never_read() -> None:
    table = twins.frame()
    table.loc[table["firm"].isin(table["firm"].unique()[:5]), "g"] = 2011
    wild = table.copy()
    wild.loc[wild["g"] == 2011, "y"] = 1e6
    one, two = (ek.estimate(twins.sample(twins.panel(t)), "group_time") for t in (table, wild))
    assert one.notes[0] == "always_treated_dropped:5"
    np.testing.assert_allclose(one.table["estimate"], two.table["estimate"], atol=1e-4)


def test_no_comparison_firms_is_refused() -> None:
    table = twins.frame()
    table = table[table["g"] == 2013]
    with pytest.raises(DesignError) as caught:
        ek.estimate(twins.sample(twins.panel(table)), "group_time")
    assert (caught.value.code, caught.value.exit_code) == ("E_NO_CONTROL", 4)


def test_two_treated_firms_have_no_standard_error() -> None:
    table = twins.frame()
    few = table["firm"].isin(table.loc[table["g"] == 2013, "firm"].unique()[:2])
    effects = ek.estimate(twins.sample(twins.panel(table[few | (table["g"] == 0)])), "group_time")
    assert effects.table["n_treated"].eq(2).all()
    assert effects.table["estimate"].notna().all()
    assert effects.table[["std_error", "p_value", "conf_low", "conf_high"]].isna().all(axis=None)


def test_few_treated_firms_are_told() -> None:
    assert ek.estimate(twins.sample(twins.panel(twins.frame(n=60))), "group_time").notes == ("few_treated_corrected:y",)
    assert ek.estimate(twins.sample(twins.panel(twins.frame(n=200))), "group_time").notes == ()
