"""Read files in a real layout as a build does, and write such files, for tests of layouts."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

import etl_inputs as given
from evalkit.etl import layouts
from evalkit.etl.conform import Typed, conform
from evalkit.etl.needs import Need, fields
from evalkit.etl.source import SourceText, header_problems, read_source
from evalkit.model.study import Source

IDS = [given.number(i) for i in range(5)]
META = ["キー情報", "データ品質", "出典元", "データ取込頻度", "最終取得日", "最終更新日"]


def read(layout: str, folder: Path, pattern: str = "*", **said: Any) -> SourceText:
    """Read the files of one source in a layout."""
    return read_source(layouts.load(layout).role, Source(layout=layout, path=pattern, **said), folder)


def typed(layout: str, folder: Path, pattern: str = "*", **said: Any) -> Typed:
    """Read and type every column of a layout that is there; no row may be lost."""
    source = read(layout, folder, pattern, **said)
    needed = [Need(source.role, f.name, "infer") for f in source.layout.data if source.has(f.name)]
    wanted = fields(source, needed, given.study({**given.study_dict(), "treatment": {}}))
    assert header_problems(source, wanted) == []
    result = conform(source, wanted)
    assert source.n_rows == len(result.rows) + len(result.rejected)
    return result


def column(found: Typed, name: str) -> list[Any]:
    """Return the values of one column, whatever it was typed as."""
    names = [n for n in (name, f"number:{name}", f"category:{name}") if n in found.rows.column_names]
    values: list[Any] = found.rows.column(names[0]).to_pylist()
    return [str(v) for v in values] if name == "firm_id" else values


def csv_bytes(rows: Sequence[Sequence[object]], encoding: str = "utf-8-sig") -> bytes:
    """Return rows as quoted CSV."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue().encode(encoding)


def workbook(path: Path, sheets: dict[str, Sequence[Sequence[object]]]) -> None:
    """Write sheets; None leaves a cell empty."""
    with xlsxwriter.Workbook(str(path)) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for line, row in enumerate(rows):
                for place, value in enumerate(row):
                    if value is not None:
                        sheet.write(line, place, value)
