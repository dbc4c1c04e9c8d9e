"""Schemes of firm ids: what an id must look like, and its form in which ids of two schemes are never equal."""

import re
from collections.abc import Callable, Iterable

from evalkit.etl.grammar.column import Parse, clean
from evalkit.etl.grammar.firm_id import parse_corporate_number, parse_other

SEPARATOR = "|"
UK = re.compile(r"(?:[A-Z]{2}\d{6}|[A-Z]{2}\d{5}[A-Z]|\d{1,8})", re.ASCII)
VAT = re.compile(r"[A-Z]{2}[0-9A-Z+*]{2,12}", re.ASCII)
DUNS = re.compile(r"\d{9}", re.ASCII)
UEI = re.compile(r"(?!0)[0-9A-HJ-NP-Z]{12}", re.ASCII)
SPACES = re.compile(r"[\s.\-‐‑–]+")
WORDS = {
    "corporate_number": ("法人番号", "corporate number"),
    "invoice_number": ("登録番号", "適格請求書発行事業者登録番号", "インボイス番号", "invoice number"),
    "uk_company": ("company registration number", "uk company number", "crn"),
    "eu_vat": ("vat", "vat number", "vat registration number"),
    "duns": ("duns number",),
    "uei": ("unique entity id",),
}
"""Schemes, and the words by which a file may name them row by row."""
SCHEME_OF = {clean(w).casefold(): scheme for scheme, words in WORDS.items() for w in (scheme, *words)}


def parse_invoice_number(text: str) -> tuple[str | None, str]:
    """Read one cleaned text as a qualified invoice number: T and thirteen digits with a corporate number's check digit.

    The T stays: a sole proprietor's digits are no corporate number though they pass the same check.
    """
    plain = SPACES.sub("", text).upper()
    number, rule = (
        parse_corporate_number(plain[1:]) if re.fullmatch(r"T\d{13}", plain, re.ASCII) else (None, "E_FIRM_ID")
    )
    return (f"T{number}", "") if number else (None, rule)


def parse_corporate_or_invoice(text: str) -> tuple[str | None, str]:
    """Read one cleaned text as an invoice number if it begins with T, and as a corporate number otherwise."""
    return parse_invoice_number(text) if text[:1] in "Tt" else parse_corporate_number(text)


def _prefixed(prefix: str, shape: re.Pattern[str], filled: int = 0) -> Parse:
    def parse(text: str) -> tuple[str | None, str]:
        plain = SPACES.sub("", text).upper()
        if not shape.fullmatch(plain):
            return None, "E_FIRM_ID"
        return f"{prefix}:{plain.zfill(filled) if plain.isdecimal() else plain}", ""

    return parse


PARSERS: dict[str, Parse] = {
    "other": parse_other,
    "invoice_number": parse_invoice_number,
    "corporate_or_invoice": parse_corporate_or_invoice,
    "uk_company": _prefixed("uk", UK, 8),
    "eu_vat": _prefixed("vat", VAT),
    "duns": _prefixed("duns", DUNS),
    "uei": _prefixed("uei", UEI),
}
"""How an id of each scheme is read; corporate numbers, the usual ones, are numbers and have a reader of their own."""


def by_row(missing: Iterable[str]) -> Parse:
    """Return how "scheme|id" is read: by the scheme's own rule, or as text behind the name of a scheme not known."""
    tokens = {clean(t) for t in (*missing, "")}
    parsers: dict[str, Callable[[str], tuple[str | None, str]]] = {
        **PARSERS,
        "corporate_number": parse_corporate_number,
    }

    def parse(text: str) -> tuple[str | None, str]:
        word, _, firm = (part.strip() for part in text.partition(SEPARATOR))
        if firm in tokens or word in tokens:
            return None, "" if firm in tokens else "E_FIRM_ID"
        scheme = SCHEME_OF.get(word.casefold())
        return parsers[scheme](firm) if scheme else (f"{word.casefold()}:{firm}", "")

    return parse


def scheme_of(firm: str) -> str:
    """Return the scheme of an id in its stored form, for counts.

    Examples
    --------
    >>> scheme_of("1010001072706"), scheme_of("T1010001072706"), scheme_of("uk:01234567")
    ('corporate number', 'invoice number', 'uk')
    """
    prefix, colon, _ = firm.partition(":")
    if colon:
        return prefix
    if re.fullmatch(r"T?\d{13}", firm, re.ASCII):
        return "invoice number" if firm[0] == "T" else "corporate number"
    return "other"
