"""What the tables of a report together leave hidden, and the rounded counts that agree with each other."""

import dataclasses
from collections.abc import Mapping, Sequence

from evalkit.reporting.disclosure.profiles import Profile
from evalkit.reporting.disclosure.rounding import rounded
from evalkit.reporting.disclosure.suppression import protect
from evalkit.reporting.disclosure.tables import Table, together


@dataclasses.dataclass(frozen=True)
class Hiding:
    """Cells and numbers that are not shown.

    Parameters
    ----------
    rows : frozenset of str
        Cells hidden with all that stands beside them.
    counts : frozenset of str
        Cells of which the count alone is hidden; those of `rows` are among them.
    rounded : dict of cell to int
        Rounded counts, totals as sums of rounded parts; empty where the profile does not round.
    """

    rows: frozenset[str] = frozenset()
    counts: frozenset[str] = frozenset()
    rounded: Mapping[str, int] = dataclasses.field(default_factory=dict)


NOTHING = Hiding()
NO_CELLS = Table({})


def hiding(tables: Sequence[Table], profile: Profile, changed: Table = NO_CELLS) -> Hiding:
    """Decide what is hidden.

    Parameters
    ----------
    tables : sequence of Table
        All of the report, with the cells that a rule hides.
    profile : Profile
        The rules.
    changed : Table
        Cells that differ from an earlier edition by a small count, as `of_changed` makes it.
    """
    rows = protect(tables, profile)
    counts = protect([*tables, changed], profile) if changed.values else rows
    return Hiding(rows, rows | counts, _rounded(tables, profile))


def of_changed(counts: Mapping[str, float]) -> Table:
    """Return counts that changed little as a table of hidden cells, whether another table holds them or not."""
    return Table(dict(counts), primary=frozenset(counts))


def _rounded(tables: Sequence[Table], profile: Profile) -> dict[str, int]:
    """Round the cells that are no totals; every total is the sum of its rounded parts."""
    if profile.rounding == "none":
        return {}
    whole = together(tables)
    parts = {one.total: one.parts for one in reversed(whole.sums)}
    found: dict[str, int] = {}

    def told(name: str) -> int:
        if name not in found:
            own = parts.get(name)
            found[name] = sum(map(told, own)) if own else rounded(int(whole.values[name]), profile)
        return found[name]

    return {name: told(name) for name in whole.values}
