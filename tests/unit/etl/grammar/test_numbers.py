"""The grammar of numbers, text by text."""

import decimal

import pyarrow as pa
import pytest

from evalkit.etl.grammar.as_text import column_text
from evalkit.etl.grammar.column import RULES
from evalkit.etl.grammar.numbers import has_codes, numbers, parse_number

ACCEPTED = [
    ("0", 0), ("007", 7), ("1,234", 1234), ("12,345,678", 12345678), ("+5", 5), ("-5", -5), ("△1,234", -1234),
    ("▲5", -5), ("▲ 5", -5), ("(1,234)", -1234), ("−5", -5), ("9007199254740992", 2**53),
]  # fmt: skip
REFUSED = [
    "",
    "1_000",
    "0x10",
    "1e3",
    "inf",
    "nan",
    "1,23",
    "1,2345",
    ",5",
    "5,",
    "--5",
    "△-5",
    "5-",
    "1 2",
    "9007199254740993",
]


@pytest.mark.parametrize(("text", "value"), ACCEPTED)
def test_whole_numbers(text, value):
    assert parse_number(text, "yen") == (value, "")


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_number(text):
    assert parse_number(text, "yen") == (None, "E_NUMBER")


def test_decimals_only_where_the_unit_is_not_money():
    assert parse_number("△1,234.50") == (-1234.5, "")
    assert parse_number("1234.5", "one") == (1234.5, "")
    assert parse_number("1.0", "thousand_yen") == (None, "E_NOT_INTEGER")
    assert parse_number(".5") == parse_number("5.") == (None, "E_NUMBER")


@pytest.mark.parametrize(("unit", "factor"), [("yen", 1), ("thousand_yen", 1_000), ("million_yen", 1_000_000)])
def test_money_becomes_yen_on_both_paths(unit, factor):
    found = numbers(pa.chunked_array([["12", "1,2"], ["１２", "-3"]]), ("",), unit)
    assert found.values.to_pylist() == [12 * factor, None, 12 * factor, -3 * factor]
    assert [RULES[r] for r in found.rule] == ["", "E_NUMBER", "", ""]


def test_money_beyond_exact_floats_is_refused_after_its_unit():
    found = numbers(pa.chunked_array([["9007199255", "9007199254"]]), ("",), "million_yen")
    assert found.values.to_pylist() == [None, 9007199254 * 10**6]


def test_declared_tokens_are_missing_even_when_they_are_digits():
    found = numbers(pa.chunked_array([["-999", "…", "", "4", "－９９９"]]), ("-999", "…"))
    assert found.values.to_pylist() == [None, None, None, 4.0, None]
    assert not found.rule.any()


def test_there_is_no_negative_zero():
    found = numbers(pa.chunked_array([["-0", "-0.0", "△0", "▲0.0"]]), ("",))
    assert [str(v) for v in found.values.to_pylist()] == ["0.0"] * 4


STORED = [
    pa.array([0, -5, 12, None, 999, 9007199254740, -9007199254741, 2**63 - 1, -(2**63)]),
    pa.array([2**64 - 1, 7, 999], pa.uint64()),
    pa.array([1, None, -128], pa.int8()),
    pa.array([0.0, -0.0, 0.25, -999.0, 1e-9, 1e15, 1e16, 1e17, 1.5e300, float("nan"), float("inf"), None, 3.0]),
    pa.array([0.1, 2.5, 16777216.0], pa.float32()),
    pa.array([True, False, None]),
    pa.array([decimal.Decimal("1.50"), decimal.Decimal("-2.00"), None]),
    pa.array(["1", "x", None]).dictionary_encode(),
]  # fmt: skip


@pytest.mark.parametrize("unit", ["", "one", "yen", "thousand_yen", "million_yen"])
@pytest.mark.parametrize("column", STORED, ids=str)
def test_stored_numbers_are_what_their_texts_are(column, unit):
    stored = pa.chunked_array([column])
    found = numbers(stored, ("-999", "９９９", "12"), unit)
    texts = column_text(stored).to_pylist()
    expected = [(None, "") if t in ("", "-999", "999", "12") else parse_number(t, unit) for t in texts]
    assert list(zip(found.values.to_pylist(), [RULES[r] for r in found.rule], strict=True)) == expected


def test_leading_zeros_are_codes():
    assert has_codes(pa.chunked_array([["1", "01"]]))
    assert not has_codes(pa.chunked_array([["0", "10", "0.5"]]))
