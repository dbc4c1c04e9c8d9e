"""Columns that follow from others: units, zeros, day numbers, business years, damaged ids."""

import datetime as dt

import pytest

from evalkit.etl.derive import fiscal_year_end, mended_id, serial_date
from layout_inputs import IDS, column, typed


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        (IDS[0], IDS[0]),
        (f"{IDS[0]}.0", IDS[0]),
        (f"'{IDS[0]}", IDS[0]),
        ("1.010001072706E+12", "1010001072706"),
        ("101000107270", "101000107270?"),
        ("101000107270.0", "101000107270?"),
        ("1.01E+12", "1010000000000"),
        (f"会社（{IDS[0]}）", IDS[0]),
        (f"{IDS[0]} {IDS[1]}", f"{IDS[0]} {IDS[1]}"),
        ("", ""),
    ],
)
def test_ids_of_spreadsheets(text, mended):
    assert mended_id(text) == mended


@pytest.mark.parametrize(
    ("text", "day"), [("44287", "2021-04-01"), ("44287.0", "2021-04-01"), ("20210401", "20210401"), ("x", "x")]
)
def test_day_numbers(text, day):
    assert serial_date(text) == day


@pytest.mark.parametrize(
    ("label", "end"),
    [
        ("第81期(自\xa0 2020年4月1日\xa0 至\xa0 2021年3月31日)", dt.date(2021, 3, 31)),
        ("平成30年4月1日から平成31年3月31日まで", dt.date(2019, 3, 31)),
        ("自　令和元年１０月１日　至　令和２年９月３０日", dt.date(2020, 9, 30)),
        ("第5期", None),
        ("", None),
    ],
)
def test_ends_of_business_years(label, end):
    assert fiscal_year_end(label) == end


def test_a_unit_per_row_and_one_that_is_not_known(tmp_path):
    lines = [("1,234", "千円"), ("5", "円"), ("△2", "百万円"), ("3", ""), ("4", "ドル"), ("", "千円"), ("x", "千円")]
    text = "firm_id,award_date,amount,amount_unit\n" + "".join(f'{IDS[0]},2021-04-01,"{a}",{u}\n' for a, u in lines)
    (tmp_path / "a.csv").write_text(text)
    found = typed("generic-awards", tmp_path)
    assert column(found, "amount") == [1_234_000, 5, -2_000_000, 3, None]
    assert found.rejected.select(["row", "rule"]).to_pylist() == [
        {"row": 4, "rule": "E_NUMBER"},
        {"row": 6, "rule": "E_NUMBER"},
    ]


def test_the_study_s_unit_comes_before_the_file_s(tmp_path):
    (tmp_path / "a.csv").write_text(f"firm_id,award_date,金額（千円）\n{IDS[0]},2021-04-01,7\n")
    mapped = {"amount": "金額(千円)"}
    assert column(typed("generic-awards", tmp_path, columns=mapped), "amount") == [7000]
    assert column(typed("generic-awards", tmp_path, columns=mapped, unit={"amount": "million_yen"}), "amount") == [
        7_000_000
    ]
