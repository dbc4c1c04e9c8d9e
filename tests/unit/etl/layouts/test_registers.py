"""Corporate numbers, EDINET, e-Stat, jGrants and deflators."""

import json
import zipfile

import pytest

from evalkit.errors import each
from evalkit.etl import layouts
from evalkit.etl.quarantine import limit_problems
from evalkit.model.study import Limits
from layout_inputs import IDS, column, csv_bytes, read, typed

EDINET_CODES = [
    "ＥＤＩＮＥＴコード",
    "提出者種別",
    "上場区分",
    "連結の有無",
    "資本金",
    "決算日",
    "提出者名",
    "提出者名（英字）",
    "提出者名（ヨミ）",
    "所在地",
    "提出者業種",
    "証券コード",
    "提出者法人番号",
]
ELEMENTS = ["要素ID", "項目名", "コンテキストID", "相対年度", "連結・個別", "期間・時点", "ユニットID", "単位", "値"]


def registered(number, process="01", **more):
    names = layouts.load("nta-corporate-number").header.names
    row = {"firm_id": number, "process": process, "firm_name": "株式会社髙﨑", "update_date": "2021-07-14", **more}
    return [row.get(name, "") for name in names]


def test_corporate_numbers_in_both_encodings_of_one_folder(tmp_path):
    (tmp_path / "1.csv").write_bytes(csv_bytes([registered(IDS[0]), registered(IDS[1], "12")], "utf-8"))
    closed = registered(IDS[2], "21", close_date="2021-07-01", close_cause="11", successor_id=IDS[0])
    (tmp_path / "2.csv").write_bytes(csv_bytes([closed], "cp932"))
    found = typed("nta-corporate-number", tmp_path)
    assert column(found, "firm_id") == IDS[:3]
    assert set(column(found, "firm_name")) == {"株式会社髙﨑"}
    assert column(found, "successor_id") == [None, None, IDS[0]]
    files, lines = found.source.places(found.rows["row"].to_numpy())
    assert list(zip(files, lines.tolist(), strict=True)) == [("1.csv", 1), ("1.csv", 2), ("2.csv", 1)]


def test_a_register_of_another_width_is_refused_with_its_line(tmp_path):
    (tmp_path / "1.csv").write_bytes(csv_bytes([registered(IDS[0]), registered(IDS[1])[:-1]], "utf-8"))
    with pytest.raises(ExceptionGroup) as caught:
        read("nta-corporate-number", tmp_path)
    assert [(e.code, e.where) for e in each(caught.value)] == [("E_HEADER_WIDTH", "1.csv, line 2")]


def test_a_register_inside_an_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("00_zenkoku.csv", csv_bytes([registered(IDS[0])], "cp932"))
        archive.writestr("00_zenkoku.csv.asc", b"signature")
    found = typed("nta-corporate-number", tmp_path)
    assert found.source.places(found.rows["row"].to_numpy()) == (["all.zip/00_zenkoku.csv"], [1])


def test_edinet_codes(tmp_path):
    row = [
        "E00001",
        "内国法人・組合",
        "上場",
        "有",
        "1,491",
        "3月31日",
        "会社",
        "",
        "",
        "東京都",
        "水産・農林業",
        "13760",
        IDS[0],
    ]
    person = ["E00002", "個人（組合発行者を除く）", *[""] * 11]
    rows = [["ダウンロード実行日", "2026年10月05日現在", "件数", "2件"], EDINET_CODES, row, person]
    (tmp_path / "EdinetcodeDlInfo.csv").write_bytes(csv_bytes(rows, "cp932"))
    found = typed("edinet-codes", tmp_path)
    assert column(found, "capital") == [1_491_000_000]
    assert column(found, "firm_name") == ["会社"]
    assert found.rejected["rule"].to_pylist() == ["E_NO_FIRM_ID"]


def test_edinet_documents(tmp_path):
    rows = [
        ELEMENTS,
        ["jpcrp_cor:NetSales", "売上高", "CurrentYearDuration", "当期", "連結", "期間", "JPY", "円", "1,000"],
        ["jpcrp_cor:Text", "事業", "FilingDateInstant", "提出日時点", "その他", "時点", "－", "－", "本文,\n改行"],
    ]
    text = "\r\n".join("\t".join(f'"{cell}"' for cell in row) for row in rows)
    (tmp_path / "jpcrp.csv").write_bytes(text.encode("utf-16"))
    found = typed("edinet-csv", tmp_path)
    assert column(found, "value") == ["1,000", "本文,\n改行"]
    assert column(found, "unit") == ["円", None]


def statistics(classes, values):
    info = {"CLASS_INF": {"CLASS_OBJ": classes}, "DATA_INF": {"VALUE": values}}
    return {"GET_STATS_DATA": {"RESULT": {"STATUS": 0}, "STATISTICAL_DATA": info}}


def test_estat_responses_with_one_class_or_many(tmp_path):
    classes = [
        {
            "@id": "cat01",
            "@name": "産業",
            "CLASS": [{"@code": "E", "@name": "製造業"}, {"@code": "I", "@name": "卸売業"}],
        },
        {"@id": "area", "@name": "地域", "CLASS": {"@code": "13000", "@name": "東京都"}},
    ]
    values = [
        {"@cat01": c, "@area": "13000", "@time": "2021000000", "@unit": "社", "$": v}
        for c, v in (("E", "120"), ("I", "-"), ("E", "***"), ("I", "X"), ("I", "?"))
    ]
    (tmp_path / "a.json").write_text(json.dumps(statistics(classes, values)))
    (tmp_path / "b.json").write_text(json.dumps(statistics(classes[1], values[0])))
    found = typed("estat-json", tmp_path)
    assert column(found, "value") == [120, 0, None, None, 120]
    assert column(found, "class_1_label") == ["製造業", "卸売業", "製造業", "卸売業", None]
    assert set(column(found, "area")) == {"東京都"}
    assert found.rejected["rule"].to_pylist() == ["E_NUMBER"]


def test_estat_csv(tmp_path):
    header = [
        "tab_code",
        "表章項目",
        "cat01_code",
        "産業",
        "area_code",
        "地域",
        "time_code",
        "時間軸(年次)",
        "unit",
        "value",
    ]
    rows = [
        ["統計名：", "経済センサス"],
        ["注"],
        header,
        ["1", "企業数", "E", "製造業", "13000", "東京都", "2021", "2021年", "社", "1,234"],
    ]
    (tmp_path / "a.csv").write_text("\n".join(",".join(f'"{c}"' for c in row) for row in rows), encoding="cp932")
    found = typed("estat-csv", tmp_path)
    assert (column(found, "value"), column(found, "area"), column(found, "unit")) == ([1234], ["東京都"], ["社"])


def test_jgrants_calls(tmp_path):
    call = {
        "id": "a0W",
        "name": "S-1",
        "title": "補助金",
        "subsidy_max_limit": 10000000,
        "target_area_search": "全国",
        "acceptance_start_datetime": "2024-04-30T15:00:00.000Z",
        "acceptance_end_datetime": None,
        "application_guidelines": [{"name": "a.pdf", "data": "QQ=="}],
    }
    (tmp_path / "a.json").write_text(json.dumps({"metadata": {"type": "x"}, "result": [call]}))
    found = typed("jgrants-calls", tmp_path)
    assert column(found, "cap") == [10_000_000]
    assert [str(d) for d in column(found, "opens_on")] == ["2024-05-01"]


def test_deflators(tmp_path):
    (tmp_path / "a.csv").write_text("年度,産業,指数\n2019,製造業,100\n令和2年度,製造業,101.5\n")
    found = typed("deflators", tmp_path)
    assert list(zip(column(found, "fiscal_year"), column(found, "index"), strict=True)) == [(2019, 100), (2020, 101.5)]


def test_edinet_filers_without_a_number_are_a_class_of_their_own(tmp_path):
    """3,250 of 11,404 filers are persons; a build that reads them must not stop at the limit of rows set aside."""
    person = ["E00002", "個人（組合発行者を除く）", *[""] * 11]
    firms = [
        [f"E1000{i}", "内国法人・組合", "上場", "有", "1", "3月31日", "会社", "", "", "", "業種", "", IDS[i]]
        for i in range(3)
    ]
    notes = ["ダウンロード実行日", "2026年10月05日現在", "件数", "5件"]
    (tmp_path / "a.csv").write_bytes(csv_bytes([notes, EDINET_CODES, *firms, person, person], "cp932"))
    found = typed("edinet-codes", tmp_path)
    assert found.reading("read firms").reason == "E_NO_FIRM_ID: 2"
    assert limit_problems([found], Limits()) == []
    firms[0][-1] = "1234567890129"
    (tmp_path / "a.csv").write_bytes(csv_bytes([notes, EDINET_CODES, *firms, person, person], "cp932"))
    assert [e.code for e in limit_problems([typed("edinet-codes", tmp_path)], Limits())] == ["E_QUARANTINE_LIMIT"]


@pytest.mark.parametrize(
    ("prefecture", "city", "code"),
    [("13", "105", "13105"), ("1", "100", "01100"), ("01", "1", "01001"), (" 13 ", "105", "13105"), ("", "105", None),
     ("13", "", None)],
)  # fmt: skip
def test_the_code_of_a_municipality_is_that_of_the_prefecture_and_of_the_city(tmp_path, prefecture, city, code):
    rows = [registered(IDS[0], prefecture_code=prefecture, city_code=city), registered(IDS[1])]
    (tmp_path / "1.csv").write_bytes(csv_bytes(rows, "utf-8"))
    assert column(typed("nta-corporate-number", tmp_path), "municipality") == [code, None]
