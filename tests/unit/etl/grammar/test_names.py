"""Names written in several ways, and names that must stay apart."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.etl.grammar.names import firm_name, name_columns

SAME = [
    [
        "株式会社東海電子",
        "㈱東海電子",
        "（株）東海電子",
        "(株) 東海電子",
        "株式会社　東海電子",
        "㍿東海電子",
        "東海電子㈱",
    ],
    ["有限会社カブト商店", "㈲ｶﾌﾞﾄ商店", "カブト商店（有）", "有限会社 カブト 商店"],
    ["株式会社ピーアイエス", "株式会社ピ－アイエス", "㈱ﾋﾟｰｱｲｴｽ", "㈱ピ‐アイエス"],
    ["髙﨑工業合同会社", "高崎工業(同)", "高崎工業合同会社"],
    ["ユニ・チャーム株式会社", "ユニチヤーム(株)"],
    ["株式会社ｉ－ＡＵＴＯ", "㈱i-auto", "㈱Ｉ−ＡＵＴＯ"],
    ["Acme Works Co., Ltd.", "ACME WORKS CO.,LTD.", "Ａｃｍｅ　Ｗｏｒｋｓ Co Ltd"],
    ["一般社団法人日本会", "(一社)日本会"],
    ["特定非営利活動法人みどり", "ＮＰＯ法人みどり"],
]
APART = [
    ("株式会社データ", "株式会社データー"),
    ("株式会社ビル", "株式会社ビール"),
    ("三田工業", "三和工業"),
    ("セブンイレブン", "セブンー"),
]


@pytest.mark.parametrize("names", SAME)
def test_one_name_has_one_key_and_one_form(names):
    read = {firm_name(name) for name in names}
    assert len(read) == 1
    assert all(read.pop())


@pytest.mark.parametrize(("one", "other"), APART)
def test_prolonged_sounds_and_characters_tell_names_apart(one, other):
    assert firm_name(one).key != firm_name(other).key


@pytest.mark.parametrize(
    ("text", "key", "form"),
    [
        ("医療法人社団山田会", "山田会", "医療法人社団"),
        ("医療法人山田会", "山田会", "医療法人"),
        ("株式会社", "", "株式会社"),
        ("Limited", "limited", ""),
        ("山田商店", "山田商店", ""),
        ("Ａ−１サービス(株)", "a1サービス", "株式会社"),
        ("サン-トップ㈱", "サントツプ", "株式会社"),
    ],
)
def test_the_legal_form_is_apart(text, key, form):
    assert firm_name(text) == (key, form)


@given(st.text(max_size=40))
def test_a_key_is_its_own_key(text):
    key = firm_name(text).key
    assert not any(c.isspace() for c in key)
    assert firm_name(f"株式会社{key}") == (key, "株式会社") or firm_name(key).legal_form


def test_columns_read_each_text_as_the_function_does():
    texts = ["㈱東海電子", None, "株式会社", "Foo K.K.", "㈱東海電子"]
    keys, forms = name_columns(pa.chunked_array([texts[:2], texts[2:]]))
    assert keys.to_pylist() == ["東海電子", None, None, "foo", "東海電子"]
    assert forms.to_pylist() == ["株式会社", None, "株式会社", "kk", "株式会社"]


def test_an_empty_column():
    keys, forms = name_columns(pa.chunked_array([], pa.string()))
    assert (len(keys), len(forms)) == (0, 0)
