"""Awards without a firm id: link them to the firms by name and address, as the study says."""

from typing import TYPE_CHECKING

import numpy as np

from evalkit.errors import DataError
from evalkit.etl.conform import ROW, Typed
from evalkit.etl.layouts import Role
from evalkit.etl.source import SourceText
from evalkit.model.flow import Flow
from evalkit.model.panel import FIRM
from evalkit.model.study_awards import Link

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "firm_name"
PLACES = ("prefecture", "city", "address")
LINKS = "links.parquet"
"""File of the links made by name, beside the rows set aside."""


def name_columns(source: SourceText, role: Role) -> list[str]:
    """Return the columns that linking reads from a source, those that are there."""
    return [c for c in (NAME, *PLACES) if source.has(c)] if role != "firm_years" else []


def link_awards(awards: Typed, firms: Typed | None, how: Link, flow: Flow) -> "tuple[Typed, Flow, pa.Table | None]":
    """Give awards without a firm id the one firm that their name and address mean.

    Parameters
    ----------
    awards : Typed
        Dated awards; `firm_id` is null where the file has none.
    firms : Typed or None
        One row per firm, with names: the register.
    how : Link
        What the study says about linking.
    flow : Flow
        What happened so far.

    Returns
    -------
    awards : Typed
        All with a firm id. Awards that mean several firms are set aside as `E_LINK_AMBIGUOUS`, those that mean none as
        `E_UNLINKED`; none is ever on two rows.
    flow : Flow
        With a step for each of the two.
    links : Table or None
        One row per award that was looked for: `file`, `line`, `award_id` (null where it has none), `status`,
        `firm_id`, `rule`, `score`; sorted by file and line.

    Raises
    ------
    DataError
        There are no names to link by (`E_LINK_REGISTER`), or too few awards are linked (`E_LINK_RATE`).
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = awards.rows
    without = np.flatnonzero(rows.column(FIRM).is_null().to_numpy())
    if how.method == "none" or not len(without):
        return awards, flow, None
    from evalkit.etl.linking.link import AMBIGUOUS, LINKED, LinkOptions, link

    open_awards = rows.take(pa.array(without))
    asked = named(open_awards, "awards").append_column("award_id", open_awards.column(ROW).cast(pa.string()))
    if "award_date" in rows.column_names:
        asked = asked.append_column("award_date", open_awards.column("award_date"))
    options = LinkOptions(how.method == "scored", how.least_score, how.margin)
    links = link(asked, _register(firms), options)
    status = np.full(len(rows), LINKED, dtype=object)
    status[without] = links.table.column("status").to_pylist()
    found = np.full(len(rows), None, dtype=object)
    found[without] = links.table.column(FIRM).cast(pa.string()).to_pylist()
    filled = pc.coalesce(rows.column(FIRM).combine_chunks(), pa.array(found, pa.string()))
    rate = float((status[without] == LINKED).mean())
    if rate < how.least_rate:
        raise DataError(
            f"only {rate:.0%} of the {len(without)} awards without a firm id could be linked by name",
            where="link", code="E_LINK_RATE", hint="add addresses to the awards, or lower link.least_rate",
        )  # fmt: skip
    filled_rows = rows.set_column(rows.column_names.index(FIRM), FIRM, filled)
    header = awards.source.header(NAME)
    linked = awards.with_rows(filled_rows).reject(status == AMBIGUOUS, header, "E_LINK_AMBIGUOUS")
    linked = linked.reject(status[status != AMBIGUOUS] != LINKED, header, "E_UNLINKED")
    return linked, flow.extend(links.flow), _with_places(links.table, open_awards, awards.source)


def _with_places(links: "pa.Table", asked: "pa.Table", source: SourceText) -> "pa.Table":
    """Return links with the places and the own ids of their awards."""
    import pyarrow as pa

    own = asked.column("award_id") if "award_id" in asked.column_names else pa.nulls(len(asked), pa.string())
    files, lines = source.places(asked.column(ROW).to_numpy())
    columns = {"file": pa.array(files, pa.string()), "line": pa.array(lines, pa.int64()), "award_id": own}
    columns |= {name: links.column(name) for name in ("status", FIRM, "rule", "score")}
    return pa.table(columns).sort_by([("file", "ascending"), ("line", "ascending")])


def _register(firms: Typed | None) -> "pa.Table":
    if firms is None:
        raise DataError("awards cannot be linked by name without sources.firms", where="link", code="E_LINK_REGISTER")
    return named(firms.rows, "firms").append_column(FIRM, firms.rows.column(FIRM))


def named(rows: "pa.Table", role: str) -> "pa.Table":
    """Return name and places under the names that linking uses."""
    import pyarrow as pa

    held = {c: next((n for n in (c, f"category:{c}") if n in rows.column_names), "") for c in (NAME, *PLACES)}
    if not held[NAME]:
        raise DataError(
            f"awards cannot be linked without a column '{NAME}'", where=f"sources.{role}", code="E_LINK_REGISTER",
            hint=f"map it with sources.{role}.columns",
        )  # fmt: skip
    columns = {"name" if c == NAME else c: rows.column(n).cast(pa.string()) for c, n in held.items() if n}
    return pa.table(columns)
