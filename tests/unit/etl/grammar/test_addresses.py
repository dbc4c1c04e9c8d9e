"""Addresses written in several ways; the levels were split by hand."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.etl.grammar.addresses import address_columns, read_address, read_parts

SAME = [
    ["東京都港区芝浦三丁目７番１３－８０３号", "東京都港区芝浦3-7-13-803", "東京都 港区 芝浦３丁目７－１３－８０３",
     "東京都港区芝浦３ー７ー１３ー８０３", "東京都港区芝浦3‐7–13−803", "東京都港区芝浦三丁目7の13の803号"],
    ["宮崎県宮崎市大字赤江１２４７番地１", "宮崎県宮崎市赤江1247-1", "宮崎県宮崎市赤江1247番地の1"],
    ["東京都千代田区霞が関一丁目３番１号", "東京都千代田区霞ヶ関1-3-1", "東京都千代田区霞ケ関1-3-1"],
    ["神奈川県三浦郡葉山町堀内二一三五番地", "神奈川県葉山町堀内2135"],
    ["大阪府堺市堺区熊野町東三丁2番18号", "大阪府堺市堺区熊野町東３丁２－１８"],
    ["福岡県糟屋郡須惠町大字須惠1番地", "福岡県糟屋郡須恵町須恵1"],
    ["京都府京都市中京区烏丸通二条上ル蒔絵屋町265番地", "京都府京都市中京区烏丸通二条上る蒔絵屋町265"],
]  # fmt: skip
LEVELS = {
    "北海道札幌市中央区北三条西四丁目１番地": ("北海道", "札幌市中央区", "北3条西", "4-1", ""),
    "三重県四日市市諏訪町1の5": ("三重県", "四日市市", "諏訪町", "1-5", ""),
    "東京都千代田区三番町6番地": ("東京都", "千代田区", "3番町", "6", ""),
    "神奈川県横浜市西区センター北2ー1 ラーメンビル": ("神奈川県", "横浜市西区", "センター北", "2-1", "ラーメンビル"),
    "愛知県名古屋市中村区名駅１丁目１番１号": ("愛知県", "名古屋市中村区", "名駅", "1-1-1", ""),
    "兵庫県姫路市飾磨区細江１番地": ("兵庫県", "姫路市", "飾磨区細江", "1", ""),
    "新潟県三条市本町１丁目1": ("新潟県", "三条市", "本町", "1-1", ""),
    "大阪府四條畷市中野１番": ("大阪府", "四条畷市", "中野", "1", ""),
    "北海道余市郡余市町黒川町１番": ("北海道", "余市町", "黒川町", "1", ""),
    "富山県中新川郡上市町法音寺1": ("富山県", "上市町", "法音寺", "1", ""),
    "奈良県大和郡山市北郡山町1": ("奈良県", "大和郡山市", "北郡山町", "1", ""),
    "群馬県佐波郡玉村町下新田1": ("群馬県", "玉村町", "下新田", "1", ""),
    "千葉県市川市八幡1-1": ("千葉県", "市川市", "八幡", "1-1", ""),
    "8 Stanley Street": ("", "", "stanley street", "8", ""),
    "東京都": ("東京都", "", "", "", ""),
    "": ("", "", "", "", ""),
}


@pytest.mark.parametrize("texts", SAME)
def test_one_address_has_one_key(texts):
    read = {read_address(text) for text in texts}
    assert len(read) == 1
    assert read.pop().numbers


@pytest.mark.parametrize("text", LEVELS)
def test_levels(text):
    assert read_address(text) == LEVELS[text]


@pytest.mark.parametrize("name", ["センター北", "ニュータウンー", "フラワー通"])
def test_prolonged_sounds_of_towns_stay(name):
    assert read_address(f"神奈川県横浜市西区{name}2ー1")[2:4] == (name, "2-1")


def test_columns_of_their_own_come_first():
    whole = read_address("東京都中央区中央町１丁目２番")
    assert read_parts("東京都", "中央区", "中央町１丁目２番") == whole
    assert read_parts("東京都", "中央区", "東京都中央区中央町1-2") == whole
    assert read_parts("東京都", "", "中央区中央町1-2") == whole
    assert read_parts("", "中央区", "東京都中央区中央町1-2") == whole
    assert read_parts("神奈川県", "三浦郡葉山町", "堀内1") == read_address("神奈川県三浦郡葉山町堀内1")
    assert read_parts("NSW", "Winston Hills", "8 Stanley Street")[:4] == ("nsw", "winston hills", "stanley street", "8")


def test_table_columns_are_null_where_nothing_is_written():
    table = pa.table({"address": ["東京都港区芝1-2", None, "港区"], "name": ["a", "b", "c"]})
    assert address_columns(table).to_pylist() == [
        {"prefecture": "東京都", "city": "港区", "town": "芝", "numbers": "1-2"},
        {"prefecture": None, "city": None, "town": None, "numbers": None},
        {"prefecture": None, "city": "港区", "town": None, "numbers": None},
    ]
    assert address_columns(table.select(["name"])).column("city").null_count == 3


@given(st.text(alphabet="東京都港区市町村郡一二十丁目番地号のー-－１２3ァ字大 ", max_size=60))
def test_any_text_is_read(text):
    read = read_address(text)
    assert not set(read.numbers) - set("0123456789-")
    assert not read.numbers.startswith("-")
