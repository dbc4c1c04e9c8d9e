import numpy as np
import pandas as pd

import firms
from evalkit.stats.covariates import any_missing, cells, read_covariates


def panel():
    table = firms.frame(6).assign(
        size=[1.0, np.nan, 3.0, np.inf, 5.0, 6.0],
        industry=pd.Series(["b", "a", None, "c", "a", "b"], dtype="string"),
        region=pd.Series([None] * 6, dtype="string"),
    )
    return firms.panel(table)


def test_levels_are_sorted_and_missing_values_marked() -> None:
    size, industry, region = read_covariates(panel(), ["size", "industry", "region"])
    assert size.levels is None
    np.testing.assert_array_equal(size.is_missing, [False, True, False, True, False, False])
    assert industry.levels == ("a", "b", "c")
    np.testing.assert_array_equal(industry.values, [1, 0, -1, 2, 0, 1])
    assert region.levels == ()
    assert region.is_missing.all()
    np.testing.assert_array_equal(any_missing([size, industry], 6), [False, True, True, True, False, False])


def test_taking_firms_keeps_only_levels_that_occur() -> None:
    (industry,) = read_covariates(panel(), ["industry"])
    part = industry.take(np.array([0, 2, 3, 5]))
    assert part.levels == ("b", "c")
    np.testing.assert_array_equal(part.values, [0, -1, 1, 0])


def test_cells_are_numbered_by_sorted_values_first_covariate_first() -> None:
    table = firms.frame(50)
    both = read_covariates(firms.panel(table), ["region", "debt"])
    rows = np.arange(0, 50, 3)
    found = cells(both, rows)
    labels = sorted(set(zip(table["region"][rows], table["debt"][rows], strict=True)))
    wanted = [labels.index(pair) for pair in zip(table["region"][rows], table["debt"][rows], strict=True)]
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(cells([], rows), 0)
