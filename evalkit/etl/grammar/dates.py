"""The grammar of dates and fiscal years: ISO, slashes, eight digits, Japanese eras."""

import datetime as dt
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

TOKYO = dt.timezone(dt.timedelta(hours=9))
ERAS = {
    "令和": (dt.date(2019, 5, 1), dt.date(9999, 12, 30)),
    "平成": (dt.date(1989, 1, 8), dt.date(2019, 4, 30)),
    "昭和": (dt.date(1926, 12, 25), dt.date(1989, 1, 7)),
    "大正": (dt.date(1912, 7, 30), dt.date(1926, 12, 24)),
}
"""First and last day of each era."""
SHORT = {"R": "令和", "H": "平成", "S": "昭和", "T": "大正"}
ERA = r"(?P<era>令和|平成|昭和|大正|[RHSTrhst])\s*(?P<year>元|\d{1,2})"
DAY = re.compile(r"(\d{4})(?:-(\d{1,2})-|/(\d{1,2})/|\.(\d{1,2})\.|年\s*(\d{1,2})月\s*)(\d{1,2})日?", re.ASCII)
EIGHT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
ERA_DAY = re.compile(ERA + r"(?:年\s*|[./-])(?P<month>\d{1,2})(?:月\s*|[./-])(?P<day>\d{1,2})日?", re.ASCII)
ERA_YEAR = re.compile(ERA + r"(?:年度?)?", re.ASCII)
YEAR = re.compile(r"(\d{4})(?:年度?)?", re.ASCII)
SERIAL = re.compile(r"\d{5}(?:\.\d+)?", re.ASCII)
STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", re.ASCII)
OPEN_END = dt.date(9999, 12, 31)
FIRST_YEAR, LAST_YEAR = 1868, 2200


def parse_date(text: str) -> tuple[dt.date | None, str]:
    """Read one cleaned text as a date.

    A timestamp with a zone is the date it is in Tokyo; 9999-12-31 means "open" and is missing.

    Returns
    -------
    tuple of date or None, str
        The date and "", or None and the rule: "E_DATE", or "E_DATE_SERIAL" for a spreadsheet's day number.
    """
    if SERIAL.fullmatch(text):
        return None, "E_DATE_SERIAL"
    try:
        date = _date(text)
    except ValueError:
        date = None
    if date == OPEN_END:
        return None, ""
    if date is None or not FIRST_YEAR <= date.year <= LAST_YEAR:
        return None, "E_DATE"
    return date, ""


def parse_year(text: str) -> tuple[int | None, str]:
    """Read one cleaned text as a fiscal year: "2019", "2019年度", "令和元年度", "H31"."""
    plain, era = YEAR.fullmatch(text), ERA_YEAR.fullmatch(text)
    year = int(plain[1]) if plain else 0
    if era:
        first, last = _era(era["era"])
        year = first.year + _in_era(era["year"])
        year = year if first.year <= year <= last.year else 0
    return (year, "") if FIRST_YEAR <= year <= LAST_YEAR else (None, "E_DATE")


def fiscal_years(dates: "pa.Array", start: str) -> "pa.Array":
    """Return the fiscal year of each date (n,), null for null; `start` is the first day of the year as MM-DD."""
    import pyarrow as pa
    import pyarrow.compute as pc

    day = pc.add(pc.multiply(pc.month(dates), 100), pc.day(dates))
    is_late = pc.greater_equal(day, int(start.replace("-", "")))
    year = pc.year(dates)
    return pc.if_else(is_late, year, pc.subtract(year, 1)).cast(pa.int32())


def _date(text: str) -> dt.date | None:
    if STAMP.fullmatch(text):
        moment = dt.datetime.fromisoformat(text)
        return (moment.astimezone(TOKYO) if moment.tzinfo else moment).date()
    if match := DAY.fullmatch(text):
        year, month, day = (int(g) for g in match.groups() if g)
        return dt.date(year, month, day)
    if match := EIGHT.fullmatch(text):
        return dt.date(*map(int, match.groups()))
    return _era_date(text)


def _era_date(text: str) -> dt.date | None:
    match = ERA_DAY.fullmatch(text)
    if match is None:
        return None
    first, last = _era(match["era"])
    date = dt.date(first.year + _in_era(match["year"]), int(match["month"]), int(match["day"]))
    return date if first <= date <= last else None


def _era(name: str) -> tuple[dt.date, dt.date]:
    return ERAS[SHORT.get(name.upper(), name)]


def _in_era(year: str) -> int:
    """Return how many years after the era's first year; there is no year 0 (gives -1, outside every era)."""
    return 0 if year == "元" else int(year) - 1
