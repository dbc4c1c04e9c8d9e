"""Properties of `etl`: no order or split of the input matters, every row is counted, texts are read exactly."""

import csv
import io
import itertools
import random

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, settings
from hypothesis import given as for_all
from hypothesis import strategies as st

import etl_inputs as given
from evalkit.etl.build import build_panel
from evalkit.etl.grammar.numbers import numbers
from evalkit.etl.paths import input_files
from evalkit.etl.reading.csv_text import read_csv

FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SOME = settings(max_examples=60, deadline=None)


def spoiled():
    """Return tables with duplicates, refused rows, rows out of the period and an unlinked award."""
    data = given.tables()
    data["awards"] += [data["awards"][0], {**data["awards"][1], "award_id": "X", "法人番号": given.number(77)}]
    data["firm_years"] += [*data["firm_years"][3:6], {**data["firm_years"][8], "年度": "2011"}]
    data["firm_years"][20]["売上高"] = "12x"
    return data


@FEW
@for_all(seed=st.integers(0, 10**6), n_files=st.integers(1, 4))
def test_order_and_split_of_the_input_do_not_matter(tmp_path_factory, seed, n_files):
    expected = build_panel(given.study(), given.write(tmp_path_factory.mktemp("a"), spoiled()))
    folder, order = tmp_path_factory.mktemp("b"), random.Random(seed)
    for name, rows in spoiled().items():
        order.shuffle(rows)
        for i in range(n_files):
            part = rows[i::n_files]
            (folder / f"{name}_{i}.csv").write_text(given.csv_text(part), encoding=order.choice(["utf-8", "cp932"]))
    asked = given.study_dict()
    asked["sources"]["firms"]["path"] = "firms_[0-9].csv"
    found = build_panel(given.study(asked), folder)
    assert found.source.equals(expected.source)
    assert found.flow == expected.flow
    found.save(folder / "out")
    expected.save(folder / "expected")
    for path in (folder / "expected").iterdir():
        assert path.read_bytes() == (folder / "out" / path.name).read_bytes()


def test_every_row_is_kept_set_aside_or_collapsed(tmp_path):
    panel = build_panel(given.study(), given.write(tmp_path, spoiled()))
    for s in panel.flow.steps:
        assert s.n_in == s.kept + s.quarantined + s.collapsed
    by_name = {s.step: s for s in panel.flow.steps}
    chains = [
        ["read awards", "distinct awards", "programme", "link to firms", "first award"],
        ["read firm-years", "period", "distinct firm-years", "pivot"],
    ]
    for chain in chains:
        for before, after in itertools.pairwise(chain):
            assert by_name[before].kept == by_name[after].n_in
    assert by_name["read firm-years"].n_in == len(spoiled()["firm_years"])
    seen = int(panel.to_frame().filter(like="sales@").notna().sum().sum())
    assert seen == by_name["distinct firm-years"].kept == 59


@SOME
@for_all(st.lists(st.integers(-(10**15) + 1, 10**15 - 1), min_size=1, max_size=30), st.integers(0, 4))
def test_whole_numbers_are_read_exactly(values, style):
    def write(v):
        plain = [f"{v}", f"{v:,}", f"{v:+}", f"△{-v:,}" if v < 0 else f" {v} ", f"({-v})" if v < 0 else f"＋{v}"]
        return plain[style]

    found = numbers(pa.chunked_array([[write(v) for v in values]]), ("",), "yen")
    assert not found.rule.any()
    assert [int(v) for v in found.values.to_pylist()] == values


@SOME
@for_all(st.lists(st.decimals(-(10**9), 10**9, places=4), min_size=1, max_size=30))
def test_decimals_are_read_as_python_reads_them(values):
    texts = [format(v, "f") for v in values]
    found = numbers(pa.chunked_array([texts]), ("",))
    assert found.values.to_pylist() == [float(t) + 0.0 for t in texts]


FIELD = st.text(st.sampled_from('ab1 "\n,会'), max_size=5)


@SOME
@for_all(st.lists(st.tuples(FIELD, FIELD, st.integers(0, 9).map(str)), min_size=1, max_size=12))
def test_csv_rows_and_their_lines_are_those_of_the_standard_reader(rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([("x", "y", "z"), *rows])
    table = read_csv(out.getvalue().encode(), "t.csv")
    assert list(zip(*(table.columns[c].to_pylist() for c in "xyz"), strict=True)) == rows
    reader, starts = csv.reader(io.StringIO(out.getvalue(), newline="")), []
    line = 1
    for _ in reader:
        starts.append(line)
        line = reader.line_num + 1
    assert table.line_of(np.arange(len(rows))).tolist() == starts[1:]


def test_globs_are_sorted_whatever_the_order_of_the_folder(tmp_path):
    for name in ("b.csv", "a.csv", "c.csv"):
        (tmp_path / name).write_text("x")
    assert [p.name for p in input_files("*.csv", tmp_path, "")] == ["a.csv", "b.csv", "c.csv"]
