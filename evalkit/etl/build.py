"""Build: read the sources, type them, find each firm's first award, and place all on one row per firm."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError, DesignError, EvalkitError, each, raise_all
from evalkit.etl.awards.first_awards import first_awards
from evalkit.etl.conform import Typed, conform
from evalkit.etl.layouts import Role
from evalkit.etl.needs import fields, needs
from evalkit.etl.panel.baseline import Baseline, baseline_period
from evalkit.etl.panel.firm_records import find, known_firms, one_per_firm
from evalkit.etl.panel.firm_years import Grid, grid, placed
from evalkit.etl.panel.outcomes import check_outcome
from evalkit.etl.quarantine import limit_problems, write_quarantine
from evalkit.etl.rules import keep_rules
from evalkit.etl.source import SourceText, header_problems, read_source
from evalkit.etl.vintages import imported
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.panel import COHORT, FIRM, Panel, PanelCovariate
from evalkit.model.study import Source, Study

if TYPE_CHECKING:
    import pyarrow as pa


@dataclasses.dataclass(frozen=True, eq=False)
class Firms:
    """The firms on their way into the panel: firm-years, cohorts (0 for never) and what happened so far."""

    grid: Grid
    cohort: NDArray[np.int64]
    flow: Flow

    def keep(self, is_kept: NDArray[np.bool_], step: str, reason: str) -> "Firms":
        """Return some of the firms (n_firms,), the others counted as set aside."""
        n_in, n_kept = len(is_kept), int(is_kept.sum())
        entry = FlowStep(step, "firms", n_in, n_kept, quarantined=n_in - n_kept, reason=reason)
        return Firms(self.grid.of_firms(is_kept), self.cohort[is_kept], self.flow.add(entry))


def build_panel(study: Study, root: Path, quarantine: Path | None = None) -> Panel:
    """Build the panel of a study.

    The result does not depend on the order of rows, on how rows are split over files, nor on the file format.

    Parameters
    ----------
    study : Study
        The question.
    root : Path
        Folder that the paths of the sources are relative to, and must lie in.
    quarantine : Path or None
        Folder for the rows set aside, one Parquet file per source. Written when the build succeeds, and when it
        stops because too many rows were set aside.

    Returns
    -------
    Panel
        One row per firm, sorted by firm id. Values with a money unit are yen.

    Raises
    ------
    DataError, DesignError, StudyError, ManyErrors
        All problems of one stage together.
    """
    study = imported(study, root)
    typed = _typed(study, root)
    years_flow = Flow().add(typed["firm_years"].reading("read firm-years"))
    firm_years, columns = _emptied(typed.pop("firm_years"))
    places, period = placed(columns, study.period.labels)
    records, records_flow = one_per_firm(typed["firms"]) if "firms" in typed else (None, Flow())
    known = known_firms(places.known, *([records.rows.column(FIRM).combine_chunks()] if records else []))
    awards, cohorts, awards_flow = first_awards(typed["awards"], study, _named(typed["awards"], known, study), records)
    sources = [awards, *([records] if records else []), firm_years]
    errors = limit_problems(sources, study.limits)
    if errors and quarantine:
        write_quarantine(quarantine, sources)
    raise_all(errors, "rows set aside")
    on_grid, grid_flow = grid(firm_years, columns, places)
    flow = awards_flow.extend(records_flow).extend(years_flow.add(period)).extend(grid_flow)
    firms = _with_cohorts(on_grid, cohorts, known, flow)
    panel = _panel(study, _after_end(study, firms), records.rows if records else None)
    if quarantine:
        write_quarantine(quarantine, sources)
    return panel


def _emptied(firm_years: Typed) -> "tuple[Typed, dict[str, pa.ChunkedArray]]":
    """Take the rows out of the firm-years, so that the memory of each column can be given back when it is placed."""
    rows = firm_years.rows
    return firm_years.with_rows(rows.schema.empty_table()), dict(zip(rows.column_names, rows.columns, strict=True))


def _named(awards: Typed, known: "pa.Array", study: Study) -> "pa.Array":
    """Return the known firms that awards may mean, as text: those they name by id, or all when names are linked."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if study.link.method != "none":
        return known.cast(pa.string())
    named = find(pc.unique(awards.rows.column(FIRM)).drop_null(), known)
    return known.take(pa.array(named[named >= 0])).cast(pa.string())


def _typed(study: Study, root: Path) -> dict[str, Typed]:
    """Read and type all sources."""
    texts = _texts(study, root)
    needed, errors = needs(study, texts.get("firms"))
    wanted = {role: fields(text, needed, study) for role, text in texts.items()}
    for role, text in texts.items():
        errors += header_problems(text, wanted[role])
    raise_all(errors, "the columns of the sources")
    typed = {}
    for role, text in texts.items():
        try:
            typed[role] = keep_rules(conform(text, wanted[role]))
        except* EvalkitError as group:
            errors += each(group)
    raise_all(errors, "the values of the sources")
    return typed


def _texts(study: Study, root: Path) -> dict[str, SourceText]:
    declared: dict[Role, Source | None] = {
        "awards": study.sources.awards,
        "firms": study.sources.firms,
        "firm_years": study.sources.firm_years,
    }
    errors, texts = list[EvalkitError](), dict[str, SourceText]()
    for role, source in declared.items():
        if source is not None:
            try:
                texts[role] = read_source(role, source, root, study.period.fiscal_year_start)
            except* EvalkitError as group:
                errors += each(group)
    raise_all(errors, "the sources")
    return texts


def _with_cohorts(placed: Grid, cohorts: "pa.Table", known: "pa.Array", flow: Flow) -> Firms:
    """Give each firm with firm-years its cohort."""
    place = find(cohorts.column(FIRM).combine_chunks().cast(known.type), placed.firms)
    cohort = np.zeros(len(placed.firms), np.int64)
    cohort[place[place >= 0]] = cohorts.column(COHORT).to_numpy()[place >= 0]
    n_firms, n_rows, n_known = len(placed.firms), placed.n_firm_years, len(known)
    n_lost = len(cohorts) - int((cohort > 0).sum())
    reason = f"no firm-year in the period; {n_lost} of them have an award"
    flow = flow.add(
        FlowStep("pivot", "firm-years", n_rows, n_firms, collapsed=n_rows - n_firms, reason="one row per firm")
    )
    flow = flow.add(
        FlowStep("with firm-years", "firms", n_known, n_firms, quarantined=n_known - n_firms, reason=reason)
    )
    return Firms(placed, cohort, flow)


def _after_end(study: Study, firms: Firms) -> Firms:
    """Treat firms whose first award lies after the last period as the study says."""
    is_after = firms.cohort > study.period.last
    choice = study.treatment.after_end
    if not is_after.any() or choice == "not_yet_treated":
        return firms
    if choice == "drop":
        return firms.keep(~is_after, "award after the end", "first award after the last period")
    raise DataError(
        f"the first award of {int(is_after.sum())} firms lies after the last period, {study.period.last}",
        where="treatment.after_end",
        code="E_AWARD_AFTER_END",
        hint='set after_end = "not_yet_treated" to use them as controls until then, or "drop" to leave them out',
    )


def _panel(study: Study, firms: Firms, records: "pa.Table | None") -> Panel:
    """Apply the population, check the design and the outcomes, and lay out the columns."""
    firms, period = _in_population(study, firms, records)
    _check_design(study, firms.cohort)
    before = Baseline(study, firms.grid, records, period)
    covariates = {c.name: before.covariate(c) for c in study.baseline}
    flow, errors = firms.flow, list[EvalkitError]()
    for outcome in study.outcome:
        note, found = check_outcome(outcome, firms.grid, firms.cohort)
        flow, errors = flow.extend(note), errors + found
    raise_all(errors, "the outcomes")
    roles = tuple(PanelCovariate(name, kind) for name, (_, kind) in covariates.items())
    table = _table(study, firms, {name: values for name, (values, _) in covariates.items()})
    return Panel(table, study.period.labels, study.outcome, roles, study.treatment.anticipation, flow)


def _in_population(study: Study, firms: Firms, records: "pa.Table | None") -> tuple[Firms, int]:
    """Keep the firms the question is about, and return their baseline period.

    Conditions on firm records come first: firms that they exclude have no say in the baseline period.
    """
    period = study.period.first
    for at in (None, "baseline"):
        for condition in (c for c in study.population.where if c.at == at):
            is_met = Baseline(study, firms.grid, records, period).meets(condition)
            name = f"population: {condition.column}"
            firms = firms.keep(is_met, name, f"outside the population: {condition.column}")
        period = baseline_period(study, firms.cohort)
    return firms, period


def _check_design(study: Study, cohort: NDArray[np.int64]) -> None:
    """Refuse a comparison without treated or without control firms."""
    is_treated = (cohort > 0) & (cohort <= study.period.last)
    if not is_treated.any():
        raise DesignError(
            "no firm has an award in the period",
            where="treatment",
            code="E_NO_TREATED",
            hint="check treatment.programme and stage, the period and the population",
        )
    if (cohort > 0).all() and cohort.min() == cohort.max():
        raise DesignError(
            "every firm is treated, and all in the same period",
            where="treatment",
            code="E_NO_CONTROL",
            hint="add firms without an award, or awards of later periods so that not-yet-treated firms can be compared",
        )


def _table(study: Study, firms: Firms, covariates: "dict[str, pa.Array]") -> "pa.Table":
    import pyarrow as pa

    columns = {
        FIRM: firms.grid.firms.cast(pa.string()),
        COHORT: pa.array(firms.cohort, pa.int32(), mask=firms.cohort == 0),
        **covariates,
    }
    for name in dict.fromkeys(o.column for o in study.outcome):
        for period in study.period.labels:
            columns[f"{name}@{period}"] = firms.grid.at(f"number:{name}", period)
    return pa.table(columns)
