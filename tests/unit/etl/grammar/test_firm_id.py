"""Corporate numbers against published ones, and the fast path against the slow one."""

import pyarrow as pa
import pytest

from evalkit.etl.grammar.column import RULES, clean
from evalkit.etl.grammar.firm_id import check_digit, firm_ids, parse_corporate_number

PUBLISHED = [
    "1010001072706", "5835678256246", "8700110005901", "1000020042021", "8000020040002", "8000020041009",
    "4000020182079",
]  # fmt: skip
WRONG = {
    "2835678256246": "E_CHECK_DIGIT",
    "8700110005902": "E_CHECK_DIGIT",
    "10000200420211": "E_FIRM_ID",
    "abcdefghijklm": "E_FIRM_ID",
}


@pytest.mark.parametrize("number", PUBLISHED)
def test_published_numbers(number):
    assert check_digit(number[1:]) == int(number[0])
    assert parse_corporate_number(number) == (number, "")
    assert parse_corporate_number(number[1:]) == (number, "")
    assert parse_corporate_number(f"{number[0]}-{number[1:5]}-{number[5:9]}-{number[9:]}") == (number, "")


@pytest.mark.parametrize(("number", "rule"), WRONG.items())
def test_wrong_numbers(number, rule):
    assert parse_corporate_number(number) == (None, rule)


def test_every_other_check_digit_is_refused_on_both_paths():
    texts = [f"{d}010001072706" for d in range(10)]
    found = firm_ids(pa.chunked_array([texts]), ("",), "corporate_number")
    assert found.values.to_pylist() == [int(t) if t[0] == "1" else None for t in texts]
    assert {RULES[r] for r in found.rule} == {"", "E_CHECK_DIGIT"}


def test_a_column_of_numbers():
    wide = "".join(chr(ord(c) + 0xFEE0) for c in PUBLISHED[0])
    texts = [PUBLISHED[0], wide, PUBLISHED[1][1:], "", "9000000000000", PUBLISHED[1], PUBLISHED[1][1:]]
    found = firm_ids(pa.chunked_array([texts[:3], texts[3:]]), ("",), "corporate_number")
    first, second = int(PUBLISHED[0]), int(PUBLISHED[1])
    assert found.values.to_pylist() == [first, first, second, None, None, second, second]
    assert [RULES[r] for r in found.rule] == ["", "", "", "E_NO_FIRM_ID", "E_PLACEHOLDER", "", ""]
    assert found.n_mended == 2


def test_other_schemes_take_any_text_but_none():
    found = firm_ids(pa.chunked_array([["Ａ1 ", "A1", " ", "9000000000000", "x\0"]]), ("",), "other")
    assert found.values.to_pylist() == ["A1", "A1", None, "9000000000000", None]
    assert [RULES[r] for r in found.rule] == ["", "", "E_NO_FIRM_ID", "", "E_CONTROL_CHAR"]


def test_both_paths_agree_on_every_changed_digit():
    texts = [f"{n[:i]}{c}{n[i + 1 :]}" for n in PUBLISHED[:2] for i in range(13) for c in "0123456789a/:\u0662"]
    texts += ["9999999999999", "9000000000000", "", "1" * 12, "1" * 14, f" {PUBLISHED[0]}"]
    found = firm_ids(pa.chunked_array([texts]), ("",), "corporate_number")
    slow = [parse_corporate_number(clean(t)) if t else (None, "E_NO_FIRM_ID") for t in texts]
    assert found.values.to_pylist() == [int(number) if number else None for number, _ in slow]
    assert [RULES[r] for r in found.rule] == [rule for _, rule in slow]
