"""Bad links: awards that mean no firm, two firms or a firm without a number; firms under two ids; lost rows."""

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import etl_inputs as given
from award_inputs import by_name, named_tables
from evalkit.errors import DataError, EvalkitError, each
from evalkit.etl.awards.link_quality import identities
from evalkit.etl.awards.link_rates import link_rates
from evalkit.etl.build import build_panel
from evalkit.etl.conform import Typed

STATUS = ("n_rows", "n_linked", "n_ambiguous", "n_unlinked", "n_no_corpno")


def unlinked(data):
    data["awards"][0]["法人番号"] = given.number(99)
    return given.study_dict()


def without_number(data):
    data["awards"][0]["法人番号"] = ""
    return given.study_dict()


def names(data):
    data |= named_tables()
    return by_name()


def no_name_either(data):
    """LNK03: neither the award nor a firm has an id, a name or an address, and nothing that is missing is equal."""
    data |= named_tables()
    data["awards"][2] |= {"firm_name": "", "address": ""}
    data["firms"][9] |= {"firm_name": "", "address": ""}
    return by_name()


ROWS = [
    ("LNK01 no such firm", unlinked, 2, "法人番号", "E_UNLINKED", (3, 2, 0, 1, 0)),
    ("LNK02 two firms", names, 4, "firm_name", "E_LINK_AMBIGUOUS", (3, 2, 1, 0, 0)),
    ("LNK03 nothing on either side", no_name_either, 4, "firm_name", "E_UNLINKED", (3, 2, 0, 1, 0)),
    ("LNK12 no number", without_number, 2, "法人番号", "E_NO_FIRM_ID", (3, 2, 0, 0, 1)),
]


@pytest.mark.parametrize(
    ("change", "line", "column", "rule", "counts"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_set_aside_and_counted(tmp_path, change, line, column, rule, counts):
    """QUARANTINE: the row is in the quarantine with its place, in the flow, and in the class of its link."""
    data = given.tables()
    study = given.study(change(data))
    given.write(tmp_path, data)
    panel = build_panel(study, tmp_path, tmp_path / "quarantine")
    rows = pq.read_table(tmp_path / "quarantine" / "awards.parquet").to_pylist()
    assert ("awards.csv", line, column, rule) in [(r["file"], r["line"], r["column"], r["rule"]) for r in rows]
    year = 2021 if line == 4 else 2020
    rates = link_rates(study, tmp_path, tmp_path / "quarantine")
    (found,) = [r for r in rates["links"] if r["fiscal_year"] == year]
    assert tuple(found[name] for name in STATUS) == counts
    assert sum(s.quarantined for s in panel.flow.steps if s.unit != "firms") == len(rows)


def test_lnk12_no_number_is_coverage_and_not_the_link_rate(tmp_path):
    data = given.tables()
    study = given.study(without_number(data))
    given.write(tmp_path, data)
    build_panel(study, tmp_path, tmp_path / "quarantine")
    found = link_rates(study, tmp_path, tmp_path / "quarantine")["links"][0]
    assert (found["percent_linked"], found["percent_covered"]) == (100, pytest.approx(200 / 3))
    assert found["verdict"] == "ok"


def test_lnk02_awards_of_two_firms_count_in_the_limits(tmp_path):
    given.write(tmp_path, named_tables())
    asked = by_name()
    asked["limits"] = {"quarantined_rows": 0.01, "quarantined_amount": 1.0}
    with pytest.raises(DataError) as caught:
        build_panel(given.study(asked), tmp_path)
    assert (caught.value.code, caught.value.where) == ("E_QUARANTINE_LIMIT", "sources.awards")
    assert "E_LINK_AMBIGUOUS: 1" in caught.value.problem
    asked["limits"]["quarantined_rows"] = 1 / 6
    assert build_panel(given.study(asked), tmp_path).n_firms == 12


def test_lnk02_ambiguous_money_counts_in_the_limits(tmp_path):
    given.write(tmp_path, named_tables())
    asked = by_name()
    asked["limits"] = {"quarantined_rows": 1.0, "quarantined_amount": 0.16}
    with pytest.raises(DataError) as caught:
        build_panel(given.study(asked), tmp_path)
    assert caught.value.code == "E_QUARANTINE_LIMIT"


def test_lnk01_unlinked_awards_have_a_limit_of_their_own(tmp_path):
    data = given.tables()
    asked = unlinked(data)
    given.write(tmp_path, data)
    asked["limits"] = {"quarantined_rows": 0.0, "quarantined_amount": 0.0}
    assert build_panel(given.study(asked), tmp_path).n_firms == 12


def test_lnk03_missing_ids_never_link(tmp_path):
    """A missing id is no id that another row could have: neither firms nor firm-years without one get an award."""
    data = given.tables()
    data["awards"].append({**data["awards"][0], "award_id": "X", "法人番号": ""})
    data["firms"].append({**data["firms"][7], "法人番号": ""})
    data["firm_years"] += [{**r, "法人番号": ""} for r in data["firm_years"] if r["法人番号"] == given.number(7)]
    given.write(tmp_path, data)
    panel = build_panel(given.study(), tmp_path, tmp_path / "quarantine")
    cohorts = dict(zip(panel.firm.to_pylist(), panel.cohort.tolist(), strict=True))
    assert cohorts == {given.number(i): given.COHORTS.get(i, 0) for i in given.FIRMS}
    for role, lines in (("awards", [8]), ("firms", [14]), ("firm_years", [62, 63, 64, 65, 66])):
        rows = pq.read_table(tmp_path / "quarantine" / f"{role}.parquet").to_pylist()
        assert [(r["line"], r["rule"]) for r in rows] == [(line, "E_NO_FIRM_ID") for line in lines]


def test_lnk09_a_firm_under_two_ids_is_reported_and_kept(tmp_path):
    """WARN: nothing is merged; the report counts the rows and says where they are."""
    given.write(tmp_path, named_tables())
    study = given.study(by_name())
    assert build_panel(study, tmp_path).n_firms == 12
    (found,) = [r for r in identities(study, tmp_path) if r["code"] == "E_FIRM_TWICE"]
    assert (found["n_rows"], found["n_found"], found["verdict"]) == (12, 2, "warn")
    assert found["first"] == "firms.csv line 12, firms.csv line 13"


@pytest.mark.parametrize("rule", ["equal", "share"])
def test_lnk13_shares_of_five_firms_add_up_to_the_award(tmp_path, rule):
    data = given.tables()
    firms, shares = (6, 7, 8, 9, 10), ("1", "1", "1", "2", "2")
    data["awards"] += [
        {"award_id": "C", "法人番号": given.number(i), "programme": "P1", "交付決定日": "2020-06-01",
         "交付決定額": "1001", "share": share}
        for i, share in zip(firms, shares, strict=True)
    ]  # fmt: skip
    for row in data["awards"]:
        row.setdefault("share", "1")
    given.write(tmp_path, data)
    asked = given.study_dict()
    asked["treatment"] |= {"consortium": rule, "dose": True}
    asked["sources"]["awards"]["unit"] = {"amount": "yen"}
    rows = build_panel(given.study(asked), tmp_path).to_frame().set_index("firm_id")
    doses = rows.loc[[given.number(i) for i in firms], "dose"].tolist()
    assert sum(doses) == 1001
    assert sorted(doses) == ([200, 200, 200, 200, 201] if rule == "equal" else [143, 143, 143, 286, 286])


def test_lnk13_firms_of_one_award_without_a_rule_are_set_aside(tmp_path):
    data = given.tables()
    data["awards"].append({**data["awards"][0], "法人番号": given.number(7)})
    given.write(tmp_path, data)
    build_panel(given.study(), tmp_path, tmp_path / "quarantine")
    rows = pq.read_table(tmp_path / "quarantine" / "awards.parquet").to_pylist()
    assert [(r["line"], r["column"], r["rule"]) for r in rows] == [
        (2, "award_id", "E_KEY_CONFLICT"), (8, "award_id", "E_KEY_CONFLICT"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lossy", "where"),
    [("E_UNLINKED", "link to firms"), ("E_MISSING", "read awards")],
    ids=["LNK15 lost in the join", "LNK15 lost in reading"],
)
def test_a_row_that_gets_lost_stops_the_build(tmp_path, monkeypatch, lossy, where):
    """REJECT: a step that loses a row is a defect of evalkit and ends with exit code 1."""
    honest = Typed.reject

    def losing(self, is_bad, column, rule):
        kept = honest(self, is_bad, column, rule)
        return kept.with_rows(kept.rows.slice(1)) if rule == lossy else kept

    monkeypatch.setattr(Typed, "reject", losing)
    given.write(tmp_path, given.tables())
    with pytest.raises(EvalkitError) as caught:
        build_panel(given.study(), tmp_path)
    (error,) = each(caught.value)
    assert (error.code, error.where, error.exit_code) == ("E_CONSERVATION", where, 1)


COVERED = {
    "ING": (2, 4, 5, 6, 7, 8, 9, 10, 12, 13, 15, 17, 18, 21, 22, 23, 24, 25, 26, 27, 28, 33, 37, 40, 42, 43, 46, 47,
            48, 49, 51, 52, 57, 60, 61, 62),
    "LNK": (1, 2, 3, 6, 7, 8, 9, 12, 13, 15),
}  # fmt: skip
"""Rows of the list of bad inputs that tests of this folder hold, by id; ING35 is a rule on values (test_prepare)."""


def test_each_bad_input_has_a_row():
    here = Path(__file__).parent
    texts = [(here / f"test_bad_{name}.py").read_text("utf-8") for name in ("inputs", "firms", "links")]
    found = {(kind.upper(), int(n)) for text in texts for kind, n in re.findall(r"(?i)(ING|LNK)(\d\d)[ :_]", text)}
    missing = {(kind, n) for kind, numbers in COVERED.items() for n in numbers} - found
    assert not missing
