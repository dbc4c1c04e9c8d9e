"""Simulated awards with wrong corporate numbers: found by check digit, by name, and linked by name and address."""

import importlib.util
import sys
from types import ModuleType

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from evalkit.etl.grammar.column import RULES
from evalkit.etl.grammar.firm_id import firm_ids
from evalkit.etl.grammar.names import name_columns
from evalkit.etl.linking.evaluate import evaluate_links
from evalkit.etl.linking.link import LinkOptions, link
from evalkit.etl.linking.mismatch import id_mismatches
from references import reference

SEEDS = range(3)
LEAST_PRECISION, LEAST_RECALL = 0.99, 0.97
"""The bands stored with the scenario."""


@pytest.fixture(scope="module")
def simulate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("simulate", reference("simulate.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["simulate"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=SEEDS)
def case(request, simulate) -> tuple[pa.Table, pa.Table, dict]:
    data = simulate.gen("S8", request.param)
    raw = pa.Table.from_pandas(data["awards"], preserve_index=False)
    read = firm_ids(raw["corporate_number_raw"], ("",), "corporate_number")
    awards = pa.table({
        "award_id": raw["record_id"], "name": raw["name_raw"], "address": raw["address_raw"],
        "firm_id": read.values.cast(pa.string()), "rule": [RULES[r] for r in read.rule],
    })  # fmt: skip
    register = pa.Table.from_pandas(data["panel"], preserve_index=False).rename_columns({"corporate_number": "firm_id"})
    return awards, register, data["answer"].set_index("record_id")


def test_every_number_with_a_wrong_check_digit_is_found(case) -> None:
    awards, _, answer = case
    kinds = answer.loc[awards["award_id"].to_pylist(), "error_kind"].to_numpy()
    assert ((awards["rule"].to_numpy() == "E_CHECK_DIGIT") == (kinds == "bad_check")).all()


def test_numbers_of_other_firms_are_found_and_no_right_one_is(case) -> None:
    awards, register, answer = case
    found = id_mismatches(awards, register).to_pandas().set_index("award_id")
    names = dict(zip(register["firm_id"].to_pylist(), name_columns(register["name"])[0].to_pylist(), strict=True))
    given = dict(zip(awards["award_id"].to_pylist(), awards["firm_id"].to_pylist(), strict=True))
    wrong = answer[answer["error_kind"] == "valid_but_other_firm"]
    has_other_name = [names[given[award]] != names[true] for award, true in wrong["true_number"].items()]
    assert set(found.index) == set(wrong.index[has_other_name])
    assert (found["suggested_id"] == answer.loc[found.index, "true_number"]).all()
    assert set(found["code"]) == {"E_ID_MISMATCH"}


@pytest.mark.parametrize("is_scored", [False, True])
def test_links_by_name_and_address(case, is_scored: bool) -> None:
    awards, register, answer = case
    links = link(awards.drop_columns(["firm_id", "rule"]), register, LinkOptions(scored=is_scored))
    truth = answer.loc[awards["award_id"].to_pylist(), "true_number"].to_list()
    quality = evaluate_links(links, pa.table({"award_id": awards["award_id"], "firm_id": truth}))
    assert quality.precision >= LEAST_PRECISION
    assert quality.recall >= LEAST_RECALL


def test_numbers_mended_by_links_give_every_award_its_firm(case) -> None:
    awards, register, answer = case
    mismatch = id_mismatches(awards, register)
    is_wrong = pc.is_in(awards["award_id"], mismatch["award_id"])
    given = pc.if_else(is_wrong, pa.scalar(None, pa.string()), awards["firm_id"])
    links = link(awards.filter(given.is_null()).drop_columns(["firm_id", "rule"]), register)
    linked = links.table["firm_id"].take(pc.index_in(awards["award_id"], links.table["award_id"]))
    final = pc.coalesce(given, linked).to_numpy()
    truth = answer.loc[awards["award_id"].to_pylist(), "true_number"].to_numpy()
    has_firm = pc.is_valid(pa.array(final)).to_numpy(zero_copy_only=False)
    assert (final[has_firm] == truth[has_firm]).mean() >= LEAST_PRECISION
    assert (final == truth).mean() >= LEAST_RECALL
