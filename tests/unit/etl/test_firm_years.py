"""The grid of firms and periods against a dictionary."""

import dataclasses
import types

import numpy as np
import pyarrow as pa
import pytest

from evalkit.errors import DataError
from evalkit.etl.conform import Typed
from evalkit.etl.firm_years import grid

FIRMS, PERIODS = pa.array(["a", "b", "c"]), (2019, 2020, 2021)


def typed(rows):
    """Return firm-years (firm, year, value) as typed rows; messages name the row."""
    firm, year, value = zip(*rows, strict=True)
    table = pa.table(
        {
            "row": list(range(len(rows))),
            "firm_id": pa.chunked_array([pa.array(firm).dictionary_encode()]),
            "fiscal_year": pa.array(year, pa.int32()),
            "number:v": pa.array(value, pa.float64()),
        }
    )
    source = types.SimpleNamespace(first_lines=lambda places: f"rows {places.tolist()}")
    return Typed(source, table, table.slice(0, 0))


def test_cells_are_where_a_dictionary_has_them():
    rows = [("c", 2020, 1.0), ("a", 2021, 2.0), ("a", 2019, None), ("c", 2019, 4.0)]
    found, flow = grid(typed(rows), FIRMS, PERIODS)
    want = {(f, y): v for f, y, v in rows}
    for period in PERIODS:
        assert found.at("number:v", period).to_pylist() == [want.get((f, period)) for f in "abc"]
    assert (flow.steps[0].n_in, flow.steps[0].kept) == (4, 4)
    some = found.of_firms(np.array([False, True, True]))
    assert some.at("number:v", 2019).to_pylist() == [None, 4.0]


def test_equal_duplicates_collapse_missing_ones_too():
    rows = [("a", 2019, 1.0), ("a", 2019, 1.0), ("b", 2020, None), ("b", 2020, None), ("a", 2019, 1.0)]
    _, flow = grid(typed(rows), FIRMS, PERIODS)
    assert dataclasses.astuple(flow.steps[0])[2:6] == (5, 2, 0, 3)


@pytest.mark.parametrize("other", [2.0, None])
def test_different_duplicates_are_refused_with_their_places(other):
    rows = [("a", 2019, 1.0), ("b", 2019, 5.0), ("a", 2019, other), ("a", 2019, 1.0)]
    with pytest.raises(DataError, match="1 firm-years") as error:
        grid(typed(rows), FIRMS, PERIODS)
    assert (error.value.code, error.value.where) == ("E_PANEL_DUP", "rows [2, 3]")
