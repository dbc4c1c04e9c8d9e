"""Texts are cleaned once and parsed once."""

import pyarrow as pa
import pytest

from evalkit.etl.grammar.column import RULES, by_distinct, clean, distinct


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [(" ａ１ ", "a1"), ("\u3000x\u200b\ufeff", "x"), ("a\u202eb", "ab"), ("㍿", "株式会社"), ("−5", "−5")],
)
def test_clean(text, cleaned):
    assert clean(text) == cleaned


def test_distinct_over_chunks():
    values, codes = distinct(pa.chunked_array([["b", "a"], ["c", "b"]]))
    assert values.take(pa.array(codes)).to_pylist() == ["b", "a", "c", "b"]
    assert len(values) == 3


def test_each_text_is_parsed_once():
    seen = []

    def parse(text):
        seen.append(text)
        return (None, "E_NUMBER") if text == "bad" else (text.upper(), "")

    texts = pa.chunked_array([["x", "－", "bad", "x"], ["x\x00", " bad", "x"]])
    found = by_distinct(texts, ("-",), parse, pa.string())
    assert found.values.to_pylist() == ["X", None, None, "X", None, None, "X"]
    assert [RULES[r] for r in found.rule] == ["", "", "E_NUMBER", "", "E_CONTROL_CHAR", "E_NUMBER", ""]
    assert seen == ["x", "bad", "bad"]
