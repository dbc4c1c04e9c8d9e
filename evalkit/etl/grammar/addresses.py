"""Japanese addresses as levels: prefecture, city, town, numbers, building."""

import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from evalkit.etl.grammar.column import INVISIBLE, distinct
from evalkit.etl.grammar.kanji import digits_before_counters, fold_variants

if TYPE_CHECKING:
    import pyarrow as pa

PARTS = ("prefecture", "city", "address")
BETWEEN = "\x1f"
PREFECTURE = re.compile("北海道|東京都|京都府|大阪府|(?:神奈川|和歌山|鹿児島|[^都道府県0-9]{2})県")
DISTRICT = re.compile("(?!郡山市|郡上市|大和郡山市|蒲郡市|小郡市)(?:余市|高市|[^市区郡0-9]{1,4})郡")
"""Districts (郡) are often left out, so they are no part of the key."""
WARDS_OF = "札幌|仙台|さいたま|千葉|横浜|川崎|相模原|新潟|静岡|浜松|名古屋|京都|大阪|堺|神戸|岡山|広島|北九州|福岡|熊本"
TOKYO_WARDS = (
    "千代田|中央|港|新宿|文京|台東|墨田|江東|品川|目黒|大田|世田谷|渋谷|中野|杉並|豊島|北|荒川|板橋|練馬|足立|"
    "葛飾|江戸川"
)
CITY = re.compile(
    f"(?:{WARDS_OF})市(?:[^0-9]{{1,4}}?区)?|(?:{TOKYO_WARDS})区|(?:四日市|廿日市|野々市|市川|市原|[^市0-9]{{1,6}}?)市"
)
TOWN = re.compile("(?:玉村|村田|大町|[^0-9]{1,6}?)[町村]|[^市町村]{1,6}?[町村]")
WIDE_HYPHENS = re.compile("[‐‑‒–—―−─━]")
LONG_VOWEL = re.compile("(?<=[ァ-ヺー])-(?=[ァ-ヺ])")
DASH_BETWEEN = re.compile("(?<=[0-9目地番号])[ー一](?=[0-9])")
COUNTER = re.compile("(?<=[0-9])(?:丁目?|番地?(?![町丁])|号)の?|(?<=[0-9])の(?=[0-9])")
HYPHENS = re.compile("-{2,}")
NUMBERS = re.compile("[0-9]+(?:-[0-9]+)*")
MARKED_TOWN = re.compile("大字|(?<![文十])字")
KE = re.compile("(?<=[一-龠々])[ヶケがガ](?=[一-龠々])")
NO = re.compile("(?<=[一-龠々])[ノ之](?=[一-龠々])")
RU = re.compile("(?<=[上下入])ル")
NOT_READ = re.compile(r"[\s,、.・]+")


class Address(NamedTuple):
    """Levels of an address, each "" where it is not written.

    `city` has no district (郡) but has the ward of a large city. `numbers` are joined by hyphens: "1-2-3".
    """

    prefecture: str = ""
    city: str = ""
    town: str = ""
    numbers: str = ""
    building: str = ""


def read_address(text: str) -> Address:
    """Return the levels of an address, each as a key that is equal however the address was written.

    Examples
    --------
    >>> read_address("東京都港区芝浦三丁目７番１３－８０３号")
    Address(prefecture='東京都', city='港区', town='芝浦', numbers='3-7-13-803', building='')
    >>> read_address("横浜市西区センター北2ー1 ラーメンビル").town
    'センター北'
    """
    prefecture, rest = _taken(PREFECTURE, one_form(text))
    district, rest = _taken(DISTRICT, rest)
    city, rest = _taken(TOWN, rest) if district else _city(rest)
    town, numbers, building = _street(hyphenated(rest))
    return Address(prefecture, city, town, numbers, building)


def read_parts(prefecture: str, city: str, address: str) -> Address:
    """Return the levels where prefecture and city have columns of their own, each "" where it is not written.

    The address may repeat them.
    """
    given_prefecture, given_city = _place(one_form(prefecture).casefold()), _taken(DISTRICT, one_form(city))[1]
    if not given_city:
        read = read_address(address)
        return read._replace(prefecture=given_prefecture or read.prefecture)
    written, rest = _taken(PREFECTURE, one_form(address))
    rest = _taken(DISTRICT, rest)[1].removeprefix(given_city)
    town, numbers, building = _street(hyphenated(rest))
    return Address(given_prefecture or written, _place(given_city.casefold()), town, numbers, building)


def one_form(text: str) -> str:
    """Return the address in one width, without spaces, with one kind of hyphen.

    Prolonged sound marks of katakana stay what they are; a hyphen that stands for one becomes one.
    """
    folded = fold_variants(INVISIBLE.sub("", unicodedata.normalize("NFKC", text)))
    joined = NOT_READ.sub(" " if folded.isascii() else "", folded).strip()
    return LONG_VOWEL.sub("ー", WIDE_HYPHENS.sub("-", joined))


def hyphenated(street: str) -> str:
    """Return the street with counted numbers (三丁目４番地の１) as digits joined by hyphens (3-4-1)."""
    counted = digits_before_counters(DASH_BETWEEN.sub("-", street))
    return HYPHENS.sub("-", COUNTER.sub("-", counted)).rstrip("-")


def address_columns(table: "pa.Table") -> "pa.Table":
    """Return the columns `prefecture`, `city`, `town` and `numbers` of a table's addresses.

    They are read from any of its columns `prefecture`, `city` and `address`. A level that is not written is null.
    Each distinct text is read once.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    empty = pa.nulls(len(table), pa.string()).fill_null("")
    parts = [table[c].cast(pa.string()).fill_null("") if c in table.column_names else empty for c in PARTS]
    dictionary, codes = distinct(pa.chunked_array(pc.binary_join_element_wise(*parts, BETWEEN)))
    levels = [read_parts(*text.split(BETWEEN, 2)) for text in dictionary.to_pylist()]
    columns = {
        name: pa.array([getattr(level, name) or None for level in levels], pa.string()) for name in Address._fields[:4]
    }
    return pa.table(columns).take(pa.array(codes))


def _taken(pattern: re.Pattern[str], text: str) -> tuple[str, str]:
    found = pattern.match(text)
    return (_place(found.group()), text[found.end() :]) if found else ("", text)


def _city(text: str) -> tuple[str, str]:
    city, rest = _taken(CITY, text)
    return (city, rest) if city else _taken(TOWN, text)


def _street(text: str) -> tuple[str, str, str]:
    """Split at the first numbers that are not part of a town's name (北3条, 5線, 3番町)."""
    for found in NUMBERS.finditer(text):
        if text[found.end() : found.end() + 1] not in ("条", "線", "番"):
            before, after = text[: found.start()], text[found.end() :].lstrip("- ")
            return (_town(before), found.group(), after) if before else (_town(after), found.group(), "")
    return _town(text), "", ""


def _town(text: str) -> str:
    return _place(MARKED_TOWN.sub("", text).strip("- ").casefold())


def _place(name: str) -> str:
    """Return a place's name with the kana between kanji that are written in several ways in one of them."""
    said = NO.sub("の", KE.sub("ケ", name)).replace("ヶ", "ケ").replace("ッ", "ツ")
    return RU.sub("る", said)
