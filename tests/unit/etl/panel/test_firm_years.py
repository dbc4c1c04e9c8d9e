"""The grid of firms and periods against a dictionary."""

import dataclasses
import types

import numpy as np
import pyarrow as pa
import pytest

from evalkit.errors import DataError
from evalkit.etl.conform import Typed
from evalkit.etl.panel.firm_years import grid, placed

PERIODS = (2019, 2020, 2021)


def on_grid(rows):
    """Return the grid, and the flow, of firm-years (firm, year, number, text); messages name the row."""
    firm, year, value, text = zip(*((*r, "x")[:4] for r in rows), strict=True)
    half = len(rows) // 2
    columns = {
        "row": pa.chunked_array([list(range(len(rows)))]),
        "firm_id": pa.chunked_array([firm]),
        "fiscal_year": pa.chunked_array([pa.array(year, pa.int32())]),
        "number:v": pa.chunked_array([value[:half], value[half:]], pa.float64()),
        "category:k": pa.chunked_array([text[:half], text[half:]], pa.string()),
    }
    empty = pa.table({"row": pa.array([], pa.int64())})
    source = types.SimpleNamespace(first_lines=lambda places: f"rows {places.tolist()}")
    places, period = placed(columns, PERIODS)
    found, flow = grid(Typed(source, empty, empty), columns, places)
    assert not columns
    return found, [period, *flow.steps], places


@pytest.mark.parametrize("firms", [["a", "b", "c"], [1010001072706, 5835678256246, 8700110005901]])
def test_cells_are_where_a_dictionary_has_them(firms):
    a, b, c = firms
    rows = [
        (c, 2020, 1.0, "p"), (a, 2021, 2.0, None), (b, 2018, 7.0, "r"), (a, 2019, None, "q"), (c, 2019, 4.0, "p"),
    ]  # fmt: skip
    found, steps, places = on_grid(rows)
    want = {(f, y): (v, k) for f, y, v, k in rows}
    assert (places.known.to_pylist(), found.firms.to_pylist()) == (firms, [a, c])
    for period in PERIODS:
        assert found.at("number:v", period).to_pylist() == [want.get((f, period), (None,))[0] for f in (a, c)]
        assert found.at("category:k", period).to_pylist() == [want.get((f, period), (0, None))[1] for f in (a, c)]
    assert [(s.n_in, s.kept, s.quarantined) for s in steps] == [(5, 4, 1), (4, 4, 0)]
    assert found.n_firm_years == 4
    some = found.of_firms(np.array([False, True]))
    assert some.at("number:v", 2019).to_pylist() == [4.0]
    assert some.at("category:k", 2020).to_pylist() == ["p"]


def test_equal_duplicates_collapse_missing_ones_too():
    rows = [("a", 2019, 1.0), ("a", 2019, 1.0), ("b", 2020, None), ("b", 2020, None), ("a", 2019, 1.0)]
    found, steps, _ = on_grid(rows)
    assert dataclasses.astuple(steps[1])[2:6] == (5, 2, 0, 3)
    assert found.n_firm_years == 2


def test_rows_outside_the_period_are_no_duplicates():
    _, steps, _ = on_grid([("a", 2018, 1.0), ("a", 2018, 2.0), ("b", 2017, 3.0), ("a", 2019, 4.0)])
    assert [(s.kept, s.quarantined, s.collapsed) for s in steps] == [(1, 3, 0), (1, 0, 0)]


@pytest.mark.parametrize("other", [(2.0, "x"), (None, "x"), (1.0, "y"), (1.0, None)])
def test_different_duplicates_are_refused_with_their_places(other):
    rows = [("a", 2019, 1.0), ("b", 2019, 5.0), ("a", 2019, *other), ("a", 2019, 1.0)]
    with pytest.raises(DataError, match="1 firm-years") as error:
        on_grid(rows)
    assert (error.value.code, error.value.where) == ("E_PANEL_DUP", "rows [2, 3]")
