import numpy as np
import pandas as pd
import pytest

import firms
from evalkit.errors import EvalkitError
from evalkit.stats.comparable import cell_of, comparable


def small() -> pd.DataFrame:
    """Kind c has no control, and without it town z has no treated firm; in cell 1 kind b has no treated firm."""
    kind, town = list("aaaabbbbc"), list("xyxyxyxzz")
    treated = [1, 1, 0, 0, 1, 1, 0, 0, 1]
    return pd.DataFrame({
        "firm": [f"f{i}" for i in range(9)], "g": np.where(np.array(treated) == 1, 2013, 0), "kind": kind,
        "town": town, "half": [0.0, 0, 0, 1, 1, 0, 0, 1, 1], "size": np.arange(9.0),
    })  # fmt: skip


COVARIATES = ("kind", "town", "half", "size")


def test_dropping_one_level_can_empty_another() -> None:
    found = comparable(firms.panel(small(), COVARIATES), ("kind", "town", "size"))
    assert list(found.firms.reason) == [""] * 7 + ["no_treated_in_cell", "no_control_in_cell"]
    assert found.one_sided == ("kind", "town")
    assert found.estimand() == "att_matched"
    assert found.notes(["size"]) == ("one_sided_level:kind", "one_sided_level:town", "constant_covariate:size")


def test_levels_count_within_exact_cells() -> None:
    found = comparable(firms.panel(small(), COVARIATES), ("kind", "size"), exact=("half",))
    gone = {"f3": "no_treated_in_cell", "f8": "no_control_in_cell"}
    assert list(found.firms.reason) == [gone.get(f"f{i}", "") for i in range(9)]
    cell = cell_of([found.covariates["half"]], found.firms)
    np.testing.assert_array_equal(cell, [0, 0, 0, -1, 1, 0, 0, 1, -1])


def test_missing_values_of_any_covariate_drop_a_firm_with_its_reason() -> None:
    table = small().assign(size=lambda t: t["size"].where(t.index != 1), half=lambda t: t["half"].where(t.index != 2))
    found = comparable(firms.panel(table, COVARIATES), ("kind",), others=("size", "half"))
    assert list(np.flatnonzero(found.firms.reason == "missing_covariate")) == [1, 2]


@pytest.mark.parametrize(
    ("names", "exact", "code"),
    [((), (), "E_NO_COVARIATE"), (("size",), ("kind",), "E_NO_OVERLAP"), (("kind",), (), "E_SEPARATION")],
)
def test_refusals(names: tuple[str, ...], exact: tuple[str, ...], code: str) -> None:
    apart = small().assign(kind=lambda t: np.where(t["g"] > 0, "a", "b"))
    with pytest.raises(EvalkitError) as caught:
        comparable(firms.panel(apart, COVARIATES), names, exact)
    assert caught.value.code == code
