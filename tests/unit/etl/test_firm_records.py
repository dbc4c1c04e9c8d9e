"""Firm records: equal rows collapse, different ones are set aside."""

import pyarrow as pa

import etl_inputs as given
from evalkit.etl.conform import conform
from evalkit.etl.firm_records import known_firms, one_per_firm
from evalkit.etl.layouts import Field
from evalkit.etl.source import read_source


def test_one_row_per_firm(tmp_path):
    a, b, c = (given.number(i) for i in range(3))
    rows = [(a, "x", "1"), (a, "x", "1.0"), (b, "x", ""), (b, "x", "2"), (c, "y", "3"), (c, "y", "3"), (c, "z", "3")]
    given.write(tmp_path, {"firms": [{"法人番号": i, "kind": k, "size": s} for i, k, s in rows]})
    source = read_source("firms", given.study().sources.firms, tmp_path)
    fields = [Field("firm_id", "firm_id", required=True), Field("kind", "category"), Field("size", "number")]
    firms, flow = one_per_firm(conform(source, fields))
    assert firms.rows["firm_id"].to_pylist() == [a]
    assert sorted(firms.rejected["row"].to_pylist()) == [2, 3, 4, 6]
    assert [(s.n_in, s.kept, s.quarantined, s.collapsed) for s in flow.steps] == [(7, 7, 0, 0), (7, 1, 4, 2)]


def test_known_firms_are_sorted_by_code_point():
    tables = [pa.table({"firm_id": pa.array(ids).dictionary_encode()}) for ids in (["b", "a", "b"], ["Z", "あ", "a"])]
    assert known_firms(*tables).to_pylist() == ["Z", "a", "b", "あ"]
