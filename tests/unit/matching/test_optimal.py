import pytest

import evalkit as ek
import firms
from evalkit.matching import optimal

ROUNDING = 1e-9
"""Relative; sums of a hundred distances."""


def few(n: int = 240) -> ek.Panel:
    return firms.panel(firms.frame(n))


@pytest.mark.parametrize("distance", ["logit_score", "score", "mahalanobis", "robust_mahalanobis", "euclidean"])
@pytest.mark.parametrize("ratio", [1, 2])
def test_total_distance_is_never_above_that_of_nearest(distance: str, ratio: int) -> None:
    options = {"distance": distance, "ratio": ratio, "covariates": ("size", "growth", "debt")}
    sample, greedy = (ek.match(few(), name, **options) for name in ("optimal", "nearest"))
    assert sample.pairs.num_rows == greedy.pairs.num_rows
    total, most = (sum(s.pairs["distance"].to_pylist()) for s in (sample, greedy))
    assert total <= most * (1 + ROUNDING)
    if distance == "mahalanobis":
        assert total < 0.99 * most


def test_within_calipers_no_fewer_treated_firms_are_matched_than_by_nearest() -> None:
    for seed in range(5):
        panel = firms.panel(firms.frame(120, seed))
        options = {"exact": ("debt",), "caliper": 0.1, "covariates": ("size", "growth")}
        sample, greedy = (ek.match(panel, name, **options) for name in ("optimal", "nearest"))
        assert sample.n_treated >= greedy.n_treated
        assert sample.estimand == ("att" if sample.n_treated == (panel.cohort > 0).sum() else "att_matched")


def test_reasons_of_firms_that_were_not_matched() -> None:
    """A: two treated firms, one control. B: a treated firm far from its control. C: a treated firm. D: a control."""
    table = firms.frame(300).assign(industry="I9", region="R9")
    table.loc[:6, "industry"] = list("AAABBCD")
    table.loc[:6, "g"] = [2013, 2013, 0, 2013, 0, 2013, 0]
    table.loc[:6, "size"] = [1.0, 1.1, 1.0, 1.0, 5.0, 2.0, 2.0]
    panel = firms.panel(table, ("size", "industry"))
    sample = ek.match(panel, "optimal", covariates=("size",), exact=("industry",), calipers={"size": 0.5})
    assert list(sample.reason[:7]) == [
        "", "no_control_left", "", "outside_caliper", "not_matched", "no_control_in_cell", "no_treated_in_cell",
    ]  # fmt: skip
    assert sample.estimand == "att_matched"
    assert "short_cells:2" in sample.notes


def test_equal_firms_are_chosen_by_seed() -> None:
    table = firms.frame(200).assign(size=lambda t: (t["size"] > 3) * 1.0)
    panel = firms.panel(table, ("size", "industry"))
    chosen = {tuple(ek.match(panel, "optimal", seed=seed).pairs["control"].to_pylist()) for seed in range(3)}
    assert len(chosen) == 3


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"ratio": 0}, "E_OPTION"),
        ({"caliper": 0.0}, "E_OPTION"),
        ({"calipers": {"industry": 1.0}}, "E_OPTION"),
        ({"ratio": 50}, "E_TOO_FEW_CONTROLS"),
        ({"calipers": {"size": 1e-9}}, "E_NO_OVERLAP"),
        ({"covariates": ("y",)}, "E_ROLE"),
        ({"covariates": ("sise",)}, "E_UNKNOWN_NAME"),
    ],
)
def test_impossible_matches_are_refused(options: dict, code: str) -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(few(), "optimal", **options)
    assert caught.value.code == code


def test_cells_that_are_too_large_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = few()
    n_treated = int((panel.cohort > 0).sum())
    n_pairs = 2 * n_treated * (240 - n_treated)
    monkeypatch.setattr(optimal, "MOST_PAIRS", n_pairs)
    assert ek.match(panel, "optimal", ratio=2).pairs.num_rows == 2 * n_treated
    monkeypatch.setattr(optimal, "MOST_PAIRS", n_pairs - 1)
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(panel, "optimal", ratio=2)
    assert (caught.value.code, caught.value.exit_code) == ("E_TOO_LARGE", 4)
    assert "nearest" in caught.value.hint
    assert ek.match(panel, "optimal", ratio=2, exact=("region",)).pairs.num_rows > n_treated
