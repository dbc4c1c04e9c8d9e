"""Scored links for what exact rules leave open: Splink on DuckDB with fixed parameters.

Reference: Fellegi and Sunter (1969), A theory for record linkage; Splink 5 documentation.
"""

import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Any

from evalkit.errors import MissingExtraError
from evalkit.etl.linking.exact import NOT_CLOSED

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

COMPARED = """
select *, left(name, 2) as name_head, right(name, 2) as name_tail, left(name, 1) as first_character,
    city || '/' || town as place,
    city || '/' || coalesce(town, '') || '/' || numbers as address,
    if(regexp_matches(name, '^[a-z0-9&]*$'), 3, 2) as n_characters,
    list_distinct(list_transform(
        range(1, greatest(length(name) - n_characters + 2, 2)), lambda i: substring(name, i, n_characters))) as pieces,
    list_transform(range(1, length(name) + 1), lambda i: left(name, i - 1) || substring(name, i + 1)) || [name]
        as drops,
    regexp_replace(name, '[^0-9]', '', 'g') as name_digits
from {table}
"""
BLOCKS = ("name", "address", "city, name_head", "city, name_tail", "place, first_character")
"""The blocking rules of the settings file, as columns."""


def scored_pairs(database: "duckdb.DuckDBPyConnection", n_firms: int, weight: float) -> "pa.Table":
    """Score the awards of the table `open_award` against the table `firm`.

    Parameters
    ----------
    database : DuckDBPyConnection
        With tables `open_award` and `firm`, as `award_keys` and `register_keys` give them.
    n_firms : int
        Distinct firms in the register.
    weight : float
        Least match weight (log2 of the odds) of a pair that is returned.

    Returns
    -------
    Table
        `award`, `firm`, `weight`, `score` (probability): the best pair of each award and firm, sorted by award, then
        weight from high to low, then firm.
    """
    linker = _linker(database, n_firms)
    found = linker.inference.predict(threshold_match_weight=weight, warning_mode="never").physical_name
    return database.sql(
        f"""select a.row as award, r.firm, max(p.match_weight) as weight, max(p.match_probability) as score
        from {found} p join scored_award a on a.row = p.row_l join scored_firm r on r.row = p.row_r
        where {NOT_CLOSED}
        group by all order by award, weight desc, firm"""  # noqa: S608
    ).to_arrow_table()


def require_splink() -> None:
    """Refuse when the extra is not installed."""
    try:
        import splink  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "scored links need Splink",
            where="link.scored",
            hint="pip install 'evalkit[linkage]', or set scored = false",
        ) from error


def settings(n_firms: int) -> dict[str, Any]:
    """Return Splink's settings; a random pair is a link with the chance of one in `n_firms` and none of them."""
    text = (resources.files("evalkit.etl") / "data" / "splink_settings.toml").read_text(encoding="utf-8")
    return {**tomllib.loads(text), "sql_dialect": "duckdb", "probability_two_random_records_match": 1 / (n_firms + 1)}


def _linker(database: "duckdb.DuckDBPyConnection", n_firms: int) -> Any:  # noqa: ANN401
    from splink import DuckDBAPI, Linker

    _make_tables(database, n_firms)
    api = DuckDBAPI(connection=database)
    sides = [api.register(name, dataset_display_name=name) for name in ("scored_award", "scored_firm")]
    linker = Linker(sides, settings(n_firms), log_level="ERROR")
    linker.table_management.register_term_frequency_lookup(api.register("name_frequency"), "name")
    return linker


def _make_tables(database: "duckdb.DuckDBPyConnection", n_firms: int) -> None:
    """Make Splink's inputs: only firms that share a block with an award, but names' frequency in the whole register."""
    awards, firms = COMPARED.format(table="open_award"), COMPARED.format(table="firm")
    shares = " or ".join(f"({block}) in (select ({block}) from scored_award)" for block in BLOCKS)  # noqa: S608
    database.execute(f"create or replace table scored_award as {awards}")
    database.execute(f"create or replace table scored_firm as select * from ({firms}) where {shares}")  # noqa: S608
    database.execute(
        f"""create or replace table name_frequency as
        select name, greatest(count(distinct firm), 1) / {n_firms} as tf_name
        from (select name, firm from firm where name is not null union all select name, null from open_award)
        group by name"""  # noqa: S608
    )
