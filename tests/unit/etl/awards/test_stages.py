"""Awards as events: what is left after changes, settlements, payments, returns and withdrawals."""

import importlib.util
import itertools
from collections import Counter

import pyarrow as pa
import pytest

import etl_inputs as given
from award_inputs import row, run
from evalkit.etl.awards.first_awards import first_awards
from evalkit.etl.awards.ledger import ledger
from evalkit.etl.awards.stages import WORDS, Event, dating_stage, net, stage_of
from evalkit.etl.conform import conform
from evalkit.etl.needs import fields
from evalkit.etl.source import read_source
from references import reference

N_SEEDS = 3


def cohorts_of(table):
    return {str(k): v for k, v in zip(*(table[n].to_pylist() for n in ("firm_id", "cohort")), strict=True)}


def events(*pairs):
    return [Event(i, stage, day, amount) for i, (stage, day, amount) in enumerate(pairs)]


@pytest.mark.parametrize(
    ("history", "amount", "kind", "is_void"),
    [
        ([("decided", 1, 100.0)], 100, "decided", False),
        ([("decided", 1, 100.0), ("changed", 2, -30.0)], 70, "decided", False),
        ([("decided", 1, 100.0), ("changed", 2, 80.0), ("changed", 3, -5.0)], 75, "decided", False),
        ([("decided", 1, 100.0), ("settled", 2, 90.0)], 90, "settled", False),
        ([("decided", 1, 100.0), ("paid", 2, 40.0), ("paid", 3, 50.0)], 90, "paid", False),
        ([("decided", 1, 100.0), ("paid", 2, 90.0), ("returned", 3, 90.0)], 0, "paid", True),
        ([("decided", 1, 100.0), ("paid", 2, 90.0), ("returned", 3, -20.0)], 70, "paid", False),
        ([("decided", 1, 100.0), ("withdrawn", 2, None)], 100, "decided", True),
        ([("decided", 1, 100.0), ("withdrawn", 2, None), ("decided", 3, 60.0)], 160, "decided", False),
        ([("decided", 1, 100.0), ("decided", 2, -100.0)], 0, "decided", True),
        ([("decided", 1, 0.0)], 0, "decided", False),
        ([("decided", 1, None), ("returned", 2, None)], None, "decided", False),
        ([("decided", 1, 0.3), ("decided", 2, -0.1), ("decided", 3, -0.2)], 0, "decided", True),
    ],
)
def test_what_is_left_whatever_the_order_of_rows(history, amount, kind, is_void):
    for order in itertools.permutations(events(*history)):
        found = net(order, "decided")
        assert (found.row, found.amount, found.amount_kind, found.is_void) == (0, amount, kind, is_void)
        assert sorted(found.rows) == list(range(len(history)))


def test_events_without_an_award_have_no_row():
    assert net(events(("decided", 1, -5.0)), "decided").row == -1


def test_words_of_stages():
    assert [stage_of(word) for word in ("採択", "交付決定", "額の確定", "支払", "返還", "辞退")] == [
        "selected", "decided", "settled", "paid", "returned", "withdrawn",
    ]  # fmt: skip
    assert len({word for words in WORDS.values() for word in words}) == sum(map(len, WORDS.values()))


def test_the_stage_that_dates_is_the_study_s_or_the_first_usual_one():
    assert dating_stage(["selected", "paid", "decided"], "") == "decided"
    assert dating_stage(["selected", "paid"], "") == "selected"
    assert dating_stage(["decided"], "採択") == "selected"
    assert dating_stage(["round 2"], "") == ""


def test_a_decided_then_withdrawn_award_does_not_treat(tmp_path):
    rows = [
        row(0, "2020-05-01", 10, award_id="A", stage="採択"),
        row(0, "2020-06-01", 10, award_id="A", stage="交付決定"),
        row(0, "2020-09-01", "", award_id="A", stage="辞退"),
        row(1, "2020-06-01", 20, award_id="B", stage="交付決定"),
        row(1, "2021-06-01", "△5", award_id="B", stage="変更"),
        row(2, "2021-06-01", 7, award_id="C", stage="変更"),
    ]
    awards, cohorts, flow = run(tmp_path, rows)
    assert cohorts_of(cohorts) == {given.number(1): 2020}
    assert awards.rows["amount"].to_pylist() == [15_000]
    steps = {s.step: (s.n_in, s.kept, s.quarantined, s.collapsed) for s in flow.steps}
    assert steps["stage"] == (6, 5, 1, 0)
    assert steps["events of awards"] == (5, 2, 1, 2)
    assert steps["in force"] == (2, 1, 1, 0)
    assert awards.rejected["rule"].to_pylist() == ["E_NO_AWARD"]


def test_reductions_without_an_id_find_the_last_award_large_enough(tmp_path):
    rows = [
        row(0, "2019-05-01", 100, programme="P1"),
        row(0, "2020-05-01", 30, programme="P1"),
        row(0, "2020-08-01", -30, programme="P1"),
        row(0, "2021-08-01", -40, programme="P1"),
        row(1, "2020-08-01", -40, programme="P1"),
        row(1, "2021-08-01", 50, programme="P1"),
    ]
    awards, cohorts, _ = run(tmp_path, rows)
    assert cohorts_of(cohorts) == {given.number(0): 2019, given.number(1): 2021}
    assert sorted(awards.rows["amount"].to_pylist()) == [50_000, 60_000]
    assert awards.rejected["rule"].to_pylist() == ["E_NO_AWARD"]


def test_files_without_events_get_no_further_steps(tmp_path):
    _, _, flow = run(tmp_path, [row(0, "2020-05-01", 1, award_id="A"), row(1, "2020-05-01", 1, award_id="B")])
    assert [s.step for s in flow.steps] == ["read awards", "distinct awards", "link to firms", "first award"]


def test_transactions_add_up_per_award(tmp_path):
    header = (
        "assistance_transaction_unique_key,assistance_award_unique_key,recipient_uei,action_date,"
        "federal_action_obligation"
    )
    lines = [
        "t1,A,U1,2020-05-01,100.10",
        "t2,A,U1,2020-06-01,50",
        "t3,A,U1,2021-06-01,-40.05",
        "t4,B,U2,2020-05-01,9",
        "t5,B,U2,2020-07-01,-9",
    ]
    (tmp_path / "awards.csv").write_text("\n".join([header, *lines]))
    data = given.study_dict()
    data["sources"]["awards"] = {"layout": "usaspending-assistance", "path": "awards.csv"}
    data["treatment"] = {}
    study = given.study(data)
    source = read_source("awards", study.sources.awards, tmp_path)
    found = first_awards(conform(source, fields(source, [], study)), study, pa.array(["U1", "U2"]))
    awards, cohorts = found.awards, found.cohorts
    assert (cohorts_of(cohorts), awards.rows["amount"].to_pylist()) == ({"U1": 2020}, [110.05])


@pytest.mark.parametrize("seed", range(N_SEEDS))
def test_a_dirty_ledger_with_known_answers(tmp_path, seed):
    place = reference("simulate.py")
    spec = importlib.util.spec_from_file_location("simulate", place)
    simulate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(simulate)
    world = simulate.gen("S6", seed)
    truth = world["truth"]
    rows = world["awards"].astype(str).to_dict("records")
    columns = {"firm_id": "firm_id", "award_id": "award_id", "parent_award_id": "ref_award_id",
               "award_date": "date_text", "amount": "amount", "amount_unit": "unit"}  # fmt: skip
    firms = pa.array(sorted({str(f) for f in world["panel"]["firm_id"]}))
    declared = {"columns": columns, "firm_scheme": "other", "unit": {}}
    awards, cohorts, flow = run(tmp_path, rows, firms, declared)
    assert cohorts_of(cohorts) == {str(k): v for k, v in truth["sample_first_fy"].items()}
    counts, amounts = Counter[str](), Counter[str]()
    for year in ledger(awards).to_pylist():
        counts[year["firm_id"]] += year["n_awards"]
        amounts[year["firm_id"]] += year["amount"]
    assert amounts == {str(k): v for k, v in truth["sample_cum_yen"].items()}
    assert counts == {str(k): v for k, v in truth["sample_n_awards"].items()}
    steps = {s.step: s for s in flow.steps}
    assert steps["read awards"].n_in == truth["sample_ledger_rows"]
    assert steps["distinct awards"].collapsed == truth["sample_duplicate_rows"]
    assert steps["events of awards"].collapsed == truth["sample_cancelled"]
    assert steps["in force"].quarantined == truth["sample_cancelled"]
    assert sum(awards.rows["amount"].to_pylist()) == truth["sample_total_yen"]
