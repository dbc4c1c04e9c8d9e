"""A table of a PostgreSQL database as a Parquet file, read in one read-only transaction through ADBC."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import DataError, MissingExtraError
from evalkit.etl.reading.text_table import no_rows
from evalkit.model.store import BLOCK_FIRMS
from evalkit.model.study import Source

if TYPE_CHECKING:
    import pyarrow as pa
    from adbc_driver_manager.dbapi import Cursor

VARIABLE = "EVALKIT_POSTGRES_"
SCHEMES = ("postgresql://", "postgres://")
SESSION = (
    "set transaction isolation level repeatable read, read only",
    "set local statement_timeout = '30min'",
    "set local lock_timeout = '10s'",
)
CONNECT_SECONDS = 10
NO_CONNECTION, NOT_TOLD = "08", "not told"
"""Class where there is no session to give an SQLSTATE; and where Arrow, which reads the rows, does not hand it on."""
HINTS = {
    NO_CONNECTION: "check the URL, user and password in the environment, and that the database is up",
    "42": "check sources.*.table, and that the user may read it",
    "57": "the database stopped the query, which took too long or was cancelled",
    NOT_TOLD: "the query was stopped while it ran: it took too long, or the table is a view that failed",
}
TYPED = frozenset({"bool", "int2", "int4", "int8", "float4", "float8", "date", "timestamp", "timestamptz"})
"""Types that Arrow has; all others are turned to text by the database, which loses nothing of a numeric."""
COLUMNS = """
    select a.attname, t.typname
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_class r on r.oid = a.attrelid
    join pg_catalog.pg_namespace n on n.oid = r.relnamespace
    join pg_catalog.pg_type t on t.oid = a.atttypid
    where n.nspname = $1 and r.relname = $2 and a.attnum > 0 and not a.attisdropped
      and pg_catalog.has_column_privilege(r.oid, a.attnum, 'SELECT')
    order by a.attname collate "C"
"""


def write_table(declared: Source, where: str, path: Path) -> None:
    """Write the columns of a table that the user may read as Parquet; the same rows give the same bytes.

    Rows are in the order of firm id and fiscal year, then of all other columns, so a row's number does not depend on
    how the database keeps them. Only a table or view is read, never a query of the study file: a query is code, and
    a view does what it would, where those who own the data can see it.

    Parameters
    ----------
    declared : Source
        `path` "postgresql:NAME", `table` "schema.table".
    where : str
        Place in the study file, for messages.
    path : Path
        The file to write.

    Raises
    ------
    DataError
        `E_DATABASE`: no URL in the environment, or an error of the database, of which only the class is told: its
        text may hold values, user and host. `E_NO_ROWS`.
    MissingExtraError
        The driver is not installed.
    """
    with _answers(where), _cursor(_url(declared, where), where) as cursor:
        for command in SESSION:
            cursor.execute(command)
        schema, table = declared.table.split(".")
        cursor.execute(COLUMNS, (schema, table))
        columns = cursor.fetchall()
        if not columns:
            raise _refused("42", where)
        first = [declared.columns.get(name, name) for name in ("firm_id", "fiscal_year")]
        cursor.execute(_select(schema, table, columns, first))
        n_rows = _write(cursor.fetch_record_batch(), path, where)
    if not n_rows:
        raise no_rows(where)


def _url(declared: Source, where: str) -> str:
    name = VARIABLE + declared.path.removeprefix("postgresql:")
    url = os.environ.get(name, "")
    if not url.startswith(SCHEMES):
        problem = f"the environment variable {name} does not hold a URL of a PostgreSQL database"
        raise DataError(problem, where=where, code="E_DATABASE", hint=f"export {name}=postgresql://...")
    if "connect_timeout=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}connect_timeout={CONNECT_SECONDS}"


@contextlib.contextmanager
def _cursor(url: str, where: str) -> "Iterator[Cursor]":
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError as error:
        hint = "pip install 'evalkit[postgres]'"
        raise MissingExtraError("reading a database needs the ADBC driver", where=where, hint=hint) from error
    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        yield cursor


@contextlib.contextmanager
def _answers(where: str) -> Iterator[None]:
    """Tell an error of the database by its class only."""
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith("adbc_driver_manager"):
            raise
        raise _refused((getattr(error, "sqlstate", None) or NO_CONNECTION)[:2], where) from None


def _refused(sqlstate_class: str, where: str) -> DataError:
    problem = f"the database does not give the table (SQLSTATE class {sqlstate_class})"
    return DataError(problem, where=where, code="E_DATABASE", hint=HINTS.get(sqlstate_class, ""))


def _select(schema: str, table: str, columns: Sequence[tuple[str, str]], first: Sequence[str]) -> str:
    """Return the query: every value once for its column, and once for the order."""
    value = {name: _value(name, kind) for name, kind in columns}
    order = {name: text if kind in TYPED else f'{text} collate "C"' for (name, kind), text in
             zip(columns, value.values(), strict=True)}  # fmt: skip
    ordered = [name for name in first if name in order] + [name for name, _ in columns if name not in first]
    chosen = ", ".join(f"{text} as {quoted(name)}" for name, text in value.items())
    rows = f"select {chosen} from {quoted(schema)}.{quoted(table)}"  # noqa: S608
    return f"{rows} order by {', '.join(order[name] for name in ordered)}"


def _value(name: str, kind: str) -> str:
    """Return a column as it is read; a numeric without fraction has none in its text, 100.00 is 100 (server 13 on)."""
    if kind in TYPED:
        return quoted(name)
    return f"pg_catalog.trim_scale({quoted(name)})::text" if kind == "numeric" else f"{quoted(name)}::text"


def quoted(name: str) -> str:
    """Return a name as an identifier of SQL, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def _write(reader: "pa.RecordBatchReader", path: Path, where: str) -> int:
    """Write the rows in groups of one size, however they arrive, and count them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, n_rows = pa.schema([(field.name, field.type) for field in reader.schema]), 0
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as file:
        for block in _blocks(_batches(reader, where), schema):
            file.write_table(block, row_group_size=BLOCK_FIRMS)
            n_rows += len(block)
    return n_rows


def _batches(reader: "pa.RecordBatchReader", where: str) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    while True:
        try:
            batch = next(reader)
        except StopIteration:
            return
        except (pa.ArrowException, OSError):
            raise _refused(NOT_TOLD, where) from None
        yield batch


def _blocks(batches: "Iterator[pa.RecordBatch]", schema: "pa.Schema") -> "Iterator[pa.Table]":
    import pyarrow as pa

    waiting, n_waiting = list[pa.RecordBatch](), 0
    for batch in batches:
        waiting.append(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
        n_waiting += len(batch)
        if n_waiting >= BLOCK_FIRMS:
            table = pa.Table.from_batches(waiting)
            whole = n_waiting - n_waiting % BLOCK_FIRMS
            for start in range(0, whole, BLOCK_FIRMS):
                yield table.slice(start, BLOCK_FIRMS).combine_chunks()
            waiting, n_waiting = table.slice(whole).to_batches(), n_waiting - whole
    if n_waiting:
        yield pa.Table.from_batches(waiting).combine_chunks()
