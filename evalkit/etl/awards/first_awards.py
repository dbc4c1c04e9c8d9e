"""Awards: duplicates, programme, stages and events, shares, link to firms, first award of each firm."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError
from evalkit.etl.awards.consortium import share_out
from evalkit.etl.awards.link_awards import link_awards
from evalkit.etl.awards.netting import at_stage, in_force, is_event
from evalkit.etl.awards.programmes import programme_name
from evalkit.etl.awards.ranges import with_midpoints
from evalkit.etl.conform import ROW, Typed
from evalkit.etl.grammar.column import clean
from evalkit.etl.grammar.dates import fiscal_years
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.panel import FIRM
from evalkit.model.study import Study
from evalkit.model.study_awards import Treatment

if TYPE_CHECKING:
    import pyarrow as pa

YEAR = "award_year"
LINKED_WELL, LINKED_ENOUGH = 0.9, 0.7
"""Share of awards with a firm: noted below the first, refused below the second."""


@dataclasses.dataclass(frozen=True, eq=False)
class Awarded:
    """The awards that count, and the firms that have them.

    Parameters
    ----------
    awards : Typed
        Awards in force of the study's programmes, each with a firm; with all rows set aside on the way.
    cohorts : Table
        `firm_id`, `cohort` (int32): one row per firm, sorted by firm id.
    flow : Flow
        What happened on the way.
    others : Typed or None
        Awards in force of other programmes, where the study looks at them.
    links : Table or None
        What `link_awards` tells of the awards without a firm id.
    listed : Typed or None
        All rows of any programme and stage, where the study names comparison groups.
    """

    awards: Typed
    cohorts: "pa.Table"
    flow: Flow
    others: Typed | None = None
    links: "pa.Table | None" = None
    listed: Typed | None = None


def first_awards(awards: Typed, study: Study, firms: "pa.Array", records: Typed | None = None) -> Awarded:
    """Find the first award of each firm among the awards that count.

    Parameters
    ----------
    awards : Typed
        Rows of `sources.awards`.
    study : Study
        Programme, stage and fiscal year.
    firms : Array of string
        Firms known from the firms or the firm-years.
    records : Typed or None
        The firms by name, for awards without a firm id.

    Raises
    ------
    DataError
        Fewer than 70 % of the awards have a firm (`E_LINK_RATE`).
    """
    how = study.treatment
    awards, flow = _dated(awards, study.period.fiscal_year_start, Flow())
    awards, flow, links = link_awards(awards, records, study.link, flow)
    awards, flow = with_midpoints(awards, how.ranges, flow)
    awards, flow = _collapse(awards, how.consortium, flow)
    others = _others(awards, how) if how.needs_others else None
    listed = awards if study.comparison else None
    awards, flow = _in_programme(awards, how.programme, flow)
    awards, dating, flow = at_stage(awards, how.stage, flow)
    awards, flow = in_force(awards, dating, how.consortium != "refuse", flow)
    awards, flow = share_out(awards, how.consortium, flow)
    awards, flow = _linked(awards, firms, flow)
    cohorts = awards.rows.group_by("firm_id").aggregate([(YEAR, "min")])
    cohorts = cohorts.rename_columns(["firm_id", "cohort"]).sort_by("firm_id")
    n_in = len(awards.rows)
    step = FlowStep(
        "first award", "awards", n_in, len(cohorts), collapsed=n_in - len(cohorts), reason="one award per firm"
    )
    return Awarded(awards, cohorts, flow.add(step), others, links, listed)


def _dated(awards: Typed, start: str, flow: Flow) -> tuple[Typed, Flow]:
    """Add the fiscal year of each award; an award without one is set aside."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = awards.rows
    years = pa.nulls(len(rows), pa.int32())
    if "award_date" in rows.column_names:
        years = fiscal_years(rows.column("award_date").combine_chunks(), start)
    if "fiscal_year" in rows.column_names:
        years = pc.coalesce(years, rows.column("fiscal_year").combine_chunks())
    column = "award_date" if "award_date" in rows.column_names else "fiscal_year"
    if FIRM in rows.column_names:
        texts, place = rows.column(FIRM).cast(pa.string()), rows.column_names.index(FIRM)
        rows = rows.set_column(place, FIRM, texts).append_column(YEAR, years)
    else:
        rows = rows.append_column(FIRM, pa.nulls(len(rows), pa.string())).append_column(YEAR, years)
    dated = awards.with_rows(rows).reject(_mask(rows.column(YEAR).is_null()), awards.source.header(column), "E_MISSING")
    return dated, flow.add(dated.reading("read awards"))


def _collapse(awards: Typed, consortium: str, flow: Flow) -> tuple[Typed, Flow]:
    """Collapse rows that are equal in every column read; set aside awards with one id and different contents."""
    n_in = len(awards.rows)
    columns = [n for n in awards.rows.column_names if n != ROW]
    once = awards.rows.group_by(columns, use_threads=False).aggregate([(ROW, "min")])
    once = awards.with_rows(once.rename_columns([*columns, ROW]).select(awards.rows.column_names))
    n_once = len(once.rows)
    if "award_id" in columns:
        once = once.reject(_is_shared(once, consortium), once.source.header("award_id"), "E_KEY_CONFLICT")
    n_kept = len(once.rows)
    return once, flow.add(
        FlowStep(
            "distinct awards", "rows", n_in, n_kept, quarantined=n_once - n_kept, collapsed=n_in - n_once,
            reason=once.rules(["E_KEY_CONFLICT"]),
        )
    )  # fmt: skip


def _is_shared(awards: Typed, consortium: str) -> NDArray[np.bool_]:
    """Find the rows whose award id (and stage, where there are stages) another row has too.

    Events that change an award have its id rightly; so have the firms of a consortium where amounts are shared.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = awards.rows
    rows = rows.filter(pa.array(~is_event(rows, awards.source.layout.has_events)))
    keys = [n for n in ("award_id", "stage") if n in rows.column_names]
    keys += ["firm_id"] if consortium != "refuse" else []
    counts = rows.group_by(keys, use_threads=False).aggregate([(ROW, "list"), (ROW, "count")])
    many = counts.filter(pc.greater(counts.column(f"{ROW}_count"), 1))
    many = many.filter(pc.is_valid(many.column("award_id")))
    shared = pc.list_flatten(many.column(f"{ROW}_list")).combine_chunks()
    return _mask(pc.is_in(awards.rows.column(ROW), shared if len(shared) else pa.array([], pa.int64())))


def _in_programme(awards: Typed, wanted: tuple[str, ...], flow: Flow) -> tuple[Typed, Flow]:
    """Keep the awards of the study's programmes, of all where it names none."""
    import pyarrow as pa

    if not wanted:
        return awards, flow
    kept = awards.rows.filter(pa.array(is_of_programmes(awards, wanted)))
    n_in = len(awards.rows)
    step = FlowStep(
        "programme", "awards", n_in, len(kept), quarantined=n_in - len(kept),
        reason="another programme than the study's",
    )  # fmt: skip
    return awards.with_rows(kept), flow.add(step)


def is_of_programmes(awards: Typed, wanted: tuple[str, ...]) -> NDArray[np.bool_]:
    """Find the awards (n_rows,) of some programmes: titles as they are, or as they are without their fiscal year."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = {clean(name) for name in wanted}
    timeless = {"".join(name.split()) for name in names}
    column = awards.rows.column("programme")
    titles = [t for t in pc.unique(column).to_pylist() if t and (t in names or programme_name(t) in timeless)]
    return _mask(pc.is_in(column, pa.array(titles, pa.string())))


def _others(awards: Typed, how: Treatment) -> Typed:
    """Return the awards of other programmes that are in force; the step "programme" has counted them."""
    import pyarrow as pa

    others = awards.with_rows(awards.rows.filter(pa.array(~is_of_programmes(awards, how.programme))))
    others, dating, _ = at_stage(others, how.stage, Flow())
    return in_force(others, dating, how.consortium != "refuse", Flow())[0]


def _linked(awards: Typed, firms: "pa.Array", flow: Flow) -> tuple[Typed, Flow]:
    import pyarrow.compute as pc

    n_in = len(awards.rows)
    is_absent = ~_mask(pc.is_in(awards.rows.column("firm_id"), firms))
    linked = awards.reject(is_absent, awards.source.header("firm_id"), "E_UNLINKED")
    rate = len(linked.rows) / n_in if n_in else 1.0
    if rate < LINKED_ENOUGH:
        raise DataError(
            f"only {rate:.0%} of the awards in scope have a firm in the firms or firm-years",
            where="sources.awards",
            code="E_LINK_RATE",
            hint="check that the firm ids of the awards and of the firm data are of the same kind",
        )
    note = f"no such firm in the firm data; {rate:.1%} linked" + (", which is low" if rate < LINKED_WELL else "")
    step = FlowStep("link to firms", "awards", n_in, len(linked.rows), quarantined=int(is_absent.sum()), reason=note)
    return linked, flow.add(step)


def _mask(values: "pa.ChunkedArray") -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.asarray(values.to_numpy(), bool)
    return found
