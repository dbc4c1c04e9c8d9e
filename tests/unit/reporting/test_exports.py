"""The review sheet and the EU plan: all headings, blanks as blanks, nothing that a program would run."""

import csv
import io
import re

import pytest

import complete_reports
import reports
from evalkit.reporting.exports import eu_plan, exports, review_sheet
from evalkit.reporting.release import release
from evalkit.reporting.render import write_report

ITEMS = (
    "事業名", "府省庁・担当部局", "事業開始年度", "事業終了（予定）年度", "根拠法令", "事業の目的", "現状・課題",
    "事業の概要",
    "当初予算額", "執行額", "執行率", "インプット", "アクティビティ", "活動目標・活動実績（アウトプット）",
    "成果目標（アウトカム）", "成果指標", "証拠の水準", "選択による偏りへの留意", "外部有識者の所見",
)  # fmt: skip
"""Items of the sheet that a reader looks for."""
FORMULAS = ("=1+1", "+cmd", "-2+3", "@SUM(A1)", "＝1", "\t=1", '=HYPERLINK("x")')
MARKUP = ("# head", "[a](javascript:alert(1))", "<script>alert(1)</script>", "![x](y)", "`code`", "a\n## b", "| t |")


@pytest.fixture(scope="module")
def whole():
    return release(complete_reports.evaluation())


def sheet(released):
    text = review_sheet.text(released)
    assert text.startswith("\N{ZERO WIDTH NO-BREAK SPACE}区分,項目,内容\r\n")
    return list(csv.reader(io.StringIO(text[1:])))[1:]


def test_the_sheet_has_its_items_and_the_findings(whole):
    rows = sheet(whole)
    assert all(len(row) == 3 and row[2].strip() for row in rows)
    assert set(ITEMS) <= {item for _, item, _ in rows}
    content = {item: text for _, item, text in rows}
    assert content["事業名"] == "Equipment（日本語）"
    assert content["執行額"] == "記載なし"
    assert "効果は5.1%（95%信頼区間：4.4% ～ 5.8%）" in content["売上高"]
    assert "手上げ方式" in content["選択による偏りへの留意"]


def test_the_plan_has_the_eight_headings_in_order(whole):
    text = eu_plan.text(whole)
    assert re.findall(r"^## (\d)\. (.+)$", text, re.MULTILINE) == [
        (str(i), heading) for i, heading in enumerate(eu_plan.HEADINGS, start=1)
    ]
    for said in ("- Scheme: Equipment", "- Did it help", "- Indicator: Sales per firm", "- Assurer: Smith"):
        assert said in text


def test_every_heading_of_an_empty_plan_says_that_it_is_blank():
    text = eu_plan.text(release(reports.evaluation(study=reports.study(about={}))))
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert len(parts) == 8
    assert [p[0] for p in parts if "not stated" not in p] == ["3", "4"]
    assert all(re.search(r"^- \S", part, re.MULTILINE) for part in parts)


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_of_the_sheet_is_a_formula(formula):
    asked = complete_reports.study(programme={"name": {"ja": formula, "en": formula}, "selection": "application"})
    for row in sheet(release(complete_reports.evaluation(study=asked))):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "＝")) for cell in row)


@pytest.mark.parametrize("markup", MARKUP)
def test_text_of_others_is_text_in_the_plan(markup):
    asked = complete_reports.study(programme={"objectives": [{"en": markup}]}, title={"en": markup})
    text = eu_plan.text(release(complete_reports.evaluation(study=asked)))
    assert len(re.findall(r"^## ", text, re.MULTILINE)) == 8
    assert not re.search(r"(?<!\\)[\[\]<>`|]", text)


def test_exports_are_written_with_the_report(whole, tmp_path):
    write_report(whole, tmp_path, ["en"])
    for name, text in exports(whole).items():
        assert (tmp_path / name).read_bytes() == text.encode()
    assert {"review_sheet.ja.csv", "eu_evaluation_plan.en.md", "overview.json"} == set(exports(whole))
