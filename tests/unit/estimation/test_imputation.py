"""Imputation against least squares on untreated rows and the weights of each row."""

import numpy as np
import pytest

import evalkit as ek
import twins
from evalkit.errors import DesignError

TWIN = 1e-8
"""Values are rounded once at 2^-35 of their range; the twin takes a pseudo-inverse of firm and year dummies."""


@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize("never", [True, False])
def test_equals_twin(missing: float, never: bool) -> None:
    table = twins.frame(missing=missing, growth=0.1)
    if not never:
        table = table[(table["g"] > 0) & (table["year"] < table["g"].max())].reset_index(drop=True)
    found = ek.estimate(twins.sample(twins.panel(table)), "imputation")
    cells, effects, psi = twins.imputation(table)
    assert list(zip(found.table["cohort"], found.table["year"], strict=True)) == cells
    np.testing.assert_allclose(found.table["estimate"], effects, atol=TWIN)
    np.testing.assert_allclose(found.vcov, psi.T @ psi, atol=TWIN)


def test_balanced_cells_equal_the_extended_regression() -> None:
    """On a balanced panel the two are the same estimator; their standard errors differ."""
    s = twins.sample(twins.panel(twins.frame(growth=0.1)))
    one, two = ek.estimate(s, "imputation").table, ek.estimate(s, "extended_twfe").table
    np.testing.assert_allclose(one["estimate"], two["estimate"], atol=TWIN)


def test_firms_never_seen_untreated_are_left_out() -> None:
    table = twins.frame()
    firm = table.loc[table["g"] == 2013, "firm"].iloc[0]
    only_after = table[(table["firm"] != firm) | (table["year"] >= 2013)]
    without = table[table["firm"] != firm]
    one, two = (ek.estimate(twins.sample(twins.panel(t)), "imputation").table for t in (only_after, without))
    np.testing.assert_allclose(one["estimate"], two["estimate"], atol=1e-9)


def test_nothing_to_impute_from_is_refused() -> None:
    table = twins.frame()
    with pytest.raises(DesignError) as caught:
        ek.estimate(twins.sample(twins.panel(table[table["g"] == 0])), "imputation")
    assert caught.value.code == "E_NO_CONTROL"
