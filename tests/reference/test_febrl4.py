"""Febrl 4: five thousand made-up people, each in two files with typing errors, and the true links."""

import json

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import csv

from evalkit.etl.linking.evaluate import LinkQuality, evaluate_links
from evalkit.etl.linking.link import link
from references import reference

LEAST_PRECISION = 0.995
"""The stored rule also sees dates of birth; by name and address alone a few people are taken for namesakes."""
NAMES = ["given_name", "surname"]


def people(file: str, key: str) -> pa.Table:
    text = csv.read_csv(
        reference(f"data/{file}"),
        convert_options=csv.ConvertOptions(column_types={c: pa.string() for c in ("street_number", "postcode")}),
    )
    columns = {c: text[c].cast(pa.string()).fill_null("") for c in (*NAMES, "street_number", "address_1")}
    return pa.table({
        key: text["rec_id"],
        "name": pc.binary_join_element_wise(*(columns[c] for c in NAMES), " "),
        "prefecture": text["state"], "city": text["suburb"],
        "address": pc.binary_join_element_wise(columns["street_number"], columns["address_1"], " "),
    })  # fmt: skip


@pytest.fixture(scope="module")
def quality() -> LinkQuality:
    awards, register = people("febrl4b.csv", "award_id"), people("febrl4a.csv", "firm_id")
    truth = pc.replace_substring(awards["award_id"], "-dup-0", "-org")
    return evaluate_links(link(awards, register), pa.table({"award_id": awards["award_id"], "firm_id": truth}))


def test_more_is_found_than_by_the_stored_rule(quality: LinkQuality) -> None:
    stored = json.loads(reference("answers/febrl4_linkage.json").read_text())["values"]["febrl4"]
    assert quality.n_in_register == stored["true_links"]
    assert quality.precision >= LEAST_PRECISION
    assert quality.recall > stored["recall"]
