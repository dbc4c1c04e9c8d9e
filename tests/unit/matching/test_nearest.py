import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import firms


def code_of(table: pd.DataFrame, roles: tuple[str, ...] = firms.COVARIATES, **options: object) -> ek.EvalkitError:
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(table, roles), "nearest", **options)
    return caught.value


@pytest.mark.parametrize("distance", ["logit_score", "score"])
@pytest.mark.parametrize("cells", [(), ("industry",)])
@pytest.mark.parametrize(("ratio", "capacity"), [(1, 1), (3, 1), (3, None), (3, 2)])
@pytest.mark.parametrize("caliper", [None, 0.1])
@pytest.mark.parametrize("order", ["largest", "smallest"])
def test_pairs_equal_the_slow_twin(
    distance: str, cells: tuple[str, ...], ratio: int, capacity: int | None, caliper: float | None, order: str
) -> None:
    sample = ek.match(
        firms.panel(firms.frame()), "nearest", distance=distance, exact=cells, ratio=ratio, caliper=caliper,
        order=order, replace=capacity != 1, reuse_max=None if capacity == 1 else capacity,
    )  # fmt: skip
    score, treated = sample.distance, sample.panel.cohort > 0
    assert len(np.unique(score)) == len(score)
    industry = sample.panel.to_frame()["industry"].to_numpy()
    by_score = np.argsort(score if order == "smallest" else -score)
    wanted = firms.greedy(
        score, treated, industry if cells else np.zeros(len(score)), by_score[treated[by_score]], ratio=ratio,
        caliper=np.inf if caliper is None else caliper * score.std(ddof=1), capacity=capacity or np.inf,
    )  # fmt: skip
    found = sample.pairs.to_pandas()[["treated", "control", "order"]]
    assert [tuple(row) for row in found.to_numpy().tolist()] == wanted


def test_default_caliper_is_measured_on_the_logit() -> None:
    sample = ek.match(firms.panel(firms.frame()), "nearest")
    score = ek.match(firms.panel(firms.frame()), "nearest", distance="score").distance
    np.testing.assert_allclose(sample.distance, np.log(score / (1 - score)), rtol=1e-9)


def test_reasons_say_why_treated_firms_have_no_control() -> None:
    table = pd.DataFrame({
        "firm": [f"f{i}" for i in range(10)], "g": [2013, 2013, 2013, 2013, 0, 0, 0, 0, 0, 0],
        "x": [1.0, 1.1, 9.0, 2.0, 1.05, 0.9, 4.0, 2.0, 3.0, 2.5], "kind": list("AAABAAADDD"),
    })  # fmt: skip
    sample = ek.match(firms.panel(table, ("x", "kind")), "nearest", covariates=("x",), exact=("kind",), caliper=0.2)
    assert list(sample.reason) == [
        "", "", "outside_caliper", "no_control_in_cell", "", "", "not_matched", *["no_treated_in_cell"] * 3,
    ]  # fmt: skip
    table["x"] = [1.0, 1.0, 9.0, 2.0, 1.0, 0.5, 4.0, 3.0, 2.6, 2.5]
    sample = ek.match(firms.panel(table, ("x", "kind")), "nearest", covariates=("x",), caliper=0.05)
    assert sorted(sample.reason[:3]) == ["", "no_control_left", "outside_caliper"]


def test_ties_are_broken_by_firm_and_seed_only() -> None:
    table = firms.frame(80).assign(size=lambda t: t["size"].round(), growth=0.0)
    panels = [firms.panel(table, ("size",), shuffle=s) for s in (None, 1)]
    chosen = [[ek.match(p, "nearest", seed=seed).pairs.to_pandas() for p in panels] for seed in range(3)]
    for first, second in chosen:
        pd.testing.assert_frame_equal(first, second)
    assert not chosen[0][0]["control"].equals(chosen[1][0]["control"])


def test_random_order_follows_the_seed() -> None:
    panel = firms.panel(firms.frame())
    first, second = (ek.match(panel, "nearest", order="random", seed=s).pairs.to_pandas() for s in (1, 2))
    assert not first["control"].equals(second["control"])


def test_constant_covariate_is_left_out_and_noted() -> None:
    table = firms.frame().assign(debt=3.0, region="only")
    sample = ek.match(firms.panel(table), "nearest")
    assert sample.notes == ("constant_covariate:debt", "constant_covariate:region")
    plain = ek.match(firms.panel(table), "nearest", covariates=("size", "growth", "industry"))
    np.testing.assert_array_equal(sample.distance, plain.distance)


def test_levels_that_one_group_lacks_are_dropped_and_noted() -> None:
    table = firms.frame()
    treated = table["g"] > 0
    only_treated, only_control = table.index[treated][:2], table.index[~treated][:9]
    table.loc[only_treated, "industry"], table.loc[only_control, "industry"] = "T", "C"
    sample = ek.match(firms.panel(table), "nearest")
    assert set(sample.reason[only_treated]) == {"no_control_in_cell"}
    assert set(sample.reason[only_control]) == {"no_treated_in_cell"}
    assert sample.notes == ("one_sided_level:industry",)
    rest = table.drop([*only_treated, *only_control])
    alone = ek.match(firms.panel(rest), "nearest")
    np.testing.assert_array_equal(sample.distance[rest.index], alone.distance)


def test_reuse_is_noted() -> None:
    sample = ek.match(firms.panel(firms.frame()), "nearest", replace=True)
    most = sample.pairs.to_pandas()["control"].value_counts().max()
    assert sample.notes == (f"max_reuse:{most}",)


def test_no_control() -> None:
    assert code_of(firms.frame(40).assign(g=2013)).code == "E_NO_CONTROL"


def test_too_few_controls_names_counts_and_the_way_out() -> None:
    table = firms.frame(60)
    table["g"] = np.where(np.arange(60) < 25, 2013, 0)
    error = code_of(table, ratio=2)
    assert error.code == "E_TOO_FEW_CONTROLS"
    assert "25 treated firms x ratio 2" in error.problem
    assert "35 controls" in error.problem
    assert "replace" in error.hint


def test_no_overlap_within_the_caliper() -> None:
    table = firms.frame().assign(x=lambda t: np.where(t["g"] > 0, 1.0, 0.0) + t.index % 2 * 10)
    assert code_of(table, ("x",), caliper=1e-6).code == "E_NO_OVERLAP"


def test_separation_names_the_covariate() -> None:
    table = firms.frame()
    table["x"] = np.where(table["g"] > 0, 5.0, 1.0) + table["growth"] / 10
    error = code_of(table, ("size", "x"))
    assert error.code == "E_SEPARATION"
    assert "x separates" in error.problem
    table["x"] = np.where(table["g"] > 0, "yes", "no")
    error = code_of(table, ("size", "x"))
    assert error.code == "E_SEPARATION"
    assert "x separates" in error.problem


@pytest.mark.parametrize("noise", [0.0, 1e-9])
def test_collinear_covariates_are_named(noise: float) -> None:
    table = firms.frame()
    table["total"] = table["size"] + table["growth"] + noise * np.random.default_rng(1).normal(size=len(table))
    error = code_of(table, ("size", "debt", "growth", "total", "industry"))
    assert error.code == "E_COLLINEAR"
    assert "size, growth, total are" in error.problem


def test_an_outcome_must_not_choose_the_controls() -> None:
    assert code_of(firms.frame(), covariates=("size", "y")).code == "E_ROLE"
    assert code_of(firms.frame(), exact=("y",)).code == "E_ROLE"


def test_a_panel_without_covariates_is_refused() -> None:
    assert code_of(firms.frame(), ()).code == "E_NO_COVARIATE"
    assert code_of(firms.frame().assign(debt=1.0), ("debt",)).code == "E_NO_COVARIATE"


@pytest.mark.parametrize(
    "options",
    [{"ratio": 0}, {"caliper": 0.0}, {"caliper": -1.0}, {"reuse_max": 2}, {"reuse_max": 0, "replace": True}],
)
def test_impossible_options_are_refused(options: dict) -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(firms.frame(40)), "nearest", **options)
    assert (caught.value.code, caught.value.exit_code) == ("E_OPTION", 2)
