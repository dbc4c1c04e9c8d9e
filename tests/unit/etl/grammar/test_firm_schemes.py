"""Ids of several schemes: what is accepted, and that no two schemes share an id."""

import pyarrow as pa
import pytest

import etl_inputs as given
from evalkit.etl.grammar.column import RULES
from evalkit.etl.grammar.firm_id import firm_ids
from evalkit.etl.grammar.firm_schemes import PARSERS, by_row, scheme_of

NUMBER = given.number(0)
READ = [
    ("invoice_number", f"T{NUMBER}", f"T{NUMBER}", ""),
    ("invoice_number", f"ｔ-{NUMBER[0]}-{NUMBER[1:5]}-{NUMBER[5:9]}-{NUMBER[9:]}", f"T{NUMBER}", ""),
    ("invoice_number", NUMBER, None, "E_FIRM_ID"),
    ("invoice_number", "T2835678256246", None, "E_CHECK_DIGIT"),
    ("invoice_number", "T9000000000000", None, "E_PLACEHOLDER"),
    ("corporate_or_invoice", NUMBER, NUMBER, ""),
    ("corporate_or_invoice", NUMBER[1:], NUMBER, ""),
    ("corporate_or_invoice", f"T{NUMBER}", f"T{NUMBER}", ""),
    ("corporate_or_invoice", "1", None, "E_FIRM_ID"),
    ("uk_company", "1234567", "uk:01234567", ""),
    ("uk_company", " sc 123456", "uk:SC123456", ""),
    ("uk_company", "IP12345R", "uk:IP12345R", ""),
    ("uk_company", "123456789", None, "E_FIRM_ID"),
    ("eu_vat", "DE 123.456.789", "vat:DE123456789", ""),
    ("eu_vat", "123456789", None, "E_FIRM_ID"),
    ("duns", "15-048-3782", "duns:150483782", ""),
    ("duns", "15048378", None, "E_FIRM_ID"),
    ("uei", "ABCD12345678", "uei:ABCD12345678", ""),
    ("uei", "OBCD12345678", None, "E_FIRM_ID"),
    ("uei", "0BCD12345678", None, "E_FIRM_ID"),
    ("other", "Ａ1", "A1", ""),
    ("uk_company", " ", None, "E_NO_FIRM_ID"),
]


@pytest.mark.parametrize(("scheme", "text", "firm", "rule"), READ)
def test_ids_of_each_scheme(scheme, text, firm, rule):
    found = firm_ids(pa.chunked_array([[text]]), ("",), scheme, PARSERS[scheme])
    assert (found.values.to_pylist(), RULES[found.rule[0]]) == ([firm], rule)


@pytest.mark.parametrize(
    ("text", "firm", "rule"),
    [(f"法人番号|{NUMBER}", NUMBER, ""), ("Company Registration Number|123", "uk:00000123", ""),
     ("VAT Number|GB123456789", "vat:GB123456789", ""), ("UTR Number|12345", "utr number:12345", ""),
     ("Charity Number|12345", "charity number:12345", ""), ("VAT number|", None, "E_NO_FIRM_ID"),
     ("VAT number|N/A", None, "E_NO_FIRM_ID"), ("|123", None, "E_FIRM_ID"), ("DUNS|1", None, "E_FIRM_ID"),
     (f"登録番号|T{NUMBER}", f"T{NUMBER}", "")],
)  # fmt: skip
def test_ids_whose_scheme_the_row_names(text, firm, rule):
    found = firm_ids(pa.chunked_array([[text]]), ("", "N/A"), "by_row", by_row(("", "N/A")))
    assert (found.values.to_pylist(), RULES[found.rule[0]]) == ([firm], rule)


def test_no_two_schemes_share_an_id():
    """The same nine digits, or thirteen, are another firm under each scheme."""
    texts = {
        "duns": "123456789",
        "eu_vat": "DE123456789",
        "invoice_number": f"T{NUMBER}",
        "corporate_or_invoice": NUMBER,
    }
    ids = [PARSERS[scheme](text)[0] for scheme, text in texts.items()]
    ids += [by_row(())(f"{word}|123456789")[0] for word in ("UTR", "charity")]
    assert len(set(ids)) == len(ids)
    assert [scheme_of(i) for i in ids] == [
        "duns", "vat", "invoice number", "corporate number", "utr", "charity",
    ]  # fmt: skip
    assert scheme_of("A1") == "other"
