import numpy as np
import pytest

import evalkit as ek
import firms


@pytest.mark.parametrize("model", ["logit", "probit"])
def test_classes_and_weights_are_the_formula(model: str) -> None:
    sample = ek.match(firms.panel(firms.frame(800)), "subclass", subclass=4, model=model)
    treated, score = sample.panel.cohort > 0, sample.distance
    cut = np.quantile(score[treated], [0.25, 0.5, 0.75])
    np.testing.assert_array_equal(sample.subclass, (score[:, None] >= cut).sum(axis=1))
    for number in range(4):
        own = sample.subclass == number
        expected = (own & treated).sum() / (own & ~treated).sum()
        np.testing.assert_allclose(sample.weight[own & ~treated], expected, rtol=1e-15)
    assert (sample.estimand, sample.n_treated, sample.pairs.num_rows) == ("att", treated.sum(), 0)


def test_more_classes_balance_better() -> None:
    panel = firms.panel(firms.frame(3000))
    worst = [
        max(abs(row["smd_after"]) for row in ek.check(ek.match(panel, "subclass", subclass=k), (), "balance").rows)
        for k in (2, 20)
    ]
    assert worst[1] < worst[0] / 2


def test_classes_without_a_group_are_filled_or_dropped() -> None:
    """Treated firms with large sizes: few controls in the highest class."""
    table = firms.frame(400, seed=4)
    chance = 1 / (1 + np.exp(6 - 2.5 * (table["size"] - 2)))
    table["g"] = np.where(np.random.default_rng(1).random(400) < chance, 2013, 0)
    panel = firms.panel(table, ("size",))
    treated = panel.cohort > 0
    dropped = ek.match(panel, "subclass", subclass=40, min_n=0)
    assert dropped.estimand == "att_matched"
    assert set(dropped.reason[treated & (dropped.weight == 0)]) == {"no_control_in_cell"}
    filled = ek.match(panel, "subclass", subclass=40)
    assert filled.estimand == "att"
    assert np.bincount(filled.subclass[~treated]).min() >= 1
    assert (filled.weight > 0).all()


def test_firms_outside_the_support_are_dropped_and_noted() -> None:
    panel = firms.panel(firms.frame(400))
    everyone = ek.match(panel, "subclass")
    treated, score = panel.cohort > 0, everyone.distance
    sample = ek.match(panel, "subclass", discard="control")
    out = ~treated & ((score < score[treated].min()) | (score > score[treated].max()))
    assert out.any()
    np.testing.assert_array_equal(sample.reason == "outside_support", out)
    assert sample.notes == (f"outside_support:{out.sum()}",)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"subclass": 1}, "E_OPTION"),
        ({"min_n": -1}, "E_OPTION"),
        ({"subclass": 300}, "E_TOO_FEW_TREATED"),
        ({"covariates": ("y",)}, "E_ROLE"),
        ({"covariates": ("sise",)}, "E_UNKNOWN_NAME"),
    ],
)
def test_impossible_options_are_refused(options: dict, code: str) -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(firms.frame()), "subclass", **options)
    assert caught.value.code == code


def test_too_few_controls_are_refused() -> None:
    table = firms.frame(60)
    table["g"] = np.where(table.index % 12 > 0, 2013, 0)
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(table, ("size",)), "subclass")
    assert caught.value.code == "E_TOO_FEW_CONTROLS"
