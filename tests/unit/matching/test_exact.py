import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import firms


def small() -> pd.DataFrame:
    """Cells A (2 treated, 4 controls), B (1, 1), C (1, 0), D (0, 2)."""
    kind = list("AAAAAABBCDD")
    treated = [1, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0]
    return pd.DataFrame({
        "firm": [f"f{i:02d}" for i in range(11)], "g": np.where(np.array(treated) == 1, 2013, 0), "kind": kind,
        "size": 1.0,
    })  # fmt: skip


def test_weights_and_reasons_by_hand() -> None:
    sample = ek.match(firms.panel(small(), ("kind", "size")), "exact")
    assert sample.options == {"on": ("kind",)}
    np.testing.assert_array_equal(sample.weight, [1, 1, 0.5, 0.5, 0.5, 0.5, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(sample.subclass, [0, 0, 0, 0, 0, 0, 1, 1, -1, -1, -1])
    assert list(sample.reason[8:]) == ["no_control_in_cell", "no_treated_in_cell", "no_treated_in_cell"]
    assert sample.estimand == "att_matched"


def test_weighted_shares_of_controls_equal_those_of_the_treated() -> None:
    sample = ek.match(firms.panel(firms.frame()), "exact")
    result = ek.check(sample, (), "balance")
    shares = result.table[result.table["level"] != ""]
    assert len(shares) == 7
    np.testing.assert_allclose(shares["smd_after"], 0, atol=1e-12)
    assert shares["smd_before"].abs().max() > 0.01


@pytest.mark.parametrize(
    ("change", "options", "code"),
    [
        ({"g": 2013}, {}, "E_NO_CONTROL"),
        ({"kind": list("ABABABABABA"), "g": [0, 2013] * 5 + [0]}, {}, "E_NO_OVERLAP"),
        ({"kind": None}, {"on": ("kind",)}, "E_NO_TREATED"),
        ({}, {"on": ("y",)}, "E_ROLE"),
        ({}, {"on": ("knd",)}, "E_UNKNOWN_NAME"),
    ],
)
def test_impossible_designs_are_refused(change: dict, options: dict, code: str) -> None:
    table = small().assign(**change)
    table["kind"] = table["kind"].astype("string")
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(table, ("kind", "size")), "exact", **options)
    assert caught.value.code == code


def test_a_panel_without_categories_is_refused() -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(small(), ("size",)), "exact")
    assert caught.value.code == "E_NO_COVARIATE"
