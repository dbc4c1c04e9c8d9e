"""Awards without a firm id: link them to the firms by name and address, as the study says."""

from typing import TYPE_CHECKING

import numpy as np

from evalkit.errors import DataError
from evalkit.etl.conform import ROW, Typed
from evalkit.etl.layouts import Role
from evalkit.etl.source import SourceText
from evalkit.model.flow import Flow
from evalkit.model.panel import FIRM
from evalkit.model.study import Link

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "firm_name"
PLACES = ("prefecture", "city", "address")


def name_columns(source: SourceText, role: Role) -> list[str]:
    """Return the columns that linking reads from a source, those that are there."""
    return [c for c in (NAME, *PLACES) if source.has(c)] if role != "firm_years" else []


def link_awards(awards: Typed, firms: Typed | None, how: Link, flow: Flow) -> tuple[Typed, Flow]:
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
        return awards, flow
    from evalkit.etl.linking.link import AMBIGUOUS, LINKED, LinkOptions, link

    open_awards = rows.take(pa.array(without))
    asked = _named(open_awards, "awards").append_column("award_id", open_awards.column(ROW).cast(pa.string()))
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
    return linked, flow.extend(links.flow)


def _register(firms: Typed | None) -> "pa.Table":
    if firms is None:
        raise DataError("awards cannot be linked by name without sources.firms", where="link", code="E_LINK_REGISTER")
    return _named(firms.rows, "firms").append_column(FIRM, firms.rows.column(FIRM))


def _named(rows: "pa.Table", role: str) -> "pa.Table":
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
