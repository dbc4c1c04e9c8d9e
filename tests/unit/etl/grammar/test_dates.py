"""The grammar of dates and fiscal years."""

import datetime as dt

import pyarrow as pa
import pytest

from evalkit.etl.grammar.dates import fiscal_years, parse_date, parse_year


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2021-04-01", "2021-04-01"), ("2021/4/1", "2021-04-01"), ("2021.4.1", "2021-04-01"),
        ("20210401", "2021-04-01"), ("2021年4月1日", "2021-04-01"), ("令和3年4月1日", "2021-04-01"),
        ("R3.4.1", "2021-04-01"), ("r3/4/1", "2021-04-01"), ("H31/4/30", "2019-04-30"),
        ("昭和64年1月7日", "1989-01-07"),
        ("令和元年5月1日", "2019-05-01"), ("平成元年1月8日", "1989-01-08"), ("令和 3年 4月 1日", "2021-04-01"),
        ("2021-04-01T00:00+09:00", "2021-04-01"), ("2021-03-31T15:00:00Z", "2021-04-01"),
        ("2021-03-31T14:59:59Z", "2021-03-31"), ("2021-04-01 13:00:00", "2021-04-01"), ("2020-02-29", "2020-02-29"),
    ],
)  # fmt: skip
def test_dates(text, iso):
    assert parse_date(text) == (dt.date.fromisoformat(iso), "")


@pytest.mark.parametrize(
    "text",
    ["2021-02-30", "20211301", "0000-00-00", "2021-02-29", "平成31年5月1日", "令和元年4月30日", "昭和64年1月8日",
     "令和0年5月1日", "2021-4", "2021/4-1", "04/01/2021", "2021-04-01T25:00", "", "0001-01-01"],
)  # fmt: skip
def test_what_is_no_date(text):
    assert parse_date(text) == (None, "E_DATE")


def test_day_numbers_and_the_open_end():
    assert parse_date("44287") == parse_date("44287.5") == (None, "E_DATE_SERIAL")
    assert parse_date("9999-12-31") == (None, "")


@pytest.mark.parametrize(
    ("text", "year"),
    [("2019", 2019), ("2019年度", 2019), ("令和元年度", 2019), ("H31", 2019), ("昭和64年", 1989), ("R5", 2023)],
)
def test_years(text, year):
    assert parse_year(text) == (year, "")


@pytest.mark.parametrize("text", ["19", "令和0年度", "平成32年度", "2019.0", "0000", "FY2019", ""])
def test_what_is_no_year(text):
    assert parse_year(text) == (None, "E_DATE")


@pytest.mark.parametrize(
    ("day", "start", "year"),
    [("2021-03-31", "04-01", 2020), ("2021-04-01", "04-01", 2021), ("2021-01-01", "01-01", 2021),
     ("2021-12-31", "10-15", 2021), ("2021-10-14", "10-15", 2020)],
)  # fmt: skip
def test_fiscal_years(day, start, year):
    dates = pa.array([dt.date.fromisoformat(day), None])
    assert fiscal_years(dates, start).to_pylist() == [year, None]
