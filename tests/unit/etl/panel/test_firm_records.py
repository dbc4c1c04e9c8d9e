"""Firm records: equal rows collapse, different ones are set aside."""

import pyarrow as pa
import pytest

import etl_inputs as given
from evalkit.etl.conform import conform
from evalkit.etl.layouts import Field
from evalkit.etl.panel.firm_records import find, known_firms, one_per_firm
from evalkit.etl.source import read_source


def test_one_row_per_firm(tmp_path):
    a, b, c = (given.number(i) for i in range(3))
    rows = [(a, "x", "1"), (a, "x", "1.0"), (b, "x", ""), (b, "x", "2"), (c, "y", "3"), (c, "y", "3"), (c, "z", "3")]
    given.write(tmp_path, {"firms": [{"法人番号": i, "kind": k, "size": s} for i, k, s in rows]})
    source = read_source("firms", given.study().sources.firms, tmp_path)
    fields = [Field("firm_id", "firm_id", required=True), Field("kind", "category"), Field("size", "number")]
    firms, flow = one_per_firm(conform(source, fields))
    assert firms.rows["firm_id"].to_pylist() == [int(a)]
    assert sorted(firms.rejected["row"].to_pylist()) == [2, 3, 4, 6]
    assert [(s.n_in, s.kept, s.quarantined, s.collapsed) for s in flow.steps] == [(7, 7, 0, 0), (7, 1, 4, 2)]


@pytest.mark.parametrize(
    ("first", "second", "union"),
    [(["a", "b"], ["Z", "a", "あ"], ["Z", "a", "b", "あ"]), ([11, 30], [11, 20, 40], [11, 20, 30, 40]),
     ([11, 30], ["11", "2"], ["11", "2", "30"])],
)  # fmt: skip
def test_known_firms_are_sorted_each_once(first, second, union):
    assert known_firms(pa.array(first), pa.array(second)).to_pylist() == union


@pytest.mark.parametrize(
    ("wanted", "among", "places"),
    [([7, 5, 9, 1], [1, 5, 8], [-1, 1, -1, 0]), (["b", "c"], ["a", "b"], [1, -1]), (["11", "x"], [7, 11], [1, -1]),
     ([1], pa.array([], pa.int64()), [-1])],
)  # fmt: skip
def test_firms_are_found_among_sorted_ones(wanted, among, places):
    assert find(pa.array(wanted), pa.array(among)).tolist() == places
