"""What a study calls units and categories of its data, in each language."""

import pytest

import reports
from evalkit.model.evaluation import Number, Row
from evalkit.reporting.numbers import shown
from evalkit.reporting.page import Page
from evalkit.reporting.points import amount_unit, group_label
from evalkit.reporting.release import release
from evalkit.reporting.sections import balance, checks
from evalkit.reporting.words import words, words_of

LABELS = {"items per 100": {"ja": "個/100個"}, "A": {"en": "Construction", "ja": "建設業"}}


@pytest.fixture(scope="module")
def asked():
    return reports.study(report={"labels": LABELS})


@pytest.mark.parametrize(
    ("language", "unit", "text"),
    [
        ("ja", "items per 100", "4.40個/100個"), ("en", "items per 100", "4.40 items per 100"),
        ("ja", "hours", "4.40時間"), ("ja", "kg", "4.40 kg"), ("en", "", "4.40"),
    ],
)  # fmt: skip
def test_a_unit_is_written_as_the_study_calls_it(asked, language, unit, text):
    assert shown(Number("x", 4.4, unit), words_of(asked, language)) == text


@pytest.mark.parametrize(("language", "label"), [("en", "Industry: Construction"), ("ja", "業種：建設業")])
def test_a_category_is_written_as_the_study_calls_it(asked, language, label):
    page = Page(release(reports.evaluation(study=asked)), words_of(asked, language), {})
    text = balance.render(page)
    assert label in text
    assert label.replace("Construction", "A").replace("建設業", "A") not in text
    assert group_label(page.words, "A") == label.split(": ")[-1].split("：")[-1]


def test_amounts_have_their_unit():
    say = words("en")
    assert group_label(say, "1: <= 3.4", amount_unit(say, 1_000_000)) == "up to 3.4 million yen"
    assert group_label(words("ja"), "2: 3.4 to 5.9", amount_unit(words("ja"), 1_000)) == "3.4超5.9千円以下"
    assert group_label(say, "3: > 5.9") == "above 5.9"
    assert amount_unit(say, 500) == "times 500 yen"


@pytest.mark.parametrize(("language", "never"), [("en", "never supported"), ("ja", "一度も支援なし")])
def test_firms_without_an_award_have_no_year(asked, language, never):
    page = Page(release(reports.evaluation(study=asked)), words_of(asked, language), {})
    rows = [
        Row({"kind": "never", "cohort": 2018, "control_cohort": 0}, {}),
        Row({"cohort": 0, "control_cohort": 2019}, {}),
    ]
    assert [line[1:] for line in checks.details(page, asked, "", rows).rows] == [["2018", never], [never, "2019"]]
