"""The report on links: a labelled sample, names against ids, and firms under two ids, counted by hand."""

import pytest

import etl_inputs as given
from award_inputs import by_name, named_tables
from evalkit.errors import DataError, StudyError
from evalkit.etl.awards.link_quality import against_sample, identities
from evalkit.etl.awards.link_rates import link_rates
from evalkit.etl.build import build_panel


def asked(folder, labels: str = "", **link: object):
    given.write(folder, named_tables())
    data = by_name(**link)
    if labels:
        (folder / "sample.csv").write_text(labels)
        data["link"]["sample"] = "sample.csv"
    return given.study(data)


def built(folder, study):
    return build_panel(study, folder, folder / "quarantine"), folder / "quarantine"


def labels(**firms: str) -> str:
    return "award_id,firm_id\n" + "".join(f"{award},{firm}\n" for award, firm in firms.items())


def test_precision_and_recall_against_a_sample(tmp_path):
    """Of two links one is right; three of the four awards have a firm, and one of these is linked to it."""
    known = labels(A0=given.number(0), A1="", A2=given.number(10), A3=given.number(4))
    study = asked(tmp_path, known)
    _, quarantine = built(tmp_path, study)
    assert against_sample(study, tmp_path, quarantine) == [{
        "n_labelled": 4, "n_in_register": 3, "n_linked": 2, "n_right": 1,
        "percent_precision": 50.0, "percent_recall": pytest.approx(100 / 3),
    }]  # fmt: skip


def test_nothing_linked_has_no_precision(tmp_path):
    study = asked(tmp_path, labels(A1=""))
    _, quarantine = built(tmp_path, study)
    (found,) = against_sample(study, tmp_path, quarantine)
    assert (found["n_linked"], found["percent_precision"], found["percent_recall"]) == (0, None, None)


@pytest.mark.parametrize(
    ("sample", "code", "where"),
    [
        (labels(A9=""), "E_SAMPLE", "link.sample"),
        (labels(A4=given.number(4)), "E_SAMPLE", "link.sample"),
        (labels(A0=given.number(0)) + f"A0,{given.number(0)}\n", "E_SAMPLE", "link.sample"),
        (labels(A0="1234567890123"), "E_SAMPLE", "link.sample"),
        ("award,firm_id\nA0,\n", "E_COLUMN", "sample.csv, line 1"),
        ("award_id,firm_id\n", "E_NO_ROWS", "sample.csv"),
    ],
    ids=["unknown", "has an id", "twice", "no firm id", "no column", "empty"],
)
def test_samples_that_are_refused(tmp_path, sample, code, where):
    study = asked(tmp_path, sample)
    _, quarantine = built(tmp_path, study)
    with pytest.raises(DataError) as caught:
        against_sample(study, tmp_path, quarantine)
    assert (caught.value.code, caught.value.where) == (code, where)
    assert given.number(0) not in str(caught.value)


def test_a_sample_needs_links():
    data = given.study_dict()
    data["link"] = {"sample": "sample.csv"}
    with pytest.raises(StudyError) as caught:
        given.study(data)
    assert (caught.value.code, caught.value.where) == ("E_SPEC_VALUE", "link")


def test_rates_by_year_and_by_legal_form(tmp_path):
    study = asked(tmp_path)
    _, quarantine = built(tmp_path, study)
    found = link_rates(study, tmp_path, quarantine)
    columns = ("n_rows", "n_linked", "n_ambiguous", "n_unlinked", "n_no_corpno")
    assert {r["fiscal_year"]: tuple(r[c] for c in columns) for r in found["links"]} == {
        2020: (3, 2, 0, 1, 0), 2021: (3, 2, 1, 0, 0),
    }  # fmt: skip
    assert {r["legal_form"]: tuple(r[c] for c in columns) for r in found["legal_forms"]} == {
        "株式会社": (5, 4, 1, 0, 0), "有限会社": (1, 0, 0, 1, 0),
    }  # fmt: skip


def test_an_id_of_another_firm_and_a_firm_under_two_ids(tmp_path):
    study = asked(tmp_path)
    mismatch, twice = identities(study, tmp_path)
    assert mismatch == {
        "code": "E_ID_MISMATCH", "n_rows": 6, "n_found": 1, "first": "awards.csv line 7", "verdict": "warn",
    }  # fmt: skip
    assert twice == {
        "code": "E_FIRM_TWICE", "n_rows": 12, "n_found": 2, "first": "firms.csv line 12, firms.csv line 13",
        "verdict": "warn",
    }  # fmt: skip


def test_a_sample_for_awards_that_all_have_ids_is_refused(tmp_path):
    study = asked(tmp_path, labels(A0=""))
    data = named_tables()
    for i, row in enumerate(data["awards"]):
        row["法人番号"] = given.number(i)
    given.write(tmp_path, data)
    _, quarantine = built(tmp_path, study)
    with pytest.raises(DataError) as caught:
        against_sample(study, tmp_path, quarantine)
    assert (caught.value.code, caught.value.where) == ("E_SAMPLE", "link.sample")


def test_sources_without_names_are_not_looked_at(tmp_path):
    data = given.tables()
    given.write(tmp_path, data)
    assert [r["code"] for r in identities(given.study(), tmp_path)] == ["E_FIRM_TWICE"]
    for row in data["firms"]:
        del row["firm_name"]
    given.write(tmp_path, data)
    assert identities(given.study(), tmp_path) == []
    without = given.study_dict()
    del without["sources"]["firms"]
    assert identities(given.study(without), tmp_path) == []
