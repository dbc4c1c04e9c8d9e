import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import firms


def small() -> pd.DataFrame:
    """Treated firms and controls by kind and by size below 10: A 2 and 4, above 1 and 1; B 1 and 0; C 0 and 2."""
    return pd.DataFrame({
        "firm": [f"f{i:02d}" for i in range(11)], "kind": list("AAAAAAAABCC"),
        "size": [1.0, 2, 1, 3, 4, 9, 10, 99, 5, 6, 7],
        "g": np.where(np.array([1, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0]) == 1, 2013, 0),
    })  # fmt: skip


def match(table: pd.DataFrame, **options: object) -> ek.MatchedSample:
    return ek.match(firms.panel(table, ("kind", "size")), "coarsened", **options)


def test_weights_and_reasons_by_hand() -> None:
    sample = match(small(), cutpoints={"size": [10]})
    np.testing.assert_array_equal(sample.weight, [1, 1, 0.5, 0.5, 0.5, 0.5, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(sample.subclass, [0, 0, 0, 0, 0, 0, 1, 1, -1, -1, -1])
    assert list(sample.reason[8:]) == ["no_control_in_cell", "no_treated_in_cell", "no_treated_in_cell"]
    assert sample.estimand == "att_matched"
    assert (sample.pairs.num_rows, sample.notes) == (0, ())


def test_grouped_categories_count_as_one_and_levels_that_do_not_occur_are_noted() -> None:
    sample = match(small(), cutpoints={"size": [10]}, grouping={"kind": [["B", "C", "Z"]]})
    np.testing.assert_array_equal(sample.weight, [1, 1, 0.5, 0.5, 0.5, 0.5, 1, 1, 1, 0.5, 0.5])
    assert sample.estimand == "att"
    assert sample.notes == ("absent_level:kind",)


def test_zero_intervals_ask_for_equal_values_and_one_for_none() -> None:
    np.testing.assert_array_equal(np.flatnonzero(match(small(), cutpoints={"size": 0}).weight), [0, 2])
    assert (match(small(), cutpoints={"size": 1}).weight > 0).sum() == 8


def test_equal_numbers_in_each_cell() -> None:
    chosen = set()
    for seed in range(8):
        sample = ek.match(
            firms.panel(small(), ("kind", "size")), "coarsened", seed=seed, cutpoints={"size": [10]}, k2k=True
        )
        treated = sample.panel.cohort > 0
        kept = sample.weight > 0
        assert set(sample.weight[kept]) == {1.0}
        np.testing.assert_array_equal(np.bincount(sample.subclass[kept & treated]), [2, 1])
        np.testing.assert_array_equal(np.bincount(sample.subclass[kept & ~treated]), [2, 1])
        chosen.add(tuple(np.flatnonzero(kept)))
    assert len(chosen) > 1


def test_compared_firms_are_no_further_apart_than_an_interval() -> None:
    table = firms.frame(1000)
    sample = ek.match(firms.panel(table), "coarsened", covariates=("size", "growth", "industry"), cutpoints={"size": 9})
    kept = table.assign(subclass=sample.subclass)[sample.weight > 0]
    sets = kept.groupby("subclass")
    assert (sets["size"].max() - sets["size"].min()).max() <= (table["size"].max() - table["size"].min()) / 9
    widest = (table["growth"].max() - table["growth"].min()) / 11  # log2(1000) + 1 = 10.97
    assert (sets["growth"].max() - sets["growth"].min()).max() <= widest
    assert (sets["industry"].nunique() == 1).all()
    assert len(kept) > 500


def test_firms_that_are_out_do_not_move_the_intervals() -> None:
    table = small()
    table.loc[10, ["kind", "size"]] = None, 1e6
    sample = match(table, cutpoints={"size": 2})
    np.testing.assert_array_equal(np.flatnonzero(sample.weight), np.arange(7))
    assert sample.reason[10] == "missing_covariate"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"cutpoints": {"size": -1}}, "E_OPTION"),
        ({"cutpoints": {"size": [1, np.nan]}}, "E_OPTION"),
        ({"cutpoints": {"size": "doane"}}, "E_OPTION"),
        ({"cutpoints": {"kind": 3}}, "E_OPTION"),
        ({"cutpoints": {"sise": 3}}, "E_UNKNOWN_NAME"),
        ({"covariates": ("kind",), "cutpoints": {"size": 3}}, "E_UNKNOWN_NAME"),
        ({"grouping": {"size": [["A"]]}}, "E_OPTION"),
        ({"grouping": {"kind": [["A"], ["A", "B"]]}}, "E_OPTION"),
        ({"grouping": {"kind": [[]]}}, "E_OPTION"),
        ({"grouping": {"size": [["A"]]}, "cutpoints": {"size": 3}}, "E_OPTION"),
        ({"grouping": {"kinds": [["A"]]}}, "E_UNKNOWN_NAME"),
        ({"covariates": ("y",)}, "E_ROLE"),
        ({"covariates": ("knd",)}, "E_UNKNOWN_NAME"),
    ],
)
def test_impossible_options_are_refused(options: dict, code: str) -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        match(small(), **options)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"g": 2013}, "E_NO_CONTROL"),
        ({"g": 0}, "E_NO_TREATED"),
        ({"kind": list("ABABABABABA"), "g": [0, 2013] * 5 + [0]}, "E_NO_OVERLAP"),
        ({"size": np.nan}, "E_NO_TREATED"),
    ],
)
def test_impossible_designs_are_refused(change: dict, code: str) -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        match(small().assign(**change))
    assert caught.value.code == code


def test_a_panel_without_covariates_is_refused() -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(small(), ()), "coarsened")
    assert caught.value.code == "E_NO_COVARIATE"
