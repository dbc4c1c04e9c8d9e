"""A release as data: all numbers as JSON records, and its tables as CSV files for spreadsheets."""

import csv
import dataclasses
import io
from typing import Any

from evalkit.model.evaluation import Release, Row
from evalkit.reporting.words import HIDDEN

BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""Tells spreadsheet programs that a file is UTF-8."""
STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
"""A spreadsheet program may run text that begins so."""


def results(release: Release) -> list[dict[str, Any]]:
    """Return every number of a release with its id, sorted by id; hidden ones are null."""
    return [dataclasses.asdict(number) for number in release.numbers.values()]


def csv_tables(release: Release) -> dict[str, str]:
    """Return the tables of a release as CSV text by file name: "flow", "effects", "check-<name>"."""
    effects = [
        Row({"estimate": parts[1], "by": parts[2], **row.labels}, row.numbers)
        for table, rows in release.tables.items()
        if (parts := table.split("/"))[0] == "effects"
        for row in rows
    ]
    tables = {"flow": release.tables["flow"], "effects": effects}
    for name in release.checks:
        tables[f"check-{name}"] = release.tables[f"checks/{name}"]
    return {name: _csv(release, rows) for name, rows in tables.items() if rows}


def _csv(release: Release, rows: list[Row]) -> str:
    labels = list(dict.fromkeys(key for row in rows for key in row.labels))
    quantities = list(dict.fromkeys(key for row in rows for key in row.numbers))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*labels, *quantities])
    for row in rows:
        cells = [_text(row.labels.get(key, "")) for key in labels]
        writer.writerow(cells + [_value(release, row, key) for key in quantities])
    return BYTE_ORDER_MARK + text.getvalue()


def safe_cell(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet might take for a formula."""
    return f"'{text}" if text.startswith(STARTS_A_FORMULA) else text


def _text(value: Any) -> Any:  # noqa: ANN401
    """Write a label."""
    if isinstance(value, tuple):
        value = ", ".join(value)
    return safe_cell(value) if isinstance(value, str) else value


def _value(release: Release, row: Row, key: str) -> Any:  # noqa: ANN401
    if key not in row.numbers:
        return ""
    value = release.numbers[row.numbers[key]].value
    return HIDDEN if value is None else _text(value)
