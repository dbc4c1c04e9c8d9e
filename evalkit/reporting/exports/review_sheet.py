"""Entries for a Japanese administrative project review sheet (行政事業レビューシート), as a table of items.

Items that a study does not know (budget, execution, law) stand there and say so.
"""

import csv
import io
from collections.abc import Iterator

from markupsafe import Markup

from evalkit.model.evaluation import Release
from evalkit.reporting.effect_rows import outcome_of
from evalkit.reporting.page import Cell, Page
from evalkit.reporting.points import estimates
from evalkit.reporting.sections import cost, limits, plan, summary
from evalkit.reporting.sections.programme import told
from evalkit.reporting.tables import BYTE_ORDER_MARK, safe_cell
from evalkit.reporting.words import words_of

NAME = "review_sheet.ja.csv"
HEADER = ("区分", "項目", "内容")
Entry = tuple[str, str, str]


def text(release: Release) -> str:
    """Return the sheet as CSV for spreadsheets: part, item, content."""
    page = Page(release, words_of(release.study, "ja"), {})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADER)
    for entry in entries(page):
        writer.writerow([safe_cell(cell) for cell in entry])
    return BYTE_ORDER_MARK + out.getvalue()


def entries(page: Page) -> Iterator[Entry]:
    """Yield part, item and content in the order of the sheet."""
    study, programme = page.release.study, page.release.study.programme
    blank = page.words["page.not_said"]
    yield "基礎情報", "事業名", told(page, programme.name)
    yield "基礎情報", "府省庁・担当部局", told(page, programme.authority)
    for item in ("事業開始年度", "事業終了（予定）年度", "根拠法令", "関係する計画・通知等"):
        yield "基礎情報", item, blank
    for aim in programme.objectives or ({},):
        yield "基礎情報", "事業の目的", told(page, aim)
    yield "基礎情報", "現状・課題", page.words.pick(study.about) or blank
    yield "基礎情報", "事業の概要", told(page, programme.activities)
    yield from _money(page)
    for item, texts in (
        ("インプット", programme.inputs), ("アクティビティ", programme.activities),
        ("活動目標・活動実績（アウトプット）", programme.outputs), ("成果目標（アウトカム）", programme.outcomes),
    ):  # fmt: skip
        yield "効果発現経路", item, told(page, texts)
    for indicator in programme.indicators:
        target, source = told(page, indicator.target), told(page, indicator.source)
        yield "効果発現経路", "成果指標", f"{page.words.pick(indicator.name)}（目標：{target}、出所：{source}）"
    yield from _findings(page)
    yield from _appraisal(page)


def _money(page: Page) -> Iterator[Entry]:
    for item in ("当初予算額", "執行額", "執行率"):
        yield "予算・執行", item, page.words["page.not_said"]
    yield "予算・執行", "交付額（本分析の支援企業）", cost.spent(page).striptags()
    for row in cost.table(page).rows:
        yield "単位当たりコスト", str(row[0]), f"{_plain(row[3])}当たり：{_plain(row[4])}"


def _findings(page: Page) -> Iterator[Entry]:
    """Yield the effect on every planned outcome of the first estimate, worded as in the summary."""
    names = estimates(page.release)
    rows = page.release.tables[f"effects/{names[0]}/overall"] if names else []
    for row in rows:
        outcome = outcome_of(page.release.study.outcome, row.labels["outcome"])
        if outcome.negative_control:
            continue
        worded = summary.worded(page, names[0], row)
        yield "成果実績（効果検証）", page.words.outcome(outcome), _plain(worded["text"])
    if names:
        yield "成果実績（効果検証）", "推定方法", page.words.method_title("estimation", names[0])


def _appraisal(page: Page) -> Iterator[Entry]:
    yield "点検・評価", "証拠の水準", plan.graded(page).striptags()
    yield "点検・評価", "選択による偏りへの留意", limits.by_selection(page)
    for key, texts in (("結果の及ぶ範囲", "external_validity"), ("他の企業への影響", "displacement")):
        yield "点検・評価", key, told(page, getattr(page.release.study.limits, texts))
    for item in ("外部有識者の所見", "行政事業レビュー推進チームの所見", "所見を踏まえた改善点"):
        yield "点検・評価", item, page.words["page.not_said"]


def _plain(cell: Cell) -> str:
    """Write a cell without marks; an interval stands in brackets."""
    head, mark, interval = str(cell).partition('<span class="interval')
    told = Markup(head).striptags()  # noqa: S704 - tags are taken out, nothing is rendered
    return f"{told}（{Markup(mark + interval).striptags()}）" if mark else told  # noqa: S704
