"""Which header stands for which column of a layout, and one header for it over all files of a source."""

import dataclasses
from collections.abc import Mapping, Sequence

from evalkit.etl.layouts import Field, Layout
from evalkit.etl.reading.header_finder import plain_header, without_unit
from evalkit.etl.reading.rows import FoundTable
from evalkit.etl.reading.text_table import header_name
from evalkit.model.study import Source


def with_headers(source: Source, tables: Sequence[FoundTable], layout: Layout) -> tuple[Source, list[FoundTable]]:
    """Find the layout's columns by their aliases, and let all files call them the same.

    Parameters
    ----------
    source : Source
        Headers that it maps are taken as they are.
    tables : sequence of FoundTable
        All tables of the source.
    layout : Layout
        Names and aliases.

    Returns
    -------
    source : Source
        `columns` leads to the header of the first file that has the column.
    tables : list of FoundTable
        Columns renamed to it; `headers` has each file's own.
    """
    found = [matches(t.table.columns, layout.known, source.columns) for t in tables]
    shown: dict[str, str] = {}
    for headers in found:
        shown = {**headers, **shown}
    mapped = {name: header_name(header) for name, header in source.columns.items()}
    renamed = [
        _renamed(table, headers, shown, {**mapped, **headers}) for table, headers in zip(tables, found, strict=True)
    ]
    return source.model_copy(update={"columns": {**shown, **source.columns}}), renamed


def matches(headers: Mapping[str, object], fields: Sequence[Field], mapped: Mapping[str, str]) -> dict[str, str]:
    """Return the header of each field that is not mapped: its name or else its first alias that is there.

    Headers compare without white space, line breaks and a unit in brackets at the end.
    """
    taken = {header_name(header) for header in mapped.values()}
    plain: dict[str, str] = {}
    for header in headers:
        if header not in taken:
            plain.setdefault(plain_header(header), header)
    for header in list(plain):
        plain.setdefault(without_unit(header)[0], plain[header])
    result: dict[str, str] = {}
    for field in fields:
        wanted = [plain_header(text) for text in (field.name, *field.aliases)]
        found = next((plain[text] for text in wanted if text in plain), None)
        if field.name not in mapped and found and found not in result.values():
            result[field.name] = found
    return result


def _renamed(
    found: FoundTable, own: Mapping[str, str], shown: Mapping[str, str], headers: Mapping[str, str]
) -> FoundTable:
    """Rename a file's columns to the headers shown, unless another of its columns has that header already."""
    new = {own[name]: shown[name] for name in own if shown[name] not in found.table.columns}
    return dataclasses.replace(found, table=found.table.renamed(new) if new else found.table, headers=headers)
