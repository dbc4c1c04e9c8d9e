"""Bytes to UTF-8: what is tried, in which order, and what is refused."""

import pytest

from evalkit.errors import DataError
from evalkit.etl.reading.encoding import to_utf8

TEXT = "番号,名称\n1,日本髙﨑①㈱商事\n2,山田\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932"])
def test_the_text_is_the_same(encoding):
    assert to_utf8(TEXT.encode(encoding), "f.csv").decode() == TEXT


def test_utf8_comes_before_cp932():
    raw = "日本".encode()
    assert raw.decode("cp932") != "日本"
    assert to_utf8(raw, "f.csv") == raw


def test_line_ends_become_newlines():
    assert to_utf8(b"a\r\nb\rc\n", "f.csv") == b"a\nb\nc\n"


@pytest.mark.parametrize("declared", ["auto", "utf-8", "cp932"])
def test_ascii_is_what_the_study_says_it_is(declared):
    assert to_utf8(b"a,b\n", "f.csv", declared) == b"a,b\n"


@pytest.mark.parametrize(
    ("raw", "declared", "code", "where"),
    [
        (TEXT.encode("cp932"), "utf-8", "E_ENCODING_MISMATCH", "f.csv"),
        (TEXT.encode(), "cp932", "E_ENCODING_MISMATCH", "f.csv"),
        (TEXT.encode(), "utf-16", "E_ENCODING_MISMATCH", "f.csv"),
        (TEXT.encode("utf-16-be"), "auto", "E_ENCODING", "f.csv"),
        (b"\xff\xfea", "auto", "E_ENCODING", "f.csv"),
        ("カナ\nｱｲｳ\n".encode("cp932") + b"\xfd\xfd\n", "auto", "E_ENCODING", "f.csv, line 3"),
        (TEXT.encode() + TEXT.encode("cp932"), "auto", "E_ENCODING_MIXED", "f.csv, line 4"),
        (TEXT.encode("cp932") + TEXT.encode(), "auto", "E_ENCODING_MIXED", "f.csv, line 4"),
    ],
)
def test_refused(raw, declared, code, where):
    with pytest.raises(DataError) as error:
        to_utf8(raw, "f.csv", declared)
    assert (error.value.code, error.value.where) == (code, where)


def test_half_width_kana_in_cp932_are_not_taken_for_utf8():
    text = "ﾃｽﾄ,ﾂｱ\n会社\n"
    assert to_utf8(text.encode("cp932"), "f.csv").decode() == text
