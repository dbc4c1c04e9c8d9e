"""Small snapshots of the report's words: a change here is a change of what readers are told."""

import pytest
from markupsafe import Markup

import reports
from evalkit.reporting.headline import headline
from evalkit.reporting.page import Page
from evalkit.reporting.release import release
from evalkit.reporting.sections import checks, disclosure, flow, summary
from evalkit.reporting.words import words

HEADLINE = {
    "en": "Sales: higher in supported firms than it would have been without the award, "
    "5.1% (95% interval 4.4% to 5.8%). In level this is JPY 15.4 million (JPY 13.3 million to JPY 17.5 million); "
    "supported firms averaged JPY 300 million in the year before the award.",
    "ja": "売上高：支援企業では、支援がなかった場合と比べて高かった。効果は5.1%（95%信頼区間：4.4% ～ 5.8%）。"
    "水準では1,538万円（1,327万円 ～ 1,751万円）に相当する。支援の前年度における支援企業の平均は3.00億円である。",
}
CHECKS = {
    "en": [
        "The groups are alike: the largest standardised difference is 0.060 (Employees (log)). "
        "Up to 0.1 counts as alike.",
        "0 of 90 supported firms (0.00%) have no comparable firm: 0 have a score outside the range of the comparison "
        "firms, 0 were dropped by matching.",
        "Effects before the award do not differ from zero for any outcome. For Sales, Group-time effects: chi-squared "
        "3.20, degrees of freedom 2, p-value 0.400.",
    ],
    "ja": [
        "両群は似ている。標準化平均差の最大値は0.060（従業員数（対数））である。0.1以下であれば似ているとみなす。",
        "支援企業90社のうち0社（0.00%）には比べられる企業がない。0社はスコアが比較対象企業の範囲の外にあり、"
        "0社はマッチングで除外された。",
        "支援前の効果は、どのアウトカムでもゼロと異ならない。売上高（グループタイム推定）：カイ二乗統計量3.20、自由度2、p値0.400。",
    ],
}
READINGS = [
    ("Sales", "5.1%", "above zero"),
    ("hours", "−2.00 hours", "below zero"),
    ("Exit", "0.10 pp", "cannot be said to differ from zero"),
    ("assets", "0.100 asinh units", "above zero"),
]


@pytest.fixture(scope="module")
def released():
    return release(reports.evaluation())


@pytest.mark.parametrize("language", ["en", "ja"])
def test_headline(released, language):
    assert headline(released, language) == HEADLINE[language]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_sentences_of_checks(released, language):
    page = Page(released, words(language), {})
    assert [Markup(checks.sentence(page, name)).striptags() for name in released.checks] == CHECKS[language]


def test_all_outcomes_in_the_summary(released):
    text = summary.render(Page(released, words("en"), {})).striptags()
    for outcome, effect, reading in READINGS:
        assert f"{outcome} Group-time effects {effect} " in text
        assert reading in text
    assert "not per cent" in text


def test_flow_and_notes(released):
    text = flow.render(Page(released, words("ja"), {})).striptags()
    assert "採択データの読込み 行 200 170 30 0 日付でない" in text
    assert "企業12社は、推定から除いた。" in text


def test_disclosure(released):
    """Hidden is the share of firms that had closed before the award: 10 % of 90 are nine."""
    text = disclosure.render(Page(released, words("en"), {})).striptags()
    assert "fewer than 10 distinct supported or comparison firms" in text
    assert "Numbers hidden in this release: 1." in text
