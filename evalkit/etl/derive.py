"""Columns that follow from several others, or whose texts mean something that the grammar does not know."""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from evalkit.etl.grammar.column import clean, distinct
from evalkit.etl.grammar.dates import fiscal_years, parse_date
from evalkit.etl.grammar.numbers import parse_number
from evalkit.etl.layouts import FiscalYearRule, Layout
from evalkit.etl.reading.header_finder import plain_header, without_unit
from evalkit.etl.reading.rows import FoundTable
from evalkit.etl.reading.text_table import TextTable, header_name
from evalkit.model.study import Source

if TYPE_CHECKING:
    import pyarrow as pa

YEN_PER_UNIT = {
    "円": 1, "千円": 1_000, "万円": 10_000, "百万円": 1_000_000, "億円": 100_000_000,
    "yen": 1, "thousand_yen": 1_000, "million_yen": 1_000_000,
}  # fmt: skip
SERIAL = re.compile(r"\d{5}(?:\.0+)?", re.ASCII)
SERIAL_DAY_0 = dt.date(1899, 12, 30)
"""Day 0 of a spreadsheet's calendar, from day 61 (1900-03-01) on."""
WHOLE_FLOAT = re.compile(r"(\d+)\.0+", re.ASCII)
EXPONENT = re.compile(r"\d\.\d+[Ee]\+\d+", re.ASCII)
THIRTEEN = re.compile(r"(?<!\d)\d{13}(?!\d)", re.ASCII)
YEAR_LAST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", re.ASCII)
LABEL_END = re.compile(r"(?:至|から)\s*(.+?日)")

Change = Callable[[str], str]


def derived(tables: Sequence[FoundTable], source: Source, layout: Layout) -> "dict[str, pa.ChunkedArray]":
    """Return the columns of a source that are not simply one column of its files.

    Parameters
    ----------
    tables : sequence of FoundTable
        All tables of the source, headers already the study's.
    source : Source
        What the study and the layout say about it; `columns` leads from names to headers.
    layout : Layout
        Which columns follow from others.

    Returns
    -------
    dict of str to ChunkedArray
        Name to texts over all tables (n_rows,). Texts that cannot be understood stay, so that they are set aside
        where values are typed.
    """
    import pyarrow as pa

    parts = [_of_table(found, source, layout) for found in tables]
    names = dict.fromkeys(name for part in parts for name in part)
    result = {}
    for name in names:
        columns = [
            part[name] if name in part else _raw(found.table, source, name)
            for part, found in zip(parts, tables, strict=True)
        ]
        result[name] = pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string())
    return result


def units(tables: Sequence[FoundTable], source: Source, layout: Layout) -> dict[str, str]:
    """Return the money columns that `derived` turns into yen, because a file itself names their unit."""
    return {name: "yen" for found in tables for name in _file_units(found, source, layout)}


def years_of_ends(tables: Sequence[FoundTable], source: Source, year_start: str) -> "dict[str, pa.ChunkedArray]":
    """Return the column `fiscal_year` that follows from the end of accounting periods, where the study says so.

    A year that ends on 31 December or 31 March belongs to the fiscal year of the study in which that day lies. A text
    that is no date stays, so that its row is set aside where values are typed.
    """
    import pyarrow as pa

    if source.fiscal_year_from != "period_end":
        return {}

    def year(text: str) -> str:
        date, rule = parse_date(clean(text))
        return str(fiscal_years(pa.array([date], pa.date32()), year_start)[0]) if date and not rule else text

    chunks = [chunk for t in tables for chunk in _each(_raw(t.table, source, "period_end"), year).chunks]
    return {"fiscal_year": pa.chunked_array(chunks, pa.string())}


def _of_table(found: FoundTable, source: Source, layout: Layout) -> "dict[str, pa.ChunkedArray]":
    table = found.table
    columns: dict[str, pa.ChunkedArray] = {}
    for name, among in layout.coalesce.items():
        columns |= _coalesced(table, name, among, source)
    if layout.fiscal_year_from and not _has(table, source, "fiscal_year"):
        columns["fiscal_year"] = _fiscal_years(table, layout.fiscal_year_from, source)
    if layout.stage and not _has(table, source, "stage"):
        columns["stage"] = _chunked([layout.stage] * table.n_rows)
    for name, unit in _file_units(found, source, layout).items():
        columns[name] = _in_yen(table, name, unit, source)
    for name, change in _changes(table, source, layout):
        columns[name] = _each(columns[name] if name in columns else _raw(table, source, name), change)
    return columns


def _changes(table: TextTable, source: Source, layout: Layout) -> list[tuple[str, Change]]:
    """Return the columns whose texts are changed one by one, and how."""
    dates = [f.name for f in layout.fields if f.type == "date" and _has(table, source, f.name)]
    changes: list[tuple[str, Change]] = [(name, partial(_zero, token)) for name, token in source.zero.items()]
    changes += [(name, serial_date) for name in dates if source.excel_serial]
    changes += [(name, partial(day_last, source.date_order)) for name in dates if source.date_order != "ymd"]
    if layout.twelve_digits == "damaged" and _has(table, source, "firm_id"):
        changes.append(("firm_id", mended_id))
    return changes


def joined(parts: "Sequence[pa.ChunkedArray]", widths: Sequence[int]) -> "pa.ChunkedArray":
    """Return codes (n_rows,) put together from their parts, "" where a part is missing.

    Each part is filled up with zeros to its width, which spreadsheets take away.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    trimmed = [pc.utf8_trim_whitespace(part) for part in parts]
    filled = [
        pc.if_else(pc.equal(part, ""), pa.scalar(None, pa.string()), pc.utf8_lpad(part, width, "0"))
        for part, width in zip(trimmed, widths, strict=True)
    ]
    return pc.fill_null(pc.binary_join_element_wise(*filled, ""), "")


def day_last(order: str, text: str) -> str:
    """Return a date that begins with its day ("dmy") or month ("mdy") as an ISO date, and any other text as it is.

    Examples
    --------
    >>> day_last("dmy", "1/5/2023"), day_last("mdy", "1/5/2023"), day_last("dmy", "2023-05-01")
    ('2023-05-01', '2023-01-05', '2023-05-01')
    """
    match = YEAR_LAST.fullmatch(clean(text))
    if match is None:
        return text
    first, second, year = match.groups()
    month, day = (second, first) if order == "dmy" else (first, second)
    return f"{year}-{int(month):02d}-{int(day):02d}"


def serial_date(text: str) -> str:
    """Return a spreadsheet's day number as an ISO date, and any other text as it is.

    Examples
    --------
    >>> serial_date("44287")
    '2021-04-01'
    """
    plain = clean(text)
    return (SERIAL_DAY_0 + dt.timedelta(days=int(float(plain)))).isoformat() if SERIAL.fullmatch(plain) else text


def mended_id(text: str) -> str:
    r"""Return the corporate number in a cell of a spreadsheet.

    A number that became a float is made whole; one that stands behind a name is taken out. Twelve digits are a
    damaged cell here, not a number without its check digit, and are never filled up: the text is returned in a form
    that no id has.

    Examples
    --------
    >>> mended_id("1010001072706.0"), mended_id("101000107270"), mended_id("(有)あ\n1010001072706")
    ('1010001072706', '101000107270?', '1010001072706')
    """
    plain = clean(text).lstrip("'")
    if whole := WHOLE_FLOAT.fullmatch(plain):
        plain = whole[1]
    elif EXPONENT.fullmatch(plain):
        plain = str(int(float(plain)))
    if len(plain) == 12 and plain.isdecimal():
        return f"{plain}?"
    inside = THIRTEEN.findall(plain)
    return inside[0] if len(inside) == 1 else text


def fiscal_year_end(label: str) -> dt.date | None:
    """Return the last day that the label of a business year names, None where it names none.

    Examples
    --------
    >>> fiscal_year_end("第81期(自  2020年4月1日  至  2021年3月31日)")
    datetime.date(2021, 3, 31)
    """
    text = unicodedata.normalize("NFKC", label)
    parts = LABEL_END.findall(re.sub(r"\s+", "", text))
    dates = [parse_date(part)[0] for part in parts]
    return next((d for d in reversed(dates) if d), None)


def _fiscal_years(table: TextTable, rule: FiscalYearRule, source: Source) -> "pa.ChunkedArray":
    """Return the fiscal year (April start) of the last day of each row's business year, "" where none is told."""
    labels, backs = (_raw(table, source, name).to_pylist() for name in (rule.label, rule.years_back))
    return _chunked([_fiscal_year(label, back) for label, back in zip(labels, backs, strict=True)])


def _fiscal_year(label: str, back: str) -> str:
    end, years = fiscal_year_end(label), clean(back)
    if end is None or not years.isdecimal():
        return ""
    return str(end.year - (end.month < 4) - int(years))


def _coalesced(table: TextTable, name: str, among: Sequence[str], source: Source) -> "dict[str, pa.ChunkedArray]":
    """Return the first value of each row among some columns, and the column it came from."""
    tokens = {clean(t) for t in (*source.missing, *source.suppressed, "")}
    values, origin = [""] * table.n_rows, [""] * table.n_rows
    for column in reversed(among):
        for i, text in enumerate(_raw(table, source, column).to_pylist()):
            if clean(text) not in tokens:
                values[i], origin[i] = text, column
    return {name: _chunked(values), f"{name}_source": _chunked(origin)}


def _file_units(found: FoundTable, source: Source, layout: Layout) -> dict[str, list[str]]:
    """Return the unit of each row for the money columns whose unit the file names, unless the study declares it."""
    result = {}
    for field in (*layout.fields, *layout.data):
        by_row = layout.unit_columns.get(field.name)
        if field.unit not in YEN_PER_UNIT or field.name in source.unit or not _has(found.table, source, field.name):
            continue
        in_header = without_unit(plain_header(found.headers.get(field.name, "")))[1] or found.unit
        if by_row and _has(found.table, source, by_row):
            default = in_header or field.unit
            result[field.name] = [clean(text) or default for text in _raw(found.table, source, by_row).to_pylist()]
        elif in_header:
            result[field.name] = [in_header] * found.table.n_rows
    return result


def _in_yen(table: TextTable, name: str, by_row: Sequence[str], source: Source) -> "pa.ChunkedArray":
    texts = _raw(table, source, name).to_pylist()
    pairs = dict.fromkeys(zip(texts, by_row, strict=True))
    tokens = {clean(t) for t in (*source.missing, *source.suppressed, "")}
    yen = {(text, unit): text if clean(text) in tokens else _yen(text, unit) for text, unit in pairs}
    return _chunked([yen[pair] for pair in zip(texts, by_row, strict=True)])


def _yen(text: str, unit: str) -> str:
    """Return an amount in yen; with a unit that is not known it becomes a text that is no number."""
    if unit not in YEN_PER_UNIT:
        return f"{text} {unit}"
    value, rule = parse_number(clean(text), "yen")
    return text if rule or value is None else str(int(value) * YEN_PER_UNIT[unit])


def _zero(token: str, text: str) -> str:
    return "0" if clean(text) == clean(token) else text


def _each(texts: "pa.ChunkedArray", change: Change) -> "pa.ChunkedArray":
    """Change each distinct text once."""
    import pyarrow as pa

    dictionary, codes = distinct(texts)
    changed = pa.array([change(text) for text in dictionary.to_pylist()], pa.string())
    return pa.chunked_array([changed.take(pa.array(codes))])


def _has(table: TextTable, source: Source, name: str) -> bool:
    return header_name(source.columns.get(name, name)) in table.columns


def _raw(table: TextTable, source: Source, name: str) -> "pa.ChunkedArray":
    header = header_name(source.columns.get(name, name))
    return table.columns[header] if header in table.columns else _chunked([""] * table.n_rows)


def _chunked(texts: Sequence[str]) -> "pa.ChunkedArray":
    import pyarrow as pa

    return pa.chunked_array([pa.array(texts, pa.string())])
