"""Outcome checks on a grid made by hand."""

import numpy as np
import pyarrow as pa
import pytest

from evalkit.etl.panel.firm_years import Grid
from evalkit.etl.panel.outcomes import check_outcome
from evalkit.model.study import Outcome

COHORT = np.array([2020, 2021, 0])


def grid(values):
    """Return three firms over 2019 to 2021; NaN is a firm-year without a value."""
    return Grid(pa.array(["a", "b", "c"]), (2019, 2020, 2021), {"number:y": np.asarray(values, float).T})


def codes(values, transform, **options):
    _, errors = check_outcome(Outcome(name="y", column="y", transform=transform, **options), grid(values), COHORT)
    return [e.code for e in errors]


FINE = [[0.5, 0.25, 1], [0.5, 0.125, 1], [0.25, 0.5, 0.75]]
NAN = np.nan


@pytest.mark.parametrize("transform", ["level", "log", "asinh", "growth", "share"])
def test_fine(transform):
    assert codes(FINE, transform) == []


def test_the_award_period_itself_is_enough():
    assert codes([[1, 2, NAN], [1, 2, NAN], [1, 2, 3]], "level") == []
    assert codes([[1, NAN, NAN], [1, 2, NAN], [1, 2, 3]], "level") == ["E_NO_POST"]


def test_values_without_a_logarithm_are_no_values():
    assert codes([[1, 0, -1], [1, 1, -2], [1, 2, 3]], "log", nonpositive="missing") == ["E_NO_POST"]
    assert "E_NONFINITE" in codes([[1, 0, 1], [1, 1, 2], [1, 2, 3]], "growth")
    assert codes([[1, 0, 1], [1, 1, 2], [1, 2, 3]], "asinh") == []


@pytest.mark.parametrize(("transform", "bad"), [("share", 1.5), ("share", -0.1), ("binary", 0.5), ("binary", 2)])
def test_ranges(transform, bad):
    assert codes([[0, 1, 0], [1, 0, 1], [0, 1, bad]], transform) == ["E_RULE"]
    assert codes([[0, 1, 0], [1, 0, 1], [0, 1, 1]], transform) == []


def test_a_constant_says_nothing():
    assert codes(np.full((3, 3), 7.0), "level") == ["E_NO_VARIANCE"]
