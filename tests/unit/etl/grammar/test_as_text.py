"""Typed columns to text without losing a digit."""

import datetime as dt
import decimal

import numpy as np
import pyarrow as pa
import pytest

from evalkit.etl.grammar.as_text import column_text

UTC = dt.UTC


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pa.array([1010001072706, None]), ["1010001072706", ""]),
        (pa.array([2**63 - 1]), ["9223372036854775807"]),
        (pa.array([5.0, 0.1, 1e-7, 1.5e20, float("nan"), None, 1010001072706.0, -2.5]),
         ["5", "0.1", "0.0000001", "150000000000000000000", "", "", "1010001072706", "-2.5"]),
        (pa.array([float("inf")]), ["inf"]),
        (pa.array([True, False, None]), ["1", "0", ""]),
        (pa.array([dt.date(2021, 4, 1)]), ["2021-04-01"]),
        (pa.array([dt.datetime(2021, 4, 1, 13)]), ["2021-04-01"]),
        (pa.array([dt.datetime(2021, 3, 31, 15, tzinfo=UTC)], pa.timestamp("ns", "America/New_York")), ["2021-04-01"]),
        (pa.array([decimal.Decimal("1.50")]), ["1.5"]),
        (pa.array([*map(decimal.Decimal, ("1234.00", "-0.50", "100", "0", "0.00000001")), None],
                  pa.decimal128(20, 8)), ["1234", "-0.5", "100", "0", "0.00000001", ""]),
        (pa.array([decimal.Decimal("1234.00")], pa.decimal256(50, 2)), ["1234"]),
        (pa.array([decimal.Decimal("1200"), decimal.Decimal("1E+10")], pa.decimal128(15, -2)), ["1200", "10000000000"]),
        (pa.array([decimal.Decimal("9" * 38)], pa.decimal128(38, 0)), ["9" * 38]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array(["会社"], pa.large_string()), ["会社"]),
    ],
)  # fmt: skip
def test_columns(column, texts):
    assert column_text(pa.chunked_array([column])).to_pylist() == texts


def test_floats_come_back_bit_for_bit():
    values = np.random.default_rng(5).normal(size=500) * 10.0 ** np.arange(-250, 250)
    texts = column_text(pa.chunked_array([values])).to_pylist()
    assert [float(t) for t in texts] == values.tolist()
