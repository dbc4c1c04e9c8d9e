import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

import evalkit as ek
import firms

DISTANCE = 1e-8
"""Relative; distances after whitening against those by the inverse of the covariance."""


def code_of(table: pd.DataFrame, roles: tuple[str, ...] = firms.COVARIATES, **options: object) -> ek.EvalkitError:
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(table, roles), "nearest", **options)
    return caught.value


def places_apart(table: pd.DataFrame, treated: np.ndarray, distance: str, names: tuple[str, ...]) -> np.ndarray:
    """Distances between all firms, from the papers' formulas pair by pair."""
    x = table[list(names)].to_numpy(float)
    if distance == "euclidean":
        return np.sqrt(((x[:, None] - x[None]) ** 2).sum(axis=2))
    if distance == "mahalanobis":
        groups = [np.cov(x[g], rowvar=False) * (g.sum() - 1) for g in (treated, ~treated)]
        covariance = (groups[0] + groups[1]) / (len(x) - 2)
    else:
        x = np.column_stack([rankdata(column) for column in x.T])
        untied = np.std(np.arange(len(x)), ddof=1)
        covariance = np.cov(x, rowvar=False)
        scale = untied / np.sqrt(np.diag(covariance))
        covariance = covariance * np.outer(scale, scale)
    inverse = np.linalg.inv(covariance)
    apart = x[:, None] - x[None]
    return np.sqrt(np.einsum("ijk,kl,ijl->ij", apart, inverse, apart))


@pytest.mark.parametrize("distance", ["logit_score", "score", "mahalanobis", "robust_mahalanobis", "euclidean"])
@pytest.mark.parametrize("cells", [(), ("industry",)])
@pytest.mark.parametrize(("ratio", "capacity"), [(1, 1), (3, 1), (3, None), (3, 2)])
@pytest.mark.parametrize("caliper", [None, 0.3])
@pytest.mark.parametrize("m_order", ["largest", "smallest", "closest"])
def test_pairs_equal_the_slow_twin(
    distance: str, cells: tuple[str, ...], ratio: int, capacity: int | None, caliper: float | None, m_order: str
) -> None:
    names, table = ("size", "growth", "debt"), firms.frame(120)
    is_on_score = distance in ("logit_score", "score")
    discard = "none" if is_on_score else "treated"
    sample = ek.match(
        firms.panel(table), "nearest", distance=distance, covariates=names, exact=cells, ratio=ratio, caliper=caliper,
        m_order=m_order, replace=capacity != 1, reuse_max=None if capacity == 1 else capacity, discard=discard,
    )  # fmt: skip
    score, treated = sample.distance, table["g"].to_numpy() > 0
    assert len(np.unique(score)) == len(score)
    between = abs(score[:, None] - score[None])
    apart = between if is_on_score else places_apart(table, treated, distance, names)
    allowed = between <= (np.inf if caliper is None else caliper * score.std(ddof=1))
    if cells:
        allowed &= table["industry"].to_numpy()[:, None] == table["industry"].to_numpy()[None]
    if discard == "treated":
        outside = treated & ((score > score[~treated].max()) | (score < score[~treated].min()))
        allowed &= ~outside[:, None]
        assert set(sample.reason[outside]) <= {"outside_support"}
    wanted = firms.greedy(
        np.where(allowed, apart, np.inf), treated, score, np.arange(len(score)), order=m_order, ratio=ratio,
        capacity=capacity or np.inf,
    )  # fmt: skip
    pairs = sample.pairs.to_pandas()
    found = [tuple(row) for row in pairs[["treated", "control", "order"]].to_numpy().tolist()]
    assert found == wanted
    np.testing.assert_allclose(pairs["distance"], apart[pairs["treated"], pairs["control"]], rtol=DISTANCE)


def test_calipers_and_antiexact_hold_and_are_used_up() -> None:
    """Pairs are those of the twin on the pairs that the limits leave."""
    table = firms.frame(160)
    options = {"calipers": {"size": 0.5}, "antiexact": ("region",), "exact": ("industry",), "ratio": 2}
    sample = ek.match(firms.panel(table), "nearest", **options)
    size, region, industry = (table[name].to_numpy() for name in ("size", "region", "industry"))
    allowed = (abs(size[:, None] - size[None]) <= 0.5) & (region[:, None] != region[None])
    allowed &= industry[:, None] == industry[None]
    apart = abs(sample.distance[:, None] - sample.distance[None])
    wanted = firms.greedy(
        np.where(allowed, apart, np.inf), table["g"].to_numpy() > 0, sample.distance, np.arange(160), ratio=2
    )
    found = sample.pairs.to_pandas()[["treated", "control", "order"]]
    assert [tuple(row) for row in found.to_numpy().tolist()] == wanted
    assert "no_control_left" in sample.reason


def test_a_caliper_needs_a_number() -> None:
    error = code_of(firms.frame(), calipers={"industry": 1.0})
    assert (error.code, error.exit_code) == ("E_OPTION", 2)
    assert "industry" in error.problem


def test_wanted_numbers_of_controls_stay_within_the_budget() -> None:
    table = firms.frame(400)
    sample = ek.match(firms.panel(table), "nearest", ratio=2, max_controls=4, m_order="smallest")
    pairs = sample.pairs.to_pandas()
    n_controls = pairs.groupby("treated").size()
    n_treated = int((table["g"] > 0).sum())
    assert len(pairs) == 2 * n_treated
    assert n_controls.between(1, 4).all()
    by_score = n_controls.to_numpy()[np.argsort(-sample.distance[n_controls.index])]
    assert (np.diff(by_score) >= 0).all()
    np.testing.assert_array_equal(sample.weight[n_controls.index], 1)


@pytest.mark.parametrize(("discard", "groups"), [("treated", [True]), ("control", [False]), ("both", [True, False])])
def test_firms_outside_the_common_support_are_dropped_and_counted(discard: str, groups: list) -> None:
    table = firms.frame()
    table.loc[[table["g"].idxmax(), table["g"].idxmin()], "size"] = [7.5, -1.0]
    sample = ek.match(firms.panel(table), "nearest", discard=discard)
    score, treated = sample.distance, sample.panel.cohort > 0
    out = np.zeros(len(score), dtype=bool)
    for group in groups:
        other = score[treated != group]
        out |= (treated == group) & ((score < other.min()) | (score > other.max()))
    np.testing.assert_array_equal(sample.reason == "outside_support", out)
    assert out.any()
    assert sample.notes == (f"outside_support:{out.sum()}",)


def test_ties_go_to_the_first_firm_when_asked() -> None:
    table = firms.frame(80).assign(size=lambda t: t["size"].round())
    chosen = [
        ek.match(firms.panel(table, ("size",)), "nearest", ties="first", seed=s).pairs.to_pandas() for s in (0, 1)
    ]
    pd.testing.assert_frame_equal(*chosen)
    size, treated = table["size"].to_numpy(), table["g"].to_numpy() > 0
    wanted = firms.greedy(abs(size[:, None] - size[None]), treated, size, np.arange(80))
    found = chosen[0][["treated", "control", "order"]].to_numpy().tolist()
    assert [tuple(row) for row in found] == wanted


@pytest.mark.parametrize("model", ["probit", "boosting"])
def test_other_models_make_the_score(model: str) -> None:
    panel = firms.panel(firms.frame())
    sample = ek.match(panel, "nearest", model=model, seed=2)
    np.testing.assert_allclose(
        1 / (1 + np.exp(-sample.distance)), ek.match(panel, "ipw", model=model, seed=2).distance, rtol=1e-12
    )


def test_distances_without_a_score_make_none() -> None:
    sample = ek.match(firms.panel(firms.frame()), "nearest", distance="mahalanobis", covariates=("size", "industry"))
    assert np.isnan(sample.distance).all()
    assert sample.n_treated == (sample.panel.cohort > 0).sum()


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


@pytest.mark.parametrize("row", ["MAT11"])
def test_ties_are_broken_by_firm_and_seed_only(row: str) -> None:
    table = firms.frame(80).assign(size=lambda t: t["size"].round(), growth=0.0)
    panels = [firms.panel(table, ("size",), shuffle=s) for s in (None, 1)]
    chosen = [[ek.match(p, "nearest", seed=seed).pairs.to_pandas() for p in panels] for seed in range(3)]
    for first, second in chosen:
        pd.testing.assert_frame_equal(first, second)
    assert not chosen[0][0]["control"].equals(chosen[1][0]["control"])


def test_random_order_follows_the_seed() -> None:
    panel = firms.panel(firms.frame())
    first, second = (ek.match(panel, "nearest", m_order="random", seed=s).pairs.to_pandas() for s in (1, 2))
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


@pytest.mark.parametrize("row", ["MAT13"])
def test_reuse_and_effective_number_are_noted(row: str) -> None:
    sample = ek.match(firms.panel(firms.frame()), "nearest", replace=True)
    most = sample.pairs.to_pandas()["control"].value_counts().max()
    assert sample.notes == (f"max_reuse:{most}", f"effective_controls:{sample.effective_controls:.0f}")


@pytest.mark.parametrize("row", ["MAT13"])
def test_controls_that_serve_too_often_are_refused(row: str) -> None:
    """Treated firms lie beyond nearly all controls, so that a handful of them would stand for all."""
    table = firms.frame(600)
    control = np.flatnonzero(table["g"] == 0)
    table["x"] = np.where(table["g"] > 0, 5.0, 0.0) + table["growth"]
    table.loc[control[:4], "x"] = [4.0, 5.0, 5.5, 6.5]
    error = code_of(table, ("x",), replace=True)
    assert (error.code, error.exit_code) == ("E_TOO_FEW_CONTROLS", 4)
    assert "equally weighted" in error.problem
    assert ek.match(firms.panel(table, ("x",)), "nearest", replace=True, reuse_max=1).n_control > 10


@pytest.mark.parametrize("row", ["MAT01"])
def test_no_treated(row: str) -> None:
    error = code_of(firms.frame(40).assign(g=0))
    assert (error.code, error.exit_code) == ("E_NO_TREATED", 4)


@pytest.mark.parametrize("row", ["MAT02"])
def test_no_control(row: str) -> None:
    error = code_of(firms.frame(40).assign(g=2013))
    assert error.code == "E_NO_CONTROL"
    assert "not yet treated" in error.hint


@pytest.mark.parametrize("row", ["MAT03"])
def test_too_few_controls_names_counts_and_the_way_out(row: str) -> None:
    table = firms.frame(60)
    table["g"] = np.where(np.arange(60) < 25, 2013, 0)
    error = code_of(table, ratio=2)
    assert error.code == "E_TOO_FEW_CONTROLS"
    assert "25 treated firms x ratio 2" in error.problem
    assert "35 controls" in error.problem
    assert "replace" in error.hint
    assert re.search(r"\d exact cells are short", code_of(table, ratio=2, exact=("industry",)).problem)


@pytest.mark.parametrize("row", ["MAT03"])
def test_cells_with_too_few_controls_are_counted(row: str) -> None:
    table = firms.frame()
    few = table.index[(table["industry"] == "I1") & (table["g"] == 0)][3:]
    sample = ek.match(firms.panel(table.drop(few)), "nearest", exact=("industry",))
    assert "short_cells:1" in sample.notes
    assert (sample.reason == "no_control_left").any()


@pytest.mark.parametrize("row", ["MAT10"])
def test_no_overlap_within_the_caliper(row: str) -> None:
    table = firms.frame().assign(x=lambda t: np.where(t["g"] > 0, 1.0, 0.0) + t.index % 2 * 10)
    error = code_of(table, ("x",), caliper=1e-6)
    assert error.code == "E_NO_OVERLAP"
    assert "100% outside" in error.problem


@pytest.mark.parametrize("row", ["MAT04"])
def test_separation_names_the_covariate(row: str) -> None:
    table = firms.frame()
    table["x"] = np.where(table["g"] > 0, 5.0, 1.0) + table["growth"] / 10
    error = code_of(table, ("size", "x"))
    assert error.code == "E_SEPARATION"
    assert "x separates" in error.problem
    table["x"] = np.where(table["g"] > 0, "yes", "no")
    error = code_of(table, ("size", "x"))
    assert error.code == "E_SEPARATION"
    assert "x separates" in error.problem


@pytest.mark.parametrize("noise", [pytest.param(0.0, id="MAT06"), pytest.param(1e-9, id="MAT07")])
@pytest.mark.parametrize("distance", ["logit_score", "mahalanobis", "robust_mahalanobis"])
def test_collinear_covariates_are_named(noise: float, distance: str) -> None:
    table = firms.frame()
    table["total"] = table["size"] + table["growth"] + noise * np.random.default_rng(1).normal(size=len(table))
    error = code_of(table, ("size", "debt", "growth", "total", "industry"), distance=distance)
    assert error.code == "E_COLLINEAR"
    assert "size, growth, total are" in error.problem


def test_an_outcome_must_not_choose_the_controls() -> None:
    assert code_of(firms.frame(), covariates=("size", "y")).code == "E_ROLE"
    assert code_of(firms.frame(), exact=("y",)).code == "E_ROLE"
    assert code_of(firms.frame(), antiexact=("y@2013",)).code == "E_ROLE"
    assert code_of(firms.frame(), calipers={"y": 1.0}).code == "E_ROLE"


def test_a_panel_without_covariates_is_refused() -> None:
    assert code_of(firms.frame(), ()).code == "E_NO_COVARIATE"
    assert code_of(firms.frame().assign(debt=1.0), ("debt",)).code == "E_NO_COVARIATE"


@pytest.mark.parametrize(
    "options",
    [
        {"ratio": 0},
        {"caliper": 0.0},
        {"caliper": -1.0},
        {"reuse_max": 2},
        {"reuse_max": 0, "replace": True},
        {"calipers": {"size": 0.0}},
        {"min_controls": 1},
        {"max_controls": 1},
        {"ratio": 5, "max_controls": 4},
        {"ratio": 2, "min_controls": 3, "max_controls": 4},
        {"m_order": "largest", "distance": "euclidean"},
        {"m_order": "random", "ties": "first"},
    ],
)
def test_impossible_options_are_refused(options: dict) -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(firms.frame(40)), "nearest", **options)
    assert (caught.value.code, caught.value.exit_code) == ("E_OPTION", 2)
