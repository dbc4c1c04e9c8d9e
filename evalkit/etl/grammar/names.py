"""Names of firms as keys for comparison, their legal form apart."""

import functools
import re
import tomllib
import unicodedata
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

from evalkit.etl.grammar.column import INVISIBLE, distinct
from evalkit.etl.grammar.kanji import fold_variants

if TYPE_CHECKING:
    import pyarrow as pa

HYPHENS = "\\-‐‑‒–—―−─━ｰ"
KATAKANA = "ァ-ヺ"
LONG_VOWEL = re.compile(rf"(?<=[{KATAKANA}])(?<![ッン])[{HYPHENS}](?=[{KATAKANA}])")
"""A hyphen that can only be meant as a prolonged sound: nothing is prolonged after ッ or ン."""
STRAY_LONG_VOWEL = re.compile(r"(?<![ぁ-ゖァ-ヺー])ー")
NOT_SAID = re.compile(r"[^\wー&]|_")
SMALL_KANA = str.maketrans("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ")


class FirmName(NamedTuple):
    """A key that is equal for one name written in several ways, and the legal form ("" where none is written)."""

    key: str
    legal_form: str


def firm_name(text: str) -> FirmName:
    """Return the key and the legal form of a firm's name.

    Width, case, spaces, punctuation, variant characters, small kana and hyphens for long vowels do not matter to the
    key; prolonged sound marks do.

    Examples
    --------
    >>> firm_name("㈱髙﨑ピ－アイ エス")
    FirmName(key='高崎ピーアイエス', legal_form='株式会社')
    >>> firm_name("Acme Works Co., Ltd.")
    FirmName(key='acmeworks', legal_form='co ltd')
    """
    folded = fold_variants(INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold())
    rest, form = _split_japanese("".join(folded.split()) if not folded.isascii() else folded)
    if not form:
        rest, form = _split_latin(rest)
    return FirmName(_key(rest), form)


def name_columns(texts: "pa.ChunkedArray") -> "tuple[pa.Array, pa.Array]":
    """Return keys and legal forms of a string column (n,), null where nothing is written.

    Each distinct text is read once.
    """
    import pyarrow as pa

    dictionary, codes = distinct(texts.cast(pa.string()).fill_null(""))
    names = [firm_name(text) for text in dictionary.to_pylist()]
    place = pa.array(codes)
    keys = pa.array([name.key or None for name in names], pa.string())
    forms = pa.array([name.legal_form or None for name in names], pa.string())
    return keys.take(place), forms.take(place)


def _key(text: str) -> str:
    spoken = STRAY_LONG_VOWEL.sub("", LONG_VOWEL.sub("ー", text))
    return NOT_SAID.sub("", spoken).translate(SMALL_KANA)


def _split_japanese(text: str) -> tuple[str, str]:
    """Take the legal form off the front, or else off the back."""
    front, back, form_of = _japanese_forms()
    found = front.match(text) or back.search(text)
    if not found:
        return text, ""
    return text[: found.start()] + text[found.end() :], form_of[found.group()]


def _split_latin(text: str) -> tuple[str, str]:
    """Take the longest legal form off the last words, unless nothing else would be left."""
    words = re.sub(r"[.']", "", text).replace(",", " ").replace("/", "").split()
    forms = _latin_forms()
    for n_words in (2, 1):
        tail = " ".join(words[-n_words:])
        if len(words) > n_words and tail in forms:
            return " ".join(words[:-n_words]), forms[tail]
    return text, ""


@functools.cache
def _japanese_forms() -> tuple[re.Pattern[str], re.Pattern[str], dict[str, str]]:
    """Return the patterns of forms in front and behind, longest first, and the form that each spelling means."""
    form_of = {fold_variants(spelling): fold_variants(form) for spelling, form in _spellings("japanese")}
    either = "|".join(re.escape(s) for s in sorted(form_of, key=lambda s: (-len(s), s)))
    return re.compile(either), re.compile(f"(?:{either})$"), form_of


@functools.cache
def _latin_forms() -> dict[str, str]:
    return dict(_spellings("latin"))


def _spellings(script: str) -> list[tuple[str, str]]:
    text = (resources.files("evalkit.etl") / "data" / "legal_forms.toml").read_text(encoding="utf-8")
    return [(spelling, form) for form, many in tomllib.loads(text)[script].items() for spelling in many]
