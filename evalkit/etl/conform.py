"""Text columns into typed columns; rows that break a rule are set aside with the column and the rule."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError
from evalkit.etl.collected import Collected
from evalkit.etl.grammar.as_text import column_text
from evalkit.etl.grammar.column import RULES, Column, by_distinct
from evalkit.etl.grammar.dates import parse_date, parse_year
from evalkit.etl.grammar.firm_id import NO_FIRM_ID, firm_ids, parse_other
from evalkit.etl.grammar.firm_schemes import PARSERS, SEPARATOR, by_row, scheme_of
from evalkit.etl.grammar.numbers import has_codes, numbers
from evalkit.etl.layouts import Field, FieldType
from evalkit.etl.missing import missing_note
from evalkit.etl.reading.file_columns import StoredColumns
from evalkit.etl.source import SourceText
from evalkit.model.flow import FlowStep

if TYPE_CHECKING:
    import pyarrow as pa

ROW = "row"
KEYS = frozenset({"firm_id", "fiscal_year"})
NO_RULE, MISSING, NOT_A_NUMBER = 0, RULES.index("E_MISSING"), RULES.index("E_NUMBER")


@dataclasses.dataclass(frozen=True, eq=False)
class Typed:
    """The rows of one source, typed.

    Parameters
    ----------
    source : SourceText
        The text they came from.
    rows : Table
        Rows that broke no rule: `row` (place in the source, from 0) and one column per field. Data columns are
        called `number:<name>`, `category:<name>` and `date:<name>`.
    rejected : Table
        Rows set aside: `row`, `column`, `rule`, and `amount` where there are amounts.
    total_amount : int
        Amount of all rows read, regardless of sign, in yen.
    n_completed : int
        Rows whose corporate number lacked its check digit, which was computed.
    """

    source: SourceText
    rows: "pa.Table"
    rejected: "pa.Table"
    total_amount: int = 0
    n_completed: int = 0

    def reject(self, is_bad: NDArray[np.bool_], column: str, rule: str) -> "Typed":
        """Return the rows with some more (n_rows,) set aside under one rule."""
        import pyarrow as pa

        bad = self.rows.filter(pa.array(is_bad))
        names, rules = (pa.array([text] * len(bad), pa.string()) for text in (column, rule))
        rows = self.rows.filter(pa.array(~is_bad)) if len(bad) else self.rows
        return dataclasses.replace(
            self, rows=rows, rejected=pa.concat_tables([self.rejected, _rejected(bad, names, rules)])
        )

    def with_rows(self, rows: "pa.Table") -> "Typed":
        """Return the same source with other rows kept."""
        return dataclasses.replace(self, rows=rows)

    def reading(self, step: str) -> FlowStep:
        """Return the flow step of reading: rows that broke a rule, by rule, and numbers that were completed."""
        n_in, n_kept, n_aside = self.source.n_rows, len(self.rows), len(self.rejected)
        completed = f"{self.n_completed} corporate numbers completed with their check digit" if self.n_completed else ""
        kinds = missing_note(self.source, self.rows.column_names)
        reason = "; ".join(text for text in (self.rules(), completed, kinds, self._schemes()) if text)
        return FlowStep(step, "rows", n_in, n_kept, quarantined=n_aside, reason=reason)

    def _schemes(self) -> str:
        """Return the rows by scheme of their firm id, "" where all have one scheme."""
        import pyarrow as pa

        if self.source.declared.firm_scheme not in ("by_row", "corporate_or_invoice"):
            return ""
        ids = self.rows.column("firm_id").cast(pa.string()).drop_null().value_counts().to_pylist()
        counts: dict[str, int] = {}
        for entry in ids:
            scheme = scheme_of(entry["values"])
            counts[scheme] = counts.get(scheme, 0) + entry["counts"]
        return ", ".join(f"{scheme}: {counts[scheme]}" for scheme in sorted(counts))

    def rules(self, among: Sequence[str] = ()) -> str:
        """Return the counts by rule for a message, of all rules or of some."""
        found = [r for r in self.rejected.column("rule").to_pylist() if not among or r in among]
        return ", ".join(f"{rule}: {found.count(rule)}" for rule in sorted(set(found)))


def conform(source: SourceText, fields: Sequence[Field]) -> Typed:
    """Type the columns of a source, part by part.

    Raises
    ------
    ExceptionGroup of DataError
        Columns of which some texts are numbers and some are not, and whose type is not declared (`E_COLUMN_TYPE`).
    """
    import pyarrow as pa

    fields = _with_types(source, fields)
    rows, rejected, total_amount, n_completed = Collected(source.n_rows), [], 0, 0
    for start, part in parts(source, [field.name for field in fields]):
        typed = _conform_part(part, fields, start)
        rows.add(typed.rows)
        rejected.append(typed.rejected)
        total_amount += typed.total_amount
        n_completed += typed.n_completed
    return Typed(source, rows.table(), pa.concat_tables(rejected), total_amount, n_completed)


def parts(source: SourceText, names: Sequence[str]) -> Iterator[tuple[int, SourceText]]:
    """Yield a source in parts of some rows with the columns asked for: the place of the first row, and the rows."""
    n_before = 0
    for file in source.files:
        for start, part in file.parts([header for name in names for header in source.headers(name)]):
            place = n_before + start
            derived = {name: column.slice(place, part.n_rows) for name, column in source.derived.items()}
            yield place, dataclasses.replace(source, files=(part,), derived=derived)
        n_before += file.n_rows


def _conform_part(source: SourceText, fields: Sequence[Field], start: int) -> Typed:
    import pyarrow as pa

    columns: dict[str, pa.Array] = {ROW: pa.array(np.arange(start, start + source.n_rows))}
    first_rule = np.zeros(source.n_rows, np.uint8)
    first_column = np.zeros(source.n_rows, np.uint16)
    n_completed = 0
    for place, field in enumerate(fields):
        name, column = read_field(source, field)
        columns[name] = column.values
        n_completed += column.n_mended
        is_first = (column.rule > 0) & (first_rule == 0)
        if is_first.any():
            first_rule[is_first], first_column[is_first] = column.rule[is_first], place
    table, headers = pa.table(columns), pa.array([source.header(f.name) for f in fields], pa.string())
    bad = np.flatnonzero(first_rule)
    rules = pa.array(RULES).take(pa.array(first_rule[bad]))
    rejected = _rejected(table.take(pa.array(bad)), headers.take(pa.array(first_column[bad])), rules)
    good = table.filter(pa.array(first_rule == NO_RULE)) if len(bad) else table
    return Typed(source, good, rejected, absolute_amount(table), n_completed)


def read_field(source: SourceText, field: Field) -> tuple[str, Column]:
    """Return the name and the values of one field, whose type is known."""
    column, missing = _column(source, field.name), source.missing
    if field.type == "firm_id":
        ids = _firm_ids(source, column)
        return field.name, ids if field.required else _allowed_absent(ids)
    if field.name in {f.name for f in source.layout.fields}:
        known = _known(column, missing, field, source)
        return field.name, _present(known) if field.required and field.name in KEYS else known
    unit = source.declared.unit.get(field.name, "")
    return f"{field.type}:{field.name}", _data(column, missing, field.type, unit)


def _firm_ids(source: SourceText, column: "pa.ChunkedArray") -> Column:
    """Read firm ids by the scheme of the source, or of each row."""
    import pyarrow.compute as pc

    scheme = source.declared.firm_scheme
    if scheme == "by_row":
        keyed = pc.binary_join_element_wise(source.texts("firm_scheme"), column_text(column), SEPARATOR)
        return firm_ids(keyed, source.missing, scheme, by_row(source.missing))
    return firm_ids(column, source.missing, scheme, PARSERS.get(scheme, parse_other))


def _allowed_absent(ids: Column) -> Column:
    """Let rows without a firm id pass, as text: they are linked by name."""
    import pyarrow as pa

    rule = np.where(ids.rule == NO_FIRM_ID, NO_RULE, ids.rule).astype(np.uint8)
    return Column(ids.values.cast(pa.string()), rule, ids.n_mended)


def _column(source: SourceText, name: str) -> "pa.ChunkedArray":
    """Return a column of a part of one file as it is stored, or as text."""
    columns = source.files[0].columns
    if name not in source.derived and isinstance(columns, StoredColumns) and source.header(name) in columns:
        return columns.stored[source.header(name)]
    return source.texts(name)


def _with_types(source: SourceText, fields: Sequence[Field]) -> list[Field]:
    """Return the fields, those of unknown type as numbers or categories, whichever their texts are."""
    errors, types = list[DataError](), dict[str, FieldType]()
    for field in fields:
        if field.type == "infer":
            try:
                types[field.name] = infer(source, field.name)
            except DataError as error:
                errors.append(error)
    if errors:
        raise ExceptionGroup(f"sources.{source.role}", errors)
    return [dataclasses.replace(f, type=types.get(f.name, f.type) if f.type == "infer" else f.type) for f in fields]


def infer(source: SourceText, name: str) -> FieldType:
    """Return "number" when all texts of a column are numbers and "category" when none is, or when they are codes.

    Raises
    ------
    DataError
        Some are and some are not (`E_COLUMN_TYPE`).
    """
    n_numbers, n_others, is_coded = 0, 0, False
    for _, part in parts(source, [name]):
        values = _column(part, name)
        column = numbers(values, source.missing)
        n_numbers += len(values) - column.values.null_count
        n_others += int(np.count_nonzero(column.rule == NOT_A_NUMBER))
        is_coded = is_coded or has_codes(values)
    if n_numbers and n_others:
        raise DataError(
            f"{n_numbers} texts are numbers and {n_others} are not",
            where=f"sources.{source.role}, column '{source.header(name)}'",
            code="E_COLUMN_TYPE",
            hint=f'declare sources.{source.role}.types = {{ {name} = "number" }}, or "category"',
        )
    return "category" if n_others or is_coded else "number"


def _known(column: "pa.ChunkedArray", missing: Sequence[str], field: Field, source: SourceText) -> Column:
    import pyarrow as pa

    if field.type == "year":
        return by_distinct(column, missing, parse_year, pa.int32())
    return _data(column, missing, field.type, source.declared.unit.get(field.name, field.unit))


def _data(column: "pa.ChunkedArray", missing: Sequence[str], kind: str, unit: str) -> Column:
    import pyarrow as pa

    if kind == "number":
        return numbers(column, missing, unit)
    if kind == "date":
        return by_distinct(column, missing, parse_date, pa.date32())
    return by_distinct(column, missing, lambda text: (text, ""), pa.string())


def _present(column: Column) -> Column:
    """Refuse the rows whose value is missing."""
    is_absent = column.values.is_null().to_numpy(zero_copy_only=False) & (column.rule == NO_RULE)
    return Column(column.values, np.where(is_absent, MISSING, column.rule).astype(np.uint8))


def _rejected(bad: "pa.Table", column: "pa.Array", rule: "pa.Array") -> "pa.Table":
    """Return what is kept of rows set aside."""
    kept = bad.select([n for n in (ROW, "amount") if n in bad.column_names])
    return kept.append_column("column", column).append_column("rule", rule)


def absolute_amount(table: "pa.Table") -> int:
    """Return the sum of the `amount` column regardless of sign, 0 where there is none."""
    if "amount" not in table.column_names:
        return 0
    values = table.column("amount").drop_null().to_numpy().astype(np.int64)
    return int(np.abs(values).sum())
