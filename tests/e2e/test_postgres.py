"""A study on the tables of a real PostgreSQL server, started here: the same panel as from files, and no secret told."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import postgres_server as pg
import small_study
from evalkit.errors import DataError
from evalkit.etl.reading import postgres_text
from evalkit.etl.reading.parquet_text import read_parquet
from evalkit.model.study import Source

CREATE = (
    'create table grants.awards (award_id text, firm_id text, programme varchar(20), "交付決定日" date, '
    '"交付決定額" numeric(18,2))',
    "create table grants.firms (firm_id char(13), industry text)",
    "create table grants.firm_years (firm_id text, fiscal_year smallint, sales numeric)",
)
SECRETS = (pg.PASSWORD, "postgresql://", pg.READER, "evalkit-pg-")


@pytest.fixture(scope="module")
def database() -> Iterator[Path]:
    with pg.server() as folder:
        pg.execute(folder, "create schema grants", *CREATE, f"create role {pg.READER} login password '{pg.PASSWORD}'",
                   f"grant usage on schema grants to {pg.READER}",
                   f"grant select on all tables in schema grants to {pg.READER}",
                   f"alter default privileges in schema grants grant select on tables to {pg.READER}")  # fmt: skip
        fill(folder)
        yield folder


@pytest.fixture(autouse=True)
def known_url(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALKIT_POSTGRES_REGISTER", pg.url(database))


def fill(database: Path, seed: int = 1) -> None:
    """Store the rows of the small study in an order of their own."""
    rows = small_study.tables()
    for name, table in rows.items():
        random.Random(seed).shuffle(table)
        values = ", ".join("(" + ", ".join(f"'{v}'" for v in _plain(row)) + ")" for row in table)
        pg.execute(database, f"truncate grants.{name}", f"insert into grants.{name} values {values}")


def _plain(row: dict[str, str]) -> list[str]:
    return [v.replace(",", "") if k == "交付決定額" else v for k, v in row.items()]


def from_database(text: str) -> str:
    for name in ("awards", "firms", "firm_years"):
        there = f'path = "postgresql:REGISTER"\ntable = "grants.{name}"\narchive = "{name.replace("_", "-")}"'
        text = text.replace(f'path = "data/{name}.csv"', there)
    return text


def command(cli, verb: str, study: Path):
    return cli(verb, study, "--out", study.parent / "out", "--root", study.parent)


def source(table: str = "grants.firms", **more: object) -> Source:
    given = {"layout": "generic-firms", "path": "postgresql:REGISTER", "table": table, "archive": "a"}
    return Source.model_validate({**given, **more})


def refused(table: str, folder: Path, **more: object) -> DataError:
    with pytest.raises(DataError) as caught:
        postgres_text.write_table(source(table, **more), "sources.firms", folder / "t.parquet")
    assert caught.value.exit_code == 3
    assert not any(secret in str(caught.value) for secret in SECRETS)
    return caught.value


def panel_bytes(study: Path) -> dict[str, bytes]:
    folder = study.parent / "out" / "small" / "panel"
    return {n: (folder / n).read_bytes() for n in ("panel.parquet", "panel.json", "flow.json")}


def test_tables_and_files_give_the_same_panel(tmp_path: Path, cli, database: Path) -> None:
    files = small_study.write(tmp_path / "files")
    tables = small_study.write(tmp_path / "tables", study=from_database)
    for name in ("awards", "firms", "firm_years"):
        (tables.parent / "data" / f"{name}.csv").unlink()
    for study in (files, tables):
        answer = command(cli, "build", study)
        assert answer.code == 0, answer.err
    assert panel_bytes(files) == panel_bytes(tables)


def test_the_order_in_which_rows_are_stored_does_not_matter(tmp_path: Path, cli, database: Path) -> None:
    study = small_study.write(tmp_path, study=from_database)
    assert command(cli, "run", study).code == 0
    fill(database, seed=2)
    answer = command(cli, "run", study)
    assert "nothing changed" in answer.out
    manifest = json.loads((tmp_path / "out/small/manifest.json").read_text())
    assert sorted(n.split("/")[1] for n in manifest["inputs"]) == ["awards", "firm-years", "firms"]
    assert all((tmp_path / n).stat().st_mode & 0o077 == 0 for n in manifest["inputs"])


def test_a_changed_row_is_another_vintage_and_makes_the_panel_stale(tmp_path: Path, cli, database: Path) -> None:
    study = small_study.write(tmp_path, study=from_database)
    command(cli, "build", study)
    pg.execute(database, "update grants.firms set industry = 'D' where industry = 'C'")
    try:
        answer = command(cli, "match", study)
        assert answer.code == 8
        assert "inputs" in answer.err
        assert len((tmp_path / "vintages/firms/index.jsonl").read_text().splitlines()) == 2
    finally:
        fill(database)


def test_a_row_set_aside_is_found_by_its_place_in_the_order_of_firms_and_years(
    tmp_path: Path, cli, database: Path
) -> None:
    def spoil(text: str) -> str:
        return from_database(text) + "[limits]\nquarantined_rows = 1\n"

    firm = min(small_study.corporate_number(i) for i in range(small_study.N_FIRMS))
    pg.execute(database, f"update grants.firm_years set sales = 'NaN' where firm_id = '{firm}' and fiscal_year = 2015")
    try:
        study = small_study.write(tmp_path, study=spoil)
        answer = command(cli, "build", study)
        assert answer.code == 0, answer.err
        rows = pq.read_table(tmp_path / "out/small/restricted/quarantine/firm_years.parquet").to_pylist()
        assert [(r["line"], r["column"], r["rule"]) for r in rows] == [(3, "sales", "E_NUMBER")]
    finally:
        fill(database)


def test_values_keep_every_digit(tmp_path: Path, database: Path) -> None:
    pg.execute(
        database, "drop table if exists grants.kinds",
        "create table grants.kinds (n numeric, i bigint, f double precision, b boolean, d date, z timestamptz, "
        "u uuid, e text, firm_id int)",
        "insert into grants.kinds values (12345678901234567890.0123456789, 9223372036854775807, 0.1, true, "
        "'2020-03-31', '2020-03-31 20:00+00', '00000000-0000-0000-0000-000000000001', null, 1)",
    )  # fmt: skip
    postgres_text.write_table(source("grants.kinds"), "x", tmp_path / "t.parquet")
    table = read_parquet(tmp_path / "t.parquet", "t")
    assert {name: column.to_pylist() for name, column in table.columns.items()} == {
        "n": ["12345678901234567890.0123456789"], "i": ["9223372036854775807"], "f": ["0.1"], "b": ["1"],
        "d": ["2020-03-31"], "z": ["2020-04-01"], "u": ["00000000-0000-0000-0000-000000000001"], "e": [""],
        "firm_id": ["1"],
    }  # fmt: skip


def test_many_rows_come_in_the_order_of_firm_and_year(tmp_path: Path, database: Path) -> None:
    n_rows = 300_000
    pg.execute(
        database, "drop table if exists grants.many", "create table grants.many (pad text, year int, id int)",
        f"insert into grants.many select md5(i::text), 2000 + i % 3, i / 3 from generate_series(0, {n_rows - 1}) i "
        "order by md5(i::text)",
    )  # fmt: skip
    columns = {"firm_id": "id", "fiscal_year": "year"}
    postgres_text.write_table(source("grants.many", columns=columns), "x", tmp_path / "t.parquet")
    table = pq.read_table(tmp_path / "t.parquet", columns=["id", "year"]).to_pydict()
    assert list(zip(table["id"], table["year"], strict=True)) == [(i // 3, 2000 + i % 3) for i in range(n_rows)]
    assert pq.read_metadata(tmp_path / "t.parquet").num_row_groups == 3


@pytest.mark.parametrize(
    ("given", "sqlstate_class"),
    [("user", "08"), ("table", "42"), ("right", "42"), ("time", "not told"), ("write", "not told"), ("value", "22")],
)
def test_what_the_database_refuses_is_told_by_class_only(
    given: str, sqlstate_class: str, tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pg.execute(
        database, "create schema if not exists closed", "create table if not exists closed.t (a int)",
        "create or replace function grants.meddle() returns text language sql security definer as "
        "'insert into closed.t values (1) returning ''x'''",
        "create or replace view grants.meddling as select grants.meddle() as firm_id",
        "create or replace view grants.slow as select pg_catalog.pg_sleep(9)::text as firm_id",
        "create or replace view grants.wrong as select 'Sakura'::text::int as firm_id",
    )  # fmt: skip
    table = {"table": "grants.absent", "right": "closed.t", "time": "grants.slow", "write": "grants.meddling",
             "value": "grants.wrong"}.get(given, "grants.firms")  # fmt: skip
    if given == "user":
        monkeypatch.setenv("EVALKIT_POSTGRES_REGISTER", pg.url(database, password="another"))
    if given == "time":
        session = tuple(c.replace("30min", "50ms") for c in postgres_text.SESSION)
        monkeypatch.setattr(postgres_text, "SESSION", session)
    error = refused(table, tmp_path)
    assert error.code == "E_DATABASE"
    assert f"SQLSTATE class {sqlstate_class}" in str(error)
    assert "Sakura" not in str(error)
    assert error.__cause__ is None


def test_only_columns_that_the_user_may_read_are_read(tmp_path: Path, database: Path) -> None:
    pg.execute(
        database, "drop table if exists closed.partly", "create schema if not exists closed",
        "create table closed.partly (firm_id int, sales int, owner_name text)",
        "insert into closed.partly values (1, 2, 'x')",
        f"grant usage on schema closed to {pg.READER}",
        f"grant select (firm_id, sales) on closed.partly to {pg.READER}",
    )  # fmt: skip
    postgres_text.write_table(source("closed.partly"), "x", tmp_path / "t.parquet")
    assert pq.read_schema(tmp_path / "t.parquet").names == ["firm_id", "sales"]


def test_any_name_is_a_name(tmp_path: Path, database: Path) -> None:
    name = 'a"; drop table grants.firms; --'
    quoted = name.replace('"', '""')
    pg.execute(database, f'drop table if exists grants."{quoted}"', f'create table grants."{quoted}" ("x""y" int)',
               f'insert into grants."{quoted}" values (7)')  # fmt: skip
    table = f"grants.{name.replace('grants.', '')}"
    pg.execute(database, f'drop table if exists grants."{quoted.replace("grants.", "")}"',
               f'alter table grants."{quoted}" rename to "{quoted.replace("grants.", "")}"')  # fmt: skip
    postgres_text.write_table(source(table), "x", tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet").to_pydict() == {'x"y': [7]}


def test_an_empty_table_is_refused(tmp_path: Path, database: Path) -> None:
    pg.execute(database, "drop table if exists grants.empty", "create table grants.empty (firm_id int)")
    assert refused("grants.empty", tmp_path).code == "E_NO_ROWS"


@pytest.mark.parametrize("held", ["", "host=somewhere password=hidden", "https://example.org"])
def test_a_url_that_is_none_is_not_repeated(held: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALKIT_POSTGRES_REGISTER", held)
    with pytest.raises(DataError, match="EVALKIT_POSTGRES_REGISTER") as caught:
        postgres_text.write_table(source(), "x", tmp_path / "t.parquet")
    assert caught.value.code == "E_DATABASE"
    assert not held or held not in str(caught.value)


def test_the_command_line_keeps_the_secret(tmp_path: Path, cli, database: Path, monkeypatch) -> None:
    monkeypatch.setenv("EVALKIT_POSTGRES_REGISTER", pg.url(database, password="canary-canary"))
    study = small_study.write(tmp_path, study=from_database)
    answer = command(cli, "build", study)
    assert answer.code == 3
    assert answer.err.count("E_DATABASE") == 3
    assert not any(s in answer.err + answer.out for s in (*SECRETS, "canary-canary"))
    assert not (tmp_path / "out").exists()
