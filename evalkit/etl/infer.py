"""Propose a mapping for a file of unknown layout: header row, encoding, types and nearest known names."""

import contextlib
import csv
import dataclasses
import difflib
import io
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from evalkit.errors import DataError
from evalkit.etl import layouts
from evalkit.etl.aliases import matches
from evalkit.etl.grammar.column import clean
from evalkit.etl.grammar.dates import parse_date, parse_year
from evalkit.etl.grammar.firm_id import parse_corporate_number
from evalkit.etl.grammar.numbers import parse_number
from evalkit.etl.layouts import Field, FieldType, Layout
from evalkit.etl.reading.encoding import to_utf8
from evalkit.etl.reading.excel_text import sheet_rows
from evalkit.etl.reading.header_finder import FIRST, HeaderRule, plain_header, without_unit
from evalkit.etl.reading.read import checked_format, read_file
from evalkit.etl.reading.rows import table_of
from evalkit.etl.reading.text_table import TextTable
from evalkit.model.study import Source

SAMPLE_ROWS, SEARCHED_ROWS = 1_000, 30
MOSTLY = 0.9
"""Share of a column's texts that must be of a type for the column to be proposed as it."""
NEAR = 0.75
BLANKS = frozenset({"", "-", "－", "―", "***", "…", "X", "N/A", "NA", "Null", "NULL"})
FIND = 3
"""How many headers a proposed rule looks for."""


@dataclasses.dataclass(frozen=True)
class Guess:
    """One column of the file: its header, its type, its unit, and the name proposed ("" for none)."""

    header: str
    type: FieldType
    unit: str = ""
    name: str = ""


@dataclasses.dataclass(frozen=True)
class Proposal:
    """What a file seems to be.

    Parameters
    ----------
    file : str
        Its name.
    encoding : str
        Of a text file, "" for other formats.
    header : HeaderRule
        Where its headers are.
    columns : tuple of Guess
        Its columns in order.
    layout : Layout
        The known layout with most of its columns.
    """

    file: str
    encoding: str
    header: HeaderRule
    columns: tuple[Guess, ...]
    layout: Layout

    def toml(self) -> str:
        """Return the proposal as a layout to edit; no value of the file is in it."""
        known = sum(bool(c.name) for c in self.columns)
        lines = [
            f"# Proposed for {self.file}: {known} of {len(self.columns)} columns are like those of {self.layout.name}.",
            *([f"# Encoding found: {self.encoding}."] if self.encoding else []),
            "# Check every line against the file's documentation before you use it.",
            f'role = "{self.layout.role}"',
            'about = ""',
            "",
        ]
        if self.header.rule != "first":
            key = "find" if self.header.rule == "find" else "names"
            lines += [
                "[header]",
                f'rule = "{self.header.rule}"',
                f"{key} = {_toml(list(getattr(self.header, key)))}",
                "",
            ]
        for i, column in enumerate(self.columns, start=1):
            lines += [f"[columns.{column.name or f'column_{i}'}]", f'type = "{column.type}"']
            lines += [f'unit = "{column.unit}"'] if column.unit else []
            lines += [f"aliases = {_toml([column.header])}", ""] if self.header.rule != "none" else [""]
        return "\n".join(lines)


def propose(path: Path) -> Proposal:
    """Propose a layout for a file, from its headers and its first thousand rows.

    Raises
    ------
    DataError
        What reading refuses; `E_FORMAT` for JSON, whose rows lie where only its documentation says.
    """
    table, rule, unit = _table(path)
    headers = list(table.columns)
    layout, found = nearest(headers)
    names = {header: name for name, header in found.items()} if rule.rule != "none" else {}
    known = {f.name: f for f in layout.known}
    guesses = []
    for header in headers:
        kind = guess_type(table.columns[header].slice(0, SAMPLE_ROWS).to_pylist())
        name = names.get(header, "")
        is_money = bool(name and known[name].unit)
        money = without_unit(plain_header(header))[1] or (is_money and (unit or known[name].unit)) or ""
        guesses.append(Guess(header, kind, money if kind == "number" else "", name))
    return Proposal(path.name, _encoding(path), rule, tuple(guesses), layout)


def nearest(headers: Sequence[str]) -> tuple[Layout, dict[str, str]]:
    """Return the layout that knows most of some headers, exactly or nearly, and which header is which column."""
    best, found = layouts.load("generic-awards"), dict[str, str]()
    for name in layouts.names():
        layout = layouts.load(name)
        exact = matches(dict.fromkeys(headers), layout.known, {})
        if len(exact) > len(found):
            best, found = layout, exact
    rest = [h for h in headers if h not in found.values()]
    for field in best.known:
        near = [h for h in rest if field.name not in found and _likeness(h, field) >= NEAR]
        if near:
            found[field.name] = max(near, key=lambda h: _likeness(h, field))
            rest.remove(found[field.name])
    return best, found


def guess_type(texts: Sequence[str]) -> FieldType:
    """Return the type that nine tenths of the texts are of; digits with a leading zero are codes.

    Examples
    --------
    >>> guess_type(["1,200", "△5", "-"]), guess_type(["令和3年4月1日"]), guess_type(["01", "02"])
    ('number', 'date', 'category')
    """
    values = [text for text in (clean(t) for t in texts) if text not in BLANKS]
    if not values:
        return "category"
    if _share(values, lambda text: parse_corporate_number(text)[0] is not None and len(text) >= 13) >= MOSTLY:
        return "firm_id"
    if _share(values, lambda text: parse_date(text)[0] is not None) >= MOSTLY:
        return "date"
    if all(len(text) != 4 or text.isdecimal() for text in values) and _share(values, _is_year) >= MOSTLY:
        return "year"
    has_codes = any(text[0] == "0" and text.isdecimal() and len(text) > 1 for text in values)
    return "number" if not has_codes and _share(values, lambda t: not parse_number(t)[1]) >= MOSTLY else "category"


def _is_year(text: str) -> bool:
    return parse_year(text)[0] is not None


def _share(values: Sequence[str], is_so: Callable[[str], bool]) -> float:
    return sum(map(is_so, values)) / len(values)


def _likeness(header: str, field: Field) -> float:
    plain = without_unit(plain_header(header))[0]
    return max(
        difflib.SequenceMatcher(None, plain, plain_header(text)).ratio() for text in (field.name, *field.aliases)
    )  # fmt: skip


def _table(path: Path) -> tuple[TextTable, HeaderRule, str]:
    """Return the file's table, where its headers are, and the money unit in a note above them."""
    source = Source(layout="generic-awards", path=path.name)
    kind = checked_format(path, path.name)
    if kind == "parquet":
        return read_file(path, path.name, source), FIRST, ""
    if kind == "text":
        text = to_utf8(path.read_bytes(), path.name).decode()
        delimiter = "\t" if text.count("\t") > text.count(",") else ","
        rows = list(itertools.islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), SAMPLE_ROWS))
    else:
        rows = next((r for r in sheet_rows(path, path.name).values() if any(map(any, r))), [])[:SAMPLE_ROWS]
    rule = _rule(rows)
    found = table_of(rows, path.name, rule)
    return found.table, rule, found.unit


def _encoding(path: Path) -> str:
    """Return the encoding of a text file that reading has accepted."""
    if checked_format(path, path.name) != "text":
        return ""
    for encoding in ("utf-8", "cp932", "utf-16"):
        with contextlib.suppress(DataError):
            to_utf8(path.read_bytes(), path.name, encoding)
            return encoding
    return ""


def _rule(rows: Sequence[Sequence[str]]) -> HeaderRule:
    """Return where the headers are: where most known ones are, else in the first row that is as wide as the table."""
    filled = [row for row in rows if any(row)][:SEARCHED_ROWS]
    if not filled:
        return FIRST
    known = {
        plain_header(text) for n in layouts.names() for f in layouts.load(n).known for text in (f.name, *f.aliases)
    }
    hits = [sum(without_unit(plain_header(text))[0] in known for text in row if text) for row in filled]
    if not max(hits) and sum(map(_is_value, filter(None, filled[0]))) * 2 > sum(map(bool, filled[0])):
        return HeaderRule("none", names=tuple(f"column_{i + 1}" for i in range(len(filled[0]))))
    width = max(sum(map(bool, row)) for row in filled)
    place = hits.index(max(hits)) if max(hits) else next(i for i, r in enumerate(filled) if sum(map(bool, r)) == width)
    header = [text for text in filled[place] if text]
    find = [text for text in header if without_unit(plain_header(text))[0] in known] or header
    return FIRST if place == 0 else HeaderRule("find", find=tuple(" ".join(text.split()) for text in find[:FIND]))


def _is_value(text: str) -> bool:
    """Whether a text is a number, a date or an id, which a header is not."""
    plain = clean(text)
    return not parse_number(plain)[1] or parse_date(plain)[0] is not None


def _toml(values: Sequence[str]) -> str:
    return json.dumps(list(values), ensure_ascii=False)
