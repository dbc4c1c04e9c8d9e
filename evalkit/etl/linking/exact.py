"""Exact links: the same name key in the same place, and only one firm that has both."""

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


@dataclasses.dataclass(frozen=True)
class Rule:
    """One exact rule: what must be equal beside the name.

    A column that is missing is never equal. Where a rule finds several firms, scores may still tell them apart.
    """

    name: str
    condition: str


SAME_FORM = "(a.form = r.form or a.form is null or r.form is null)"
SAME_PREFECTURE = "(a.prefecture = r.prefecture or a.prefecture is null or r.prefecture is null)"
NO_CITY = "(a.city is null or r.city is null)"
NOT_CLOSED = "(r.day is null or a.day is null or r.day >= a.day)"
"""A firm that had closed before the award is no candidate."""
RULES = (
    Rule(
        "name+address",
        f"a.city = r.city and a.numbers = r.numbers and coalesce(a.town, '') = coalesce(r.town, '')"
        f" and {SAME_PREFECTURE} and {SAME_FORM}",
    ),
    Rule("name+city", f"a.city = r.city and {SAME_PREFECTURE} and {SAME_FORM}"),
    Rule("name+prefecture", f"a.prefecture = r.prefecture and {SAME_FORM} and ({NO_CITY} or r.is_only)"),
    Rule("name", f"a.form = r.form and {SAME_PREFECTURE} and {NO_CITY}"),
)


def exact_hits(database: "duckdb.DuckDBPyConnection", rule: Rule) -> "pa.Table":
    """Return the awards of the table `open_award` that a rule finds in the table `firm`.

    Returns
    -------
    Table
        `award` (its row), `n_firms` (distinct firms found), `firm` (the first of them).
    """
    return database.sql(
        f"""select a.row as award, count(distinct r.firm) as n_firms, min(r.firm) as firm
        from open_award a join firm r on a.name = r.name and {rule.condition} and {NOT_CLOSED}
        group by a.row order by a.row"""  # noqa: S608
    ).to_arrow_table()
