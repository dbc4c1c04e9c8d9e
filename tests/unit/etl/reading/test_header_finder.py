"""Where the headers are."""

import pytest

from evalkit.errors import DataError
from evalkit.etl.reading.header_finder import (
    HeaderRule,
    csv_header,
    header_row,
    joined_headers,
    plain_header,
    unit_in_note,
    without_unit,
)

FIND = HeaderRule("find", find=("法人番号", "交付先"), within=4)


def test_headers_compare_without_width_space_and_line_breaks():
    assert plain_header(" 支出元（目）\n名　称 ") == "支出元(目)名称"


@pytest.mark.parametrize(
    ("header", "name", "unit"),
    [
        ("交付決定額(円)", "交付決定額", "yen"),
        ("売上高(単位:百万円)", "売上高", "million_yen"),
        ("金額(千円)", "金額", "thousand_yen"),
        ("支出元(目)", "支出元(目)", ""),
        ("売上高(単位)", "売上高(単位)", ""),
        ("(円)", "", "yen"),
    ],
)
def test_units_in_headers(header, name, unit):
    assert without_unit(header) == (name, unit)


def test_units_in_notes():
    assert unit_in_note([["交付決定一覧"], ["", "（単位 ： 百万円）"]]) == "million_yen"
    assert unit_in_note([["円卓会議"]]) == ""


def test_the_first_row_with_a_known_header_within_some_rows():
    rows = [["一覧"], ["産業局"], ["番号", "法人\n番号"], ["1", "2"]]
    assert header_row(rows, FIND, "f") == 2
    with pytest.raises(DataError) as error:
        header_row([["x"]] * 4 + rows, FIND, "f")
    assert error.value.code == "E_HEADER"
    assert header_row(rows, HeaderRule(), "f") == 0


@pytest.mark.parametrize(
    ("text", "rule", "header", "rest"),
    [
        ("a,b\n1,2\n", HeaderRule(), ["a", "b"], "1,2\n"),
        ('"a\nb",c\n1,2', HeaderRule(), ["a\nb", "c"], "1,2"),
        ("\n\na,b\n1,2\n", HeaderRule(), ["a", "b"], "1,2\n"),
        ("1,2\n", HeaderRule("none", names=("a", "b")), ["a", "b"], "1,2\n"),
        ("一覧\n\n番号,交付先\n1,2\n", FIND, ["番号", "交付先"], "1,2\n"),
        ("a", HeaderRule(), ["a"], ""),
        ("", HeaderRule(), [], ""),
    ],
)
def test_headers_of_csv(text, rule, header, rest):
    data = text.encode()
    found, end = csv_header(data, rule, "f")
    assert (found, data[end:].decode()) == (header, rest)


def test_merged_cells_are_joined_to_what_is_below():
    rows = [["番号", "金額", "", "日"], ["", "国費", "他", ""]]
    assert joined_headers(rows) == ["番号", "金額 国費", "金額 他", "日"]
    assert joined_headers([["a", "", "b"]]) == ["a", "", "b"]
