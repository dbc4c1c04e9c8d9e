"""The files of one source as text: found, read, headers checked; and where a row came from."""

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError, EvalkitError, UnknownNameError, did_you_mean, each
from evalkit.etl.aliases import with_headers
from evalkit.etl.derive import derived, joined, units, years_of_ends
from evalkit.etl.layouts import Field, Layout, Role
from evalkit.etl.reading.archives import Workspace
from evalkit.etl.reading.documents import read_tables
from evalkit.etl.reading.rows import FoundTable
from evalkit.etl.reading.text_table import TextTable, header_name, no_rows
from evalkit.etl.vintages import layout_of, source_files, vintage_years
from evalkit.model.study import Source

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = 5


@dataclasses.dataclass(frozen=True, eq=False)
class SourceText:
    """All files of one source as text, in the order of their paths.

    Parameters
    ----------
    role : {"awards", "firms", "firm_years"}
        Which source.
    declared : Source
        What the study says about it.
    layout : Layout
        Its known columns.
    files : tuple of TextTable
        At least one.
    derived : dict of str to ChunkedArray
        Columns that follow from others, by name (n_rows,).
    folder : Workspace or None
        Where archives were unpacked to; it lasts as long as the source.
    """

    role: Role
    declared: Source
    layout: Layout
    files: tuple[TextTable, ...]
    derived: "Mapping[str, pa.ChunkedArray]" = dataclasses.field(default_factory=dict)
    folder: Workspace | None = None

    @property
    def n_rows(self) -> int:
        """Rows of all files."""
        return sum(f.n_rows for f in self.files)

    @property
    def missing(self) -> tuple[str, ...]:
        """Texts that mean "no value"; the empty text always does."""
        return (*self.declared.missing, *self.declared.suppressed, "")

    def header(self, name: str) -> str:
        """Return the header in the files of a column that the study calls `name`."""
        return header_name(self.declared.columns.get(name, name))

    def has(self, name: str) -> bool:
        """Whether any file has the column, or the columns that it is put together from."""
        return name in self.derived or self._is_in_files(name) or self._is_joined(name)

    def headers(self, name: str) -> list[str]:
        """Return the headers in the files that a column is read from."""
        if name in self.derived:
            return []
        return [self.header(part) for part in (self.layout.joined[name] if self._is_joined(name) else (name,))]

    def _is_in_files(self, name: str) -> bool:
        return any(self.header(name) in f.columns for f in self.files)

    def _is_joined(self, name: str) -> bool:
        parts = self.layout.joined.get(name, {})
        return bool(parts) and not self._is_in_files(name) and all(self._is_in_files(part) for part in parts)

    def texts(self, name: str) -> "pa.ChunkedArray":
        """Return the column that the study calls `name` over all files (n_rows,)."""
        if self._is_joined(name):
            return joined([self.raw(header) for header in self.headers(name)], [*self.layout.joined[name].values()])
        return self.derived[name] if name in self.derived else self.raw(self.header(name))

    def raw(self, header: str) -> "pa.ChunkedArray":
        """Return the column under a header over all files (n_rows,), empty where a file does not have it."""
        import pyarrow as pa

        chunks: list[pa.Array] = []
        for file in self.files:
            found = file.columns.get(header)
            chunks += found.chunks if found is not None else [pa.array([""] * file.n_rows, pa.string())]
        return pa.chunked_array(chunks, pa.string())

    def places(self, rows: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int64]]:
        """Return file name and physical line of some rows (k,), counted over all files from 0."""
        starts = np.cumsum([0, *(f.n_rows for f in self.files)])
        which = np.searchsorted(starts, rows, side="right") - 1
        lines = np.zeros(len(rows), np.int64)
        for i in np.unique(which):
            lines[which == i] = self.files[i].line_of(rows[which == i] - starts[i])
        return [self.files[i].file for i in which], lines

    def first_lines(self, rows: NDArray[np.int64]) -> str:
        """Return the first five places among `rows` for a message: "a.csv line 3, a.csv line 9"."""
        files, lines = self.places(np.sort(rows)[:SHOWN])
        return ", ".join(f"{file} line {line}" for file, line in zip(files, lines, strict=True))


def read_source(role: Role, declared: Source, root: Path, year_start: str = "04-01") -> SourceText:
    """Find and read the files of one source; the problems of all files are raised together.

    What the study leaves open is as the layout says. Columns are found by the study's headers, or by the layout's.
    """
    layout = layout_of(role, declared, root)
    source = with_defaults(declared, layout)
    folder = Workspace()
    errors, tables, years = list[EvalkitError](), list[FoundTable](), list[tuple[str, int]]()
    for file in source_files(source, root, f"sources.{role}.path", year_start):
        try:
            found = read_tables(file.path, file.name, source, layout, folder.path)
            tables += found
            years.append((file.fiscal_year, sum(t.table.n_rows for t in found)))
        except* EvalkitError as group:
            errors += each(group)
    if errors:
        raise ExceptionGroup(f"sources.{role}", errors)
    if not tables:
        raise no_rows(f"sources.{role}")
    source, tables = with_headers(source, tables, layout)
    of_layout = {f.name: f.unit for f in layout.data if f.unit}
    in_yen = source.model_copy(update={"unit": {**of_layout, **source.unit, **units(tables, source, layout)}})
    following = {
        **derived(tables, source, layout), **vintage_years(source, years), **years_of_ends(tables, source, year_start),
    }  # fmt: skip
    return SourceText(role, in_yen, layout, tuple(t.table for t in tables), following, folder)


def with_defaults(declared: Source, layout: Layout) -> Source:
    """Return what the study says about a source, and what the layout says where the study is silent."""
    said = declared.model_fields_set
    silent = {key: value for key, value in layout.defaults.items() if key not in said}
    types = {f.name: f.type for f in layout.data if f.type in ("number", "category")}
    return declared.model_copy(update={**silent, "types": {**types, **declared.types}})


def header_problems(source: SourceText, fields: Sequence[Field]) -> list[EvalkitError]:
    """Return every needed column that a file lacks, and every mapped name that the layout does not know."""
    known = [f.name for f in source.layout.known]
    errors: list[EvalkitError] = [
        UnknownNameError(
            f"the layout has no column '{name}'",
            where=f"sources.{source.role}.columns",
            hint=did_you_mean(name, known),
        )
        for name in source.declared.columns
        if name not in known and not source.layout.is_open
    ]
    for file in source.files:
        there = {*source.derived, *(f.name for f in source.layout.known if source.header(f.name) in file.columns)}
        absent = [
            f.name
            for f in fields
            if f.required and f.name not in there and not {*source.headers(f.name)} <= file.columns.keys()
        ]
        if source.layout.any_of and not there & set(source.layout.any_of):
            absent.append(source.layout.any_of[0])
        errors += [_absent(source, name, file) for name in absent]
    return errors


def _absent(source: SourceText, name: str, file: TextTable) -> DataError:
    """Return the error; only a near header is repeated, as the first line of a file without header is data."""
    header = source.header(name)
    near = difflib.get_close_matches(header, list(file.columns), n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    meant = "" if header == name else f" (for '{name}')"
    return DataError(
        f"no column '{header}'{meant}",
        where=f"{file.file}, line 1",
        code="E_COLUMN",
        hint=f"{hint}Map it with sources.{source.role}.columns",
    )
