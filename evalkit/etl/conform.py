"""Text columns into typed columns; rows that break a rule are set aside with the column and the rule."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError
from evalkit.etl.column import RULES, Column, by_distinct
from evalkit.etl.dates import parse_date, parse_year
from evalkit.etl.firm_id import firm_ids
from evalkit.etl.layouts import Field
from evalkit.etl.numbers import has_codes, numbers
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
        called `number:<name>` and `category:<name>`.
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

        names = pa.array([column] * len(self.rows), pa.string())
        rules = pa.array([rule] * len(self.rows), pa.string())
        bad = _rejected(self.rows, names, rules, is_bad)
        return dataclasses.replace(
            self, rows=self.rows.filter(pa.array(~is_bad)), rejected=pa.concat_tables([self.rejected, bad])
        )

    def with_rows(self, rows: "pa.Table") -> "Typed":
        """Return the same source with other rows kept."""
        return dataclasses.replace(self, rows=rows)

    def reading(self, step: str) -> FlowStep:
        """Return the flow step of reading: rows that broke a rule, by rule, and numbers that were completed."""
        n_in, n_kept = self.source.n_rows, len(self.rows)
        completed = f"{self.n_completed} corporate numbers completed with their check digit" if self.n_completed else ""
        reason = "; ".join(text for text in (self.rules(), completed) if text)
        return FlowStep(step, "rows", n_in, n_kept, quarantined=n_in - n_kept, reason=reason)

    def rules(self, among: Sequence[str] = ()) -> str:
        """Return the counts by rule for a message, of all rules or of some."""
        found = [r for r in self.rejected.column("rule").to_pylist() if not among or r in among]
        return ", ".join(f"{rule}: {found.count(rule)}" for rule in sorted(set(found)))


def conform(source: SourceText, fields: Sequence[Field]) -> Typed:
    """Type the columns of a source.

    Raises
    ------
    ExceptionGroup of DataError
        Columns of which some texts are numbers and some are not, and whose type is not declared (`E_COLUMN_TYPE`).
    """
    import pyarrow as pa

    columns: dict[str, pa.Array] = {ROW: pa.array(np.arange(source.n_rows))}
    first_rule = np.zeros(source.n_rows, np.uint8)
    first_column = np.zeros(source.n_rows, np.uint16)
    errors: list[DataError] = []
    n_completed = 0
    for place, field in enumerate(fields):
        try:
            name, column = read_field(source, field)
        except DataError as error:
            errors.append(error)
            continue
        columns[name] = column.values
        n_completed += column.n_mended
        is_first = (column.rule > 0) & (first_rule == 0)
        first_rule[is_first], first_column[is_first] = column.rule[is_first], place
    if errors:
        raise ExceptionGroup(f"sources.{source.role}", errors)
    headers = pa.array([source.header(f.name) for f in fields])
    typed = _split(source, pa.table(columns), first_rule, headers.take(pa.array(first_column)))
    return dataclasses.replace(typed, n_completed=n_completed)


def read_field(source: SourceText, field: Field) -> tuple[str, Column]:
    """Return the name and the values of one field."""
    texts, missing = source.texts(field.name), source.missing
    if field.type == "firm_id":
        return field.name, firm_ids(texts, missing, source.declared.firm_scheme)
    if field.name in {f.name for f in source.layout.fields}:
        column = _known(texts, missing, field, source)
        return field.name, _present(column) if field.required and field.name in KEYS else column
    kind = infer(source, field.name) if field.type == "infer" else field.type
    return f"{kind}:{field.name}", _data(texts, missing, kind, source.declared.unit.get(field.name, ""))


def infer(source: SourceText, name: str) -> str:
    """Return "number" when all texts of a column are numbers and "category" when none is, or when they are codes.

    Raises
    ------
    DataError
        Some are and some are not (`E_COLUMN_TYPE`).
    """
    texts = source.texts(name)
    column = numbers(texts, source.missing)
    n_numbers = len(texts) - column.values.null_count
    n_others = int(np.count_nonzero(column.rule == NOT_A_NUMBER))
    if n_numbers and n_others:
        raise DataError(
            f"{n_numbers} texts are numbers and {n_others} are not",
            where=f"sources.{source.role}, column '{source.header(name)}'",
            code="E_COLUMN_TYPE",
            hint=f'declare sources.{source.role}.types = {{ {name} = "number" }}, or "category"',
        )
    return "category" if n_others or has_codes(texts) else "number"


def _known(texts: "pa.ChunkedArray", missing: Sequence[str], field: Field, source: SourceText) -> Column:
    import pyarrow as pa

    if field.type == "date":
        return by_distinct(texts, missing, parse_date, pa.date32())
    if field.type == "year":
        return by_distinct(texts, missing, parse_year, pa.int32())
    return _data(texts, missing, field.type, source.declared.unit.get(field.name, field.unit))


def _data(texts: "pa.ChunkedArray", missing: Sequence[str], kind: str, unit: str) -> Column:
    import pyarrow as pa

    if kind == "number":
        return numbers(texts, missing, unit)
    return by_distinct(texts, missing, lambda text: (text, ""), pa.string())


def _present(column: Column) -> Column:
    """Refuse the rows whose value is missing."""
    is_absent = column.values.is_null().to_numpy(zero_copy_only=False) & (column.rule == NO_RULE)
    return Column(column.values, np.where(is_absent, MISSING, column.rule).astype(np.uint8))


def _split(source: SourceText, table: "pa.Table", rule: NDArray[np.uint8], column: "pa.Array") -> Typed:
    import pyarrow as pa

    names = pa.array(RULES).take(pa.array(rule))
    rejected = _rejected(table, column, names, rule > NO_RULE)
    return Typed(source, table.filter(pa.array(rule == NO_RULE)), rejected, absolute_amount(table))


def _rejected(table: "pa.Table", column: "pa.Array", rule: "pa.Array", is_bad: NDArray[np.bool_]) -> "pa.Table":
    import pyarrow as pa

    kept = table.select([n for n in (ROW, "amount") if n in table.column_names])
    return kept.append_column("column", column).append_column("rule", rule).filter(pa.array(is_bad))


def absolute_amount(table: "pa.Table") -> int:
    """Return the sum of the `amount` column regardless of sign, 0 where there is none."""
    if "amount" not in table.column_names:
        return 0
    values = table.column("amount").drop_null().to_numpy().astype(np.int64)
    return int(np.abs(values).sum())
