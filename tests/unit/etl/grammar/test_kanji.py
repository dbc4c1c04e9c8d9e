"""Kanji numerals against every number spelled out, and the table of variants against its own rules."""

import unicodedata

import pytest

from evalkit.etl.grammar.kanji import DIGITS, TENS, digits_before_counters, fold_variants, kanji_number, variants


def spelled(n: int) -> str:
    """Write a number below ten thousand in kanji, the way a clerk does: 1 is left out before ten, hundred, thousand."""
    out = ""
    for unit, mark in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, n = divmod(n, unit)
        if digit:
            out += ("" if digit == 1 and mark else "〇一二三四五六七八九"[digit]) + mark
    return out


def test_every_number_below_ten_thousand():
    assert [kanji_number(spelled(n)) for n in range(1, 10_000)] == list(range(1, 10_000))


@pytest.mark.parametrize(("text", "number"), [("一〇四", 104), ("二〇", 20), ("弐拾参", 23), ("零", 0)])
def test_digit_by_digit_and_old_numerals(text, number):
    assert kanji_number(text) == number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("三田二十三丁目", "三田23丁目"),
        ("北三条西四丁目", "北3条西4丁目"),
        ("八千代一番地", "八千代1番地"),
        ("三番町六番", "3番町6番"),
        ("六本木", "六本木"),
        ("一" * 10 + "番", "一" * 10 + "番"),
    ],
)
def test_only_counted_numerals_become_digits(text, expected):
    assert digits_before_counters(text) == expected


def test_a_very_long_run_of_numerals_is_left_alone():
    text = "一" * 200_000
    assert digits_before_counters(text) == text


def test_variants_are_single_steps_that_width_folding_leaves_apart():
    table = variants()
    assert len(table) > 300
    for source, target in table.items():
        assert chr(source) != target
        assert len(target) == 1
        assert ord(target) not in table
        assert unicodedata.normalize("NFKC", chr(source)) == chr(source)


@pytest.mark.parametrize(
    ("old", "new"), [("髙﨑惠", "高崎恵"), ("廣澤邊國榮", "広沢辺国栄"), ("𠮷田", "吉田"), ("山田", "山田")]
)
def test_folding(old, new):
    assert fold_variants(old) == new
    assert fold_variants(fold_variants(old)) == new


def test_numerals_are_never_variants_of_one_another():
    assert not set(DIGITS) & {chr(c) for c in variants()}
    assert set(TENS) == set("十拾百千")
