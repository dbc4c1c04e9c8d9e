import numpy as np
import pytest

import evalkit as ek
import firms
from evalkit.matching.entropy import powers
from evalkit.stats.covariates import Covariate
from evalkit.stats.tilting import BALANCED_BELOW

NUMBERS = ("size", "growth", "debt")


def means(sample: ek.MatchedSample, power: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means of standardised numbers to a power, and of shares of levels; treated, then controls."""
    frame = sample.panel.to_frame()
    columns = [((frame[n] - frame[n].mean()) / frame[n].std()) ** power for n in NUMBERS]
    columns += [frame[c] == level for c in ("industry", "region") for level in sorted(frame[c].unique())]
    x, treated = np.column_stack(columns).astype(float), sample.panel.cohort > 0
    found = [np.average(x[group], axis=0, weights=sample.weight[group]) for group in (treated, ~treated)]
    return found[0], found[1]


@pytest.mark.parametrize("moments", [1, 2, 3])
def test_moments_balance_and_no_others(moments: int) -> None:
    sample = ek.match(firms.panel(firms.frame(900)), "entropy", moments=moments)
    for power in (1, 2, 3):
        treated, control = means(sample, power)
        worst = np.abs(treated - control).max()
        assert worst < BALANCED_BELOW if power <= moments else worst > 1e-3
    control = sample.panel.cohort == 0
    assert sample.weight[control].sum() == pytest.approx(sample.n_treated, rel=1e-12)
    assert (sample.weight[~control] == 1).all()


def test_everything_balances_in_each_cell() -> None:
    sample = ek.match(firms.panel(firms.frame(900)), "entropy", exact=("industry",), covariates=("size", "growth"))
    frame = sample.panel.to_frame().assign(w=sample.weight, treated=sample.panel.cohort > 0)
    for _, cell in frame.groupby("industry"):
        treated, control = cell[cell["treated"]], cell[~cell["treated"]]
        assert control["w"].sum() == pytest.approx(len(treated), rel=1e-12)
        for name in ("size", "growth"):
            gap = np.average(control[name], weights=control["w"]) - treated[name].mean()
            assert abs(gap) < BALANCED_BELOW * frame[name].std()


def test_levels_of_one_group_within_a_cell_are_dropped_with_a_reason() -> None:
    table = firms.frame(900)
    alone = (table["industry"] == "I1") & (table["region"] == "R2")
    table = table[~(alone & (table["g"] == 0))]
    panel = firms.panel(table)
    sample = ek.match(panel, "entropy", exact=("industry",), covariates=("size", "region"))
    frame = panel.to_frame()
    gone = ((frame["industry"] == "I1") & (frame["region"] == "R2")).to_numpy()
    assert set(sample.reason[gone]) == {"no_control_in_cell"}
    assert set(sample.reason[~gone]) == {""}
    assert sample.estimand == "att_matched"
    assert sample.notes == ("one_sided_level:region",)
    assert (ek.match(panel, "entropy").weight > 0).all()


def test_base_weights_are_where_the_weights_depart_from() -> None:
    """With nothing to move, weights stay proportional to the base; in general their log ratio is linear."""
    table = firms.frame(300).assign(base=lambda t: 1.0 + np.arange(len(t)) % 5)
    panel = firms.panel(table, ("size", "growth", "base"))
    sample = ek.match(panel, "entropy", covariates=("size", "growth"), base_weight="base")
    frame, control = panel.to_frame(), panel.cohort == 0
    ratio = np.log(sample.weight / frame["base"])[control]
    x = np.column_stack([np.ones(control.sum()), frame["size"][control], frame["growth"][control]])
    np.testing.assert_allclose(x @ np.linalg.lstsq(x, ratio, rcond=None)[0], ratio, atol=1e-9)
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(panel, "entropy", covariates=("size",), base_weight="growth")
    assert caught.value.code == "E_WEIGHT"


def test_constant_covariates_are_told_and_cells_without_any_are_averaged() -> None:
    table = firms.frame(300).assign(same=1.0)
    sample = ek.match(firms.panel(table, ("same", "industry")), "entropy", exact=("industry",), covariates=("same",))
    assert sample.notes == ("constant_covariate:same",)
    exact = ek.match(firms.panel(table, ("same", "industry")), "exact")
    np.testing.assert_allclose(sample.weight, exact.weight, rtol=1e-12)
    only = ek.match(firms.panel(table, ("industry",)), "entropy", exact=("industry",))
    np.testing.assert_allclose(only.weight, exact.weight, rtol=1e-12)
    assert only.notes == ()


def test_powers_stop_at_distinct_values() -> None:
    three = Covariate("three", np.tile([0.0, 1.0, 5.0], 4))
    assert [c.name for c in powers(three, 3)] == ["three", "three^2"]
    assert [c.name for c in powers(Covariate("flag", np.tile([0.0, 1.0], 4)), 3)] == ["flag"]
    assert [c.name for c in powers(Covariate("many", np.arange(9.0)), 3)] == ["many", "many^2", "many^3"]


@pytest.mark.parametrize("exact", [(), ("region",)])
def test_means_out_of_reach_are_refused(exact: tuple[str, ...]) -> None:
    table = firms.frame(300)
    table["size"] += np.where(table["g"] > 0, 8.0, 0.0) * (table["region"] == "R1")
    table["growth"] -= np.where(table["g"] > 0, 8.0, 0.0) * (table["region"] == "R1")
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(table), "entropy", exact=exact, covariates=("size", "growth"))
    assert caught.value.code == "E_NO_OVERLAP"
    assert "growth" in caught.value.problem
    assert ("1 of 3 cells" in caught.value.problem) == bool(exact)


def test_no_covariates_and_no_common_cell_are_refused() -> None:
    table = firms.frame(100)
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(table, ()), "entropy")
    assert caught.value.code == "E_NO_COVARIATE"
    split = table.assign(region=np.where(table["g"] > 0, "R1", "R2"))
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(split), "entropy", exact=("region",), covariates=("size",))
    assert caught.value.code == "E_NO_OVERLAP"
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(split), "entropy", covariates=("size", "region"))
    assert caught.value.code == "E_SEPARATION"


def test_weight_on_few_controls_is_refused() -> None:
    table = firms.frame(400, seed=3)
    table["size"] = np.where(table["g"] > 0, 6.0 + table["size"] / 10, table["size"])
    table.loc[np.flatnonzero(table["g"] == 0)[:4], "size"] = 6.5
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(table), "entropy", covariates=("size",))
    assert caught.value.code == "E_TOO_FEW_CONTROLS"


def test_an_outcome_must_not_choose_the_weights() -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(firms.frame(100)), "entropy", covariates=("size", "y@2011"))
    assert caught.value.code == "E_ROLE"
