"""Kanji numerals to digits, and variant characters to their everyday form."""

import functools
import re
import tomllib
from importlib import resources

DIGITS = {
    c: n
    for n, group in enumerate(("〇零", "一壱", "二弐", "三参", "四", "五伍", "六", "七", "八", "九"))
    for c in group
}
TENS = {"十": 10, "拾": 10, "百": 100, "千": 1000}
NUMERALS = "".join((*DIGITS, *TENS))
COUNTED = re.compile(rf"(?<![{NUMERALS}])[{NUMERALS}]{{1,9}}+(?=丁|番|号|条|線|地割)")
"""Possessive, so that a long run of numerals costs one pass."""


@functools.cache
def variants() -> dict[int, str]:
    """Return the table of variant characters for `str.translate`."""
    text = (resources.files("evalkit.etl") / "data" / "variant_characters.toml").read_text(encoding="utf-8")
    return {ord(pair[0]): pair[1] for group in tomllib.loads(text).values() for pair in group.split()}


def fold_variants(text: str) -> str:
    """Return the text with variant and old characters in their everyday form.

    Examples
    --------
    >>> fold_variants("髙﨑惠")
    '高崎恵'
    """
    return text.translate(variants())


def kanji_number(text: str) -> int:
    """Return the number that kanji numerals below ten thousand say, by place value or digit by digit.

    Examples
    --------
    >>> kanji_number("二十三"), kanji_number("千百"), kanji_number("一〇四")
    (23, 1100, 104)
    """
    total, digits = 0, ""
    for character in text:
        if character in TENS:
            total += TENS[character] * int(digits or 1)
            digits = ""
        else:
            digits += str(DIGITS[character])
    return total + int(digits or 0)


def digits_before_counters(text: str) -> str:
    """Return the text with kanji numerals in front of 丁, 番, 号, 条, 線 and 地割 as digits.

    Numerals anywhere else are part of a name (三田, 八千代) and stay.

    Examples
    --------
    >>> digits_before_counters("三田二十三丁目四番")
    '三田23丁目4番'
    """
    return COUNTED.sub(lambda found: str(kanji_number(found.group())), text)
