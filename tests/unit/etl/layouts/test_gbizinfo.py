"""gBizINFO: bulk files with and without metadata, the older dialect, and saved responses of both versions."""

import json

import pytest

import etl_inputs as given
from layout_inputs import IDS, META, column, csv_bytes, typed

SUBSIDY = ["法人番号", "商号または名称", "登記住所", "証明日", "名称", "金額", "対象", "発行元"]
FINANCE = [
    "法人番号",
    "商号または名称",
    "登記住所",
    "会計基準",
    "事業年度",
    "回次",
    "売上高",
    "売上高（単位)",
    "営業収益",
    "営業収益（単位）",
    "経常収益",
    "経常収益（単位）",
    "従業員数",
    "従業員数(単位)",
]
LABEL = "第81期(自\xa0 2020年4月1日\xa0 至\xa0 2021年3月31日)"


def subsidies():
    return [
        [IDS[0], "会社0", "宮城県", "2019-05-21", "事業Ａ", "1,000,000", "", "経済産業省"],
        [IDS[0], "会社0", "宮城県", "2019-07-30", "事業Ａ", "-400000", "", "経済産業省"],
        [IDS[1], "会社1", "宮城県", "", "事業Ｂ", "", "", "農林水産省"],
        ["", "個人", "宮城県", "2020-01-01", "事業Ｂ", "5", "", "農林水産省"],
    ]


@pytest.mark.parametrize("has_meta", [False, True])
def test_bulk_subsidies_with_and_without_metadata(tmp_path, has_meta):
    more = [[f"k{i}", "", "", "", "", ""] for i in range(4)] if has_meta else [[]] * 4
    rows = [SUBSIDY + META * has_meta, *(row + extra for row, extra in zip(subsidies(), more, strict=True))]
    (tmp_path / "Hojokinjoho_UTF-8.csv").write_bytes(csv_bytes(rows))
    found = typed("gbizinfo-subsidy", tmp_path)
    assert column(found, "amount") == [1_000_000, -400_000, None]
    assert column(found, "programme") == ["事業A", "事業A", "事業B"]
    assert column(found, "stage") == ["decided"] * 3
    assert found.rejected["rule"].to_pylist() == ["E_NO_FIRM_ID"]
    assert ("row_key" in found.rows.column_names) == has_meta


def test_metadata_keys_keep_equal_rows_apart(tmp_path):
    row = subsidies()[0]
    (tmp_path / "a.csv").write_bytes(csv_bytes([SUBSIDY + META, [*row, "k1", *"12345"], [*row, "k2", *"12345"]]))
    assert column(typed("gbizinfo-subsidy", tmp_path), "row_key") == ["k1", "k2"]


def test_the_older_dialect(tmp_path):
    header = [
        "ID-識別値",
        "名称-表記",
        "住所-都道府県",
        "法人活動-認定日",
        "法人活動-活動名称",
        "法人活動-対象",
        "法人活動-金額",
        "公表組織-名称表記",
        "キー情報",
        "補助金-採択日",
        "補助金-交付決定日",
        "補助金-財源",
    ]
    row = [
        IDS[0],
        "会社0",
        "宮城県",
        "2018-01-01",
        "事業",
        "",
        "7000",
        "経済産業省",
        "k",
        "2018-02-01",
        "2018-04-02",
        "一般",
    ]
    (tmp_path / "a.csv").write_bytes(csv_bytes([header, row]))
    found = typed("gbizinfo-subsidy-imi", tmp_path)
    assert [d.isoformat() for name in ("selection_date", "award_date") for d in column(found, name)] == [
        "2018-02-01",
        "2018-04-02",
    ]
    (tmp_path / "a.csv").write_bytes(
        csv_bytes([["ID-識別値", "名称-表記", "住所-都道府県", "業種コード"], [IDS[0], "会社0", "宮城県", "E"]])
    )
    assert column(typed("gbizinfo-basic-imi", tmp_path), "industry") == ["E"]


def test_basic_information(tmp_path):
    header = [
        "法人番号",
        "商号または名称",
        "商号または名称（カナ）",
        "登記住所",
        "都道府県コード",
        "資本金",
        "従業員数",
        "創業年",
    ]
    rows = [
        [IDS[0], "会社0", "カ", "宮城県", "04", "10000000", "", "1999"],
        [IDS[1], "会社1", "カ", "東京都", "13", "", "25", ""],
    ]
    (tmp_path / "Kihonjoho_UTF-8.csv").write_bytes(csv_bytes([header, *rows]))
    found = typed("gbizinfo-basic", tmp_path)
    assert column(found, "capital") == [10_000_000, None]
    assert column(found, "employees") == [None, 25]
    assert column(found, "prefecture_code") == ["04", "13"]


def test_finance_counts_years_back_and_takes_the_revenue_there_is(tmp_path):
    rows = [
        [IDS[0], "会社0", "京都府", "Japan GAAP", LABEL, str(back), f"{100 - back}", "JPY", "", "", "", "", "9", "pure"]
        for back in range(5)
    ]
    rows.append(
        [
            IDS[1],
            "会社1",
            "東京都",
            "",
            "第5期（令和元年10月1日から令和2年9月30日まで）",
            "0",
            "",
            "",
            "",
            "",
            "77",
            "JPY",
            "",
            "",
        ]
    )
    rows.append([IDS[2], "会社2", "東京都", "", "第5期", "0", "1", "JPY", "", "", "", "", "", ""])
    (tmp_path / "Zaimujoho_UTF-8.csv").write_bytes(csv_bytes([FINANCE, *rows]))
    found = typed("gbizinfo-finance", tmp_path)
    assert column(found, "fiscal_year") == [2020, 2019, 2018, 2017, 2016, 2020]
    assert column(found, "revenue") == [100, 99, 98, 97, 96, 77]
    assert column(found, "revenue_source") == [*["sales"] * 5, "ordinary_revenue"]
    assert found.rejected.select(["column", "rule"]).to_pylist() == [{"column": "fiscal_year", "rule": "E_MISSING"}]


def test_workplaces(tmp_path):
    header = [
        "法人番号",
        "商号または名称",
        "登記住所",
        "名称",
        "名称(カナ)",
        "事業所住所",
        "事業所住所(カナ)",
        "被保険者数",
        "全喪年月日",
    ]
    (tmp_path / "a.csv").write_bytes(csv_bytes([header, [IDS[0], "会社0", "", "工場", "", "", "", "１２", ""]]))
    assert column(typed("gbizinfo-workplaces", tmp_path), "insured_persons") == [12]


def response(version, number):
    subsidy = {
        "amount": "1000",
        "date_of_approval": "2020-06-01",
        "title": "事業",
        "target": None,
        "government_departments": "経済産業省",
    }
    if version == 1:
        subsidy |= {"joint_signatures": ["甲", "乙"], "note": None, "subsidy_resource": "一般"}
    else:
        subsidy |= {"target": "Null", "meta-data": {"key_field": "k1", "source": "Null"}}
    missing = {**subsidy, "amount": "Null" if version == 2 else None}
    firm = {"corporate_number": number, "name": "会社", "subsidy": [subsidy, missing]}
    return {"id": "x", "message": "200 - OK.", "errors": None, "hojin-infos": [firm]}


@pytest.mark.parametrize("version", [1, 2])
def test_saved_responses(tmp_path, version):
    for i in (0, 1):
        (tmp_path / f"{i}.json").write_text(json.dumps(response(version, given.number(i))))
    empty = {"hojin-infos": [{"corporate_number": given.number(2), "subsidy": []}]}
    (tmp_path / "2.json").write_text(json.dumps(empty))
    found = typed(f"gbizinfo-rest-v{version}-subsidy", tmp_path)
    assert column(found, "firm_id") == [given.number(0)] * 2 + [given.number(1)] * 2
    assert column(found, "amount") == [1000, None] * 2
    assert not len(found.rejected)
    extra = {1: ("budget", "一般"), 2: ("row_key", "k1")}[version]
    assert column(found, extra[0]) == [extra[1]] * 4


def test_saved_finance(tmp_path):
    years = [{"period": str(b), "net_sales_summary_of_business_results": 10 - b} for b in range(2)]
    finance = {"fiscal_year_cover_page": LABEL, "management_index": years}
    document = {"hojin-infos": [{"corporate_number": IDS[0], "finance": finance}]}
    (tmp_path / "a.json").write_text(json.dumps(document))
    found = typed("gbizinfo-rest-finance", tmp_path)
    assert list(zip(column(found, "fiscal_year"), column(found, "revenue"), strict=True)) == [(2020, 10), (2019, 9)]
