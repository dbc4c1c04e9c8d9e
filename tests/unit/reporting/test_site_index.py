"""The index of a site, and the overview of a release that it is made from."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import reports
import sites
from evalkit.plan.movement import movements
from evalkit.reporting.exports import overview
from evalkit.reporting.release import release
from evalkit.reporting.site_index import index_page, moved_too_far
from evalkit.reporting.tables import results

SAID = {
    "en": ["newer edition (2026-04-15) is held", "late since 2026-02-01: Firm-years. The newest file is of 2025-01",
           "late since 2026-02-03: Awards. There is no file", "failed (E_SEALED)", "failed (E_NO_CONTROL)",
           "accepted by 山田花子 on 2026-02-20: Checked", "No edition has been published yet", "the first edition"],
    "ja": ["新しい版（2026-04-15）", "2026-02-01以降、データが届いていない：企業・年度データ", "2026-02-03以降",
           "失敗した（E_SEALED）", "山田花子が2026-02-20に公表を承認：Checked", "公表した版はまだない", "初版である"],
}  # fmt: skip


class Links(HTMLParser):
    """Collects targets of links, ids and names of tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets, self.ids, self.tags = list[str](), list[str](), set[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.targets += [given["href"] or ""] if tag == "a" else []
        self.ids += [given["id"] or ""] if "id" in given else []


@pytest.mark.parametrize("language", ["en", "ja"])
def test_it_says_what_is_the_case_with_each_study(language: str) -> None:
    page = index_page(sites.entries(), language)
    for said in SAID[language]:
        assert said in page
    found = Links(page)
    assert found.ids == [entry["id"] for entry in sites.entries()]
    assert {target[1:] for target in found.targets if target.startswith("#")} == set(found.ids)
    rest = {target for target in found.targets if not target.startswith(("#", "editions/"))}
    assert rest == {f"index.{'ja' if language == 'en' else 'en'}.html"}
    wanted = {r["path"] for entry in sites.entries() for one in entry["editions"] for r in one["reports"]}
    assert {target for target in found.targets if target.startswith("editions/")} == wanted
    assert "default-src 'none'" in page
    assert found.tags.isdisjoint({"script", "img", "link", "iframe", "form"})


def test_pages_of_both_languages_have_the_same_parts() -> None:
    tags = [re.findall(r"<(/?[a-z0-9]+)", index_page(sites.entries(), language)) for language in ("en", "ja")]
    assert tags[0] == tags[1]


def test_distances_have_no_sign_and_what_is_gone_a_dash() -> None:
    page = index_page(sites.entries()[:1], "en")
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page)
    assert cells[3:7] == ["Group-time effects", "19.6%", "–", "0.4"]


def test_own_languages_pages_come_first() -> None:
    links = re.findall(r'report\.(\w+)\.(\w+)"', index_page(sites.entries()[:1], "ja"))
    assert links[:2] == [("ja", "html"), ("ja", "docx")]
    assert links[3] == ("en", "html")


def test_text_of_others_is_text() -> None:
    (entry, *_) = sites.entries()
    markup = "<script>alert(1)</script>"
    entry["title"] = dict.fromkeys(("en", "ja"), markup)
    entry["editions"][0]["decision"] = {**sites.entries()[1]["editions"][0]["decision"], "reason": markup}
    assert markup not in index_page([entry], "en")


def test_an_empty_site_has_an_index() -> None:
    assert Links(index_page([], "en")).ids == []


@pytest.mark.parametrize("rule", ["sign", "moved", "unknown"])
def test_reasons_name_the_effect_in_both_languages(rule: str) -> None:
    effect = {"outcome": {"en": "Sales", "ja": "売上高"}, "method": {"en": "Two-way", "ja": "二方向"}}
    found = moved_too_far(rule, None if rule == "unknown" else -4.25, 3, effect)
    assert found["en"].startswith("Sales (Two-way): ")
    assert found["ja"].startswith("売上高（二方向）：")
    assert ("4.2" in found["en"]) == ("4.2" in found["ja"]) == (rule == "moved")


def test_the_overview_has_what_the_report_says() -> None:
    released = release(reports.evaluation())
    told = json.loads(overview.text(released))
    assert told["title"] == {"en": "A small study", "ja": "小さな分析"}
    assert told["grade"]["sms"] == released.grade.sms
    first = told["effects"][0]
    assert first["id"] == "group_time.overall.sales"
    assert first["estimate"] == released.numbers["effects.group_time.overall.sales.estimate"].value
    assert (first["outcome"], first["shown"]["en"]) == ({"en": "Sales", "ja": "売上高"}, "5.1%")
    assert len(told["effects"]) == 4


def grouped(late: float):
    """Release the small study with the cohorts of 2018 and of later years as groups.

    What sales of the later one gain those of the other lose: 30 * 3 + 20 * 2 firm-years against 40 * 4.
    """
    made = reports.effects(reports.study())
    is_late = made.table["cohort"] > 2018
    table = made.table.assign(group=np.where(is_late, LATER, "製造業"))
    is_moved = (table["outcome"] == "sales") & (table["event_time"] >= 0)
    table.loc[is_moved, "estimate"] += np.where(is_late, late, -late * 130 / 160)[is_moved]
    shares = dataclasses.replace(made.shares, groups=np.array(["製造業", LATER, LATER]))
    return release(reports.evaluation(effects=(dataclasses.replace(made, table=table, shares=shares),)))


LATER = "Other <b>, services"


def test_groups_that_moved_far_hold_an_edition_and_are_named_also_where_the_whole_stays() -> None:
    before, after = grouped(0.0), grouped(0.1)
    labels = {e["id"]: e for e in json.loads(overview.text(after))["effects"]}
    found = {m.id: m for m in movements(results(before), results(after))}
    assert set(found) == {f"group_time.group.sales.{group}" for group in ("製造業", LATER)}
    assert set(found) <= set(labels)
    told = labels[f"group_time.group.sales.{LATER}"]
    assert told["outcome"] == {"en": f"Sales, {LATER}", "ja": f"売上高・企業群「{LATER}」"}
    reason = moved_too_far("moved", found[told["id"]].standard_errors, 3, told)
    assert reason["ja"].startswith(f"売上高・企業群「{LATER}」（")


def test_effects_of_a_comparison_that_does_not_hold_are_not_shown() -> None:
    told = json.loads(overview.text(release(reports.evaluation(checks=reports.checks("fail", 0.001)))))
    assert [e["shown"]["en"] for e in told["effects"] if e["id"].endswith("sales")] == ["–"]
    assert "no effect is stated" in told["headline"]["en"]


def test_hidden_effects_are_marked() -> None:
    asked = reports.study(disclosure={"threshold": 200})
    told = json.loads(overview.text(release(reports.evaluation(study=asked))))
    assert {e["shown"]["ja"] for e in told["effects"]} == {"[X]"}
    assert {e["estimate"] for e in told["effects"]} == {None}
