"""Real excerpts, beside the repository for its developers: every row is kept or set aside."""

import os

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import etl_inputs as given
from evalkit.etl.awards.first_awards import first_awards
from layout_inputs import column, typed
from references import FOLDER

SAMPLES = FOLDER.parent / "samples"
N_ROWS = {
    ("nta-corporate-number", "nta_houjin_diff_20210714_utf8_excerpt.csv"): 66,
    ("nta-corporate-number", "nta_houjin_diff_20260821_cp932_excerpt.csv"): 71,
    ("gbizinfo-subsidy", "gbizinfo_subsidy_miyagi_excerpt.csv"): 460,
    ("gbizinfo-rest-finance", "gbizinfo_rest_v1_hojin_1130001011420_trimmed.json"): 5,
}


@pytest.fixture(autouse=True)
def _excerpts():
    if not SAMPLES.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("the excerpts must be present in CI")
        pytest.skip("the excerpts are not part of this copy")


@pytest.mark.parametrize(("layout", "file"), N_ROWS)
def test_nothing_is_lost(layout, file):
    found = typed(layout, SAMPLES, file)
    assert found.source.n_rows == N_ROWS[layout, file]
    assert len(found.rejected) == 0


def test_amounts_of_the_excerpt_add_up():
    found = typed("gbizinfo-subsidy", SAMPLES, "gbizinfo_subsidy*")
    lines = (SAMPLES / "gbizinfo_subsidy_miyagi_excerpt.csv").read_text("utf-8-sig").splitlines()[1:]
    assert sum(column(found, "amount")) == sum(int(line.rsplit(",", 2)[1]) for line in lines)


def test_both_encodings_in_one_folder():
    found = typed("nta-corporate-number", SAMPLES, "nta_*.csv")
    assert found.source.n_rows == 137
    assert all(column(found, "prefecture_code"))


def test_a_malformed_code_table_is_refused_with_its_line():
    with pytest.raises(ExceptionGroup) as caught:
        typed("generic-firms", SAMPLES, "code4fukui_classSType.csv")
    (error,) = caught.value.exceptions
    assert error.code == "E_HEADER_WIDTH"


def test_reductions_of_the_excerpt_find_their_awards():
    found = typed("gbizinfo-subsidy", SAMPLES, "gbizinfo_subsidy*")
    known = pc.unique(found.rows["firm_id"].cast(pa.string()))
    made = first_awards(found, given.study({**given.study_dict(), "treatment": {}}), known)
    awards, cohorts, flow = made.awards, made.cohorts, made.flow
    steps = {s.step: s for s in flow.steps}
    n_negative = sum(amount < 0 for amount in column(found, "amount"))
    events = steps["events of awards"]
    assert n_negative == events.collapsed + events.quarantined > 0
    assert events.quarantined == awards.rejected["rule"].to_pylist().count("E_NO_AWARD")
    assert min(awards.rows["amount"].to_pylist()) >= 0
    assert len(cohorts) <= steps["in force"].kept == len(awards.rows)
