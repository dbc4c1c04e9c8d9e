"""Grant decisions as ministries disclose them: titles above, several sheets, merged headers, damaged numbers."""

from pathlib import Path

import pytest

from evalkit.errors import DataError
from layout_inputs import IDS, column, csv_bytes, read, typed, workbook

HEADER = [
    "番号",
    "事業名",
    "補助金交付先名",
    "法人番号",
    "交付決定額",
    "支出元会計区分",
    "支出元（目）名称",
    "交付決定日",
]


def grant(place, firm, amount, date="令和3年4月1日"):
    return [place, "事業", "会社", firm, amount, "一般会計", "補助金", date]


def test_titles_sheets_and_units(tmp_path):
    workbook(
        tmp_path / "disclosure.xlsx",
        {
            "上半期": [
                ["補助金等の交付決定"],
                [],
                [None, None, None, None, None, None, "（単位：千円）"],
                HEADER,
                grant(1, float(IDS[0]), 1500),
                grant(2, IDS[1], "△200", 44287),
            ],
            "下半期": [
                ["産業局"],
                [
                    *HEADER[:4],
                    "交付決定額\r\n（円）",
                    *HEADER[5:7],
                    "補助金交付決定等に係る支出負担行為\nないし意思決定の日",
                ],
                grant(1, f"{IDS[2]}.0", 999),
                grant(2, 101000107270.0, 5),
                grant(3, None, 7),
            ],
            "注記": [["（注）上記は公表時点の情報である。"], ["以上"]],
        },
    )
    found = typed("grant-decisions", tmp_path, excel_serial=True)
    assert column(found, "firm_id") == IDS[:3]
    assert column(found, "amount") == [1_500_000, -200_000, 999]
    assert [str(d) for d in column(found, "award_date")] == ["2021-04-01"] * 3
    assert found.rejected.select(["rule"]).to_pylist() == [{"rule": "E_FIRM_ID"}, {"rule": "E_NO_FIRM_ID"}]
    files, lines = found.source.places(found.rejected["row"].to_numpy())
    assert list(zip(files, lines.tolist(), strict=True)) == [
        ("disclosure.xlsx [下半期]", 4),
        ("disclosure.xlsx [下半期]", 5),
    ]


def test_headers_of_two_rows_are_joined(tmp_path):
    workbook(
        tmp_path / "a.xlsx",
        {
            "a": [
                ["番号", "補助金交付先名", "法人番号", "交付決定額", None, "交付決定日"],
                [None, None, None, "国費", "その他", None],
                [1, "会社", IDS[0], 10, 20, "2021-04-01"],
            ]
        },
    )
    source = read("grant-decisions", tmp_path, columns={"amount": "交付決定額 国費"})
    assert source.texts("amount").to_pylist() == ["10"]
    assert source.raw("交付決定額 その他").to_pylist() == ["20"]


def test_numbers_inside_the_name(tmp_path):
    rows = [
        ["公表"],
        ["補助金交付先名及び\n法人番号", "交付決定額（百万円）", "交付決定日"],
        [f"株式会社あ\n{IDS[0]}", "3", "R3.4.1"],
    ]
    (tmp_path / "a.csv").write_bytes(csv_bytes(rows[1:], "cp932"))
    found = typed("grant-decisions", tmp_path)
    assert (column(found, "firm_id"), column(found, "amount")) == ([IDS[0]], [3_000_000])


def test_a_csv_below_its_title_keeps_its_lines(tmp_path):
    lines = [
        "交付決定一覧",
        "",
        "（単位：千円）",
        "法人番号,交付決定額,交付決定日",
        f"{IDS[0]},5,2021-04-01",
        "12,6,2021-04-01",
    ]
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="cp932")
    found = typed("grant-decisions", tmp_path)
    assert column(found, "amount") == [5000]
    assert found.source.places(found.rejected["row"].to_numpy())[1].tolist() == [6]


def test_a_sheet_without_the_header_is_refused(tmp_path):
    workbook(tmp_path / "a.xlsx", {"a": [["x", "y"], ["1", "2"]]})
    with pytest.raises(ExceptionGroup) as caught:
        read("grant-decisions", tmp_path)
    assert [e.code for e in caught.value.exceptions] == ["E_HEADER"]
    assert isinstance(caught.value.exceptions[0], DataError)


def test_the_old_binary_format(tmp_path):
    """The workbook beside this file was written with xlwt 1.3.0: two sheets, one number damaged."""
    source = Path(__file__).with_name("disclosure.xls")
    (tmp_path / "a.xls").write_bytes(source.read_bytes())
    found = typed("grant-decisions", tmp_path)
    assert column(found, "firm_id") == IDS[:2]
    assert column(found, "amount") == [1_500_000, -200_000]
    assert found.rejected["rule"].to_pylist() == ["E_FIRM_ID"]
