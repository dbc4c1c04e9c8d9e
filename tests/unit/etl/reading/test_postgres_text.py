"""What needs no server: names as identifiers. `tests/e2e/test_postgres.py` has the rest."""

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.etl.reading.postgres_text import quoted

NAMES = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=30)


@given(NAMES)
@settings(max_examples=200, deadline=None)
def test_any_text_is_one_identifier(name: str) -> None:
    """A second reader of the same quoting rules takes the name apart again."""
    inner = quoted(name)[1:-1]
    assert quoted(name)[0] == quoted(name)[-1] == '"'
    assert inner.replace('""', "").count('"') == 0
    assert inner.replace('""', '"') == name


def test_a_name_with_quotes_is_what_another_database_reads() -> None:
    name = 'a"b"; drop table t; --'
    assert duckdb.sql(f"select 1 as {quoted(name)}").columns == [name]
