"""Build: read the sources, type them, find each firm's first award, and place all on one row per firm."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError, DesignError, EvalkitError, each, raise_all
from evalkit.etl.awards.comparison_groups import comparison_groups
from evalkit.etl.awards.first_awards import first_awards
from evalkit.etl.awards.link_awards import LINKS
from evalkit.etl.codes import with_codes
from evalkit.etl.conform import Typed, conform
from evalkit.etl.layouts import Role
from evalkit.etl.needs import cluster_covariates, fields, needs
from evalkit.etl.panel.award_history import History, award_columns, censored, history, unknown_doses
from evalkit.etl.panel.baseline import Baseline, baseline_period
from evalkit.etl.panel.entry_exit import exit_columns, late_entries, with_exits
from evalkit.etl.panel.firm_records import find, known_firms
from evalkit.etl.panel.firm_years import Grid, Places, grid, placed
from evalkit.etl.panel.groups import GROUP, group_of, without_mixed
from evalkit.etl.panel.locations import States, firm_states, last_day
from evalkit.etl.panel.outcomes import check_outcome
from evalkit.etl.panel.prepare import prepared
from evalkit.etl.panel.sites import Origin, combined
from evalkit.etl.panel.successors_applied import (
    Successors,
    are_numbers,
    awards_followed,
    awards_of_now,
    reading,
    successors,
)
from evalkit.etl.panel.winsorising import winsorised
from evalkit.etl.quarantine import limit_problems, write_quarantine
from evalkit.etl.rules import keep_rules
from evalkit.etl.sealing import last_open_period, require_open, sealed
from evalkit.etl.source import SourceText, header_problems, read_source
from evalkit.etl.vintages import imported
from evalkit.model import store
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.panel import AWARD, COHORT, DOSE, FIRM, POOL, Panel, PanelCovariate
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


def build_panel(study: Study, root: Path, quarantine: Path | None = None, is_sealed: bool = False) -> Panel:
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
    is_sealed : bool
        Whether firm-years after the baseline are taken out before a value of them is read; outcomes are not checked.

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
    typed, codes_flow = with_codes(study, typed_sources(study, root, is_sealed), root)
    last_open = last_open_period(study, typed) if is_sealed else None
    years_flow = Flow().add(typed["firm_years"].reading("read firm-years")).extend(codes_flow)
    states, records_flow = firm_states(typed.get("firms"), study.firms.history)
    merged, mergers_flow = _mergers(study, typed, states)
    records = states.now
    firm_years, columns = _emptied(typed.pop("firm_years"))
    columns, places, years_flow = _placed(study, firm_years, columns, merged, years_flow)
    known = known_firms(places.known, *([records.rows.column(FIRM).combine_chunks()] if records else []))
    named = _named(typed["awards"], known, study, merged)
    found = first_awards(typed["awards"], study, named, records)
    awards, cohorts, awards_flow = found.awards, found.cohorts, found.flow
    if merged:
        awards, cohorts, step, moved = awards_followed(awards, cohorts, merged)
        awards_flow = awards_flow.add(step)
    sources = [awards, *([records] if records else []), firm_years, *([typed["mergers"]] if "mergers" in typed else [])]
    errors = limit_problems(sources, study.limits)
    if errors and quarantine:
        write_quarantine(quarantine, sources)
    raise_all(errors, "rows set aside")
    on_grid, grid_flow = grid(firm_years, columns, places)
    on_grid, values_flow = prepared(study, on_grid, typed.get("deflators"), records.rows if records else None)
    on_grid, exits_flow = with_exits(study, on_grid, places, records.rows if records else None)
    flow = awards_flow.extend(records_flow).extend(mergers_flow).extend(years_flow).extend(grid_flow)
    flow = flow.extend(values_flow).extend(exits_flow)
    firms = _with_cohorts(on_grid, cohorts, known, flow)
    if merged:
        is_left = find(on_grid.firms, moved) < 0
        firms = firms.keep(is_left, "absorbed firms", "award counts for the firm that absorbed it")
    past = history(awards, found.others, merged) if study.treatment.needs_ledger else None
    listed = awards_of_now(found.listed, merged) if found.listed else None
    panel = _panel(study, _repeated(study, _after_end(study, firms), past), states, Beside(past, listed, last_open))
    if quarantine:
        write_quarantine(quarantine, sources)
        if found.links is not None:
            store.write_parquet(quarantine / LINKS, found.links)
    return panel


def _emptied(firm_years: Typed) -> "tuple[Typed, dict[str, pa.ChunkedArray]]":
    """Take the rows out of the firm-years, so that the memory of each column can be given back when it is placed."""
    rows = firm_years.rows
    return firm_years.with_rows(rows.schema.empty_table()), dict(zip(rows.column_names, rows.columns, strict=True))


def _mergers(study: Study, typed: dict[str, Typed], states: States) -> tuple[Successors | None, Flow]:
    """Return the absorbed firms where the study follows them."""
    source = typed.get("mergers", states.now)
    if study.firms.successors == "keep" or source is None:
        return None, Flow()
    merged = successors(source)
    return merged, reading(source, merged) if "mergers" in typed else Flow()


def _placed(
    study: Study, firm_years: Typed, columns: "dict[str, pa.ChunkedArray]", merged: Successors | None, flow: Flow
) -> "tuple[dict[str, pa.ChunkedArray], Places, Flow]":
    """Find the place of each firm-year, and add up those of which there are several, where the study says so."""
    origin = None
    if merged and study.firms.firm_years == "sum":
        before = columns[FIRM]
        columns[FIRM], is_absorbed = merged.of(before)
        origin = Origin(before, is_absorbed)
    places, period = placed(columns, study.period.labels)
    flow = flow.add(period)
    if not origin and not study.sources.firm_years.combine:
        return columns, places, flow
    columns, places, step = combined(firm_years, columns, places, origin)
    return columns, places, flow.add(step)


def _named(awards: Typed, known: "pa.Array", study: Study, merged: Successors | None) -> "pa.Array":
    """Return the known firms that awards may mean, as text: those they name by id, or all when names are linked.

    Absorbed firms that are followed may always be meant.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if study.link.method == "none":
        named = find(pc.unique(awards.rows.column(FIRM)).drop_null(), known)
        known = known.take(pa.array(named[named >= 0]))
    texts = known.cast(pa.string())
    return pa.concat_arrays([texts, merged.absorbed]) if merged else texts


def typed_sources(study: Study, root: Path, is_sealed: bool) -> dict[str, Typed]:
    """Read and type all sources, firm-years after the awards and the firms."""
    texts = _texts(study, root)
    needed, errors = needs(study, texts.get("firms"))
    wanted = {role: fields(text, needed, study) for role, text in texts.items()}
    for role, text in texts.items():
        errors += header_problems(text, wanted[role])
    raise_all(errors, "the columns of the sources")
    typed = dict[str, Typed]()
    for role in texts:
        if is_sealed and role == "firm_years":
            raise_all(errors, "the values of the sources")
            texts[role] = sealed(texts[role], wanted[role], last_open_period(study, typed))
        try:
            typed[role] = keep_rules(conform(texts[role], wanted[role]))
        except* EvalkitError as group:
            errors += each(group)
    raise_all(errors, "the values of the sources")
    return typed


def _texts(study: Study, root: Path) -> dict[str, SourceText]:
    declared: dict[Role, Source | None] = {
        "awards": study.sources.awards,
        "firms": study.sources.firms,
        "firm_years": study.sources.firm_years,
        "mergers": study.sources.mergers,
        "deflators": study.sources.deflators,
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
    ids = cohorts.column(FIRM).combine_chunks()
    place = find(ids.cast(known.type) if are_numbers(ids) else ids, placed.firms)
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


def _repeated(study: Study, firms: Firms, past: History | None) -> Firms:
    """Leave out firms, or take out outcomes, because of awards beside the first, as the study says."""
    how, periods = study.treatment, study.period
    if past is None:
        return firms
    if how.clean_window:
        is_clean = past.is_clean(firms.grid.firms, firms.cohort, how.clean_window)
        firms = firms.keep(is_clean, "clean window", "an award of another programme in the years before")
    if how.overlap == "drop":
        is_single = past.has_no_other(firms.grid.firms, periods.first, periods.last)
        firms = firms.keep(is_single, "overlapping programmes", "an award of another programme in the period")
    second = past.second(firms.grid.firms, firms.cohort)
    if how.repeat == "drop":
        firms = firms.keep(second > periods.last, "repeat awards", "a second award in the period")
    if how.repeat == "censor":
        on_grid, step = censored(firms.grid, study.outcome, second)
        firms = Firms(on_grid, firms.cohort, firms.flow.add(step))
    return firms


@dataclasses.dataclass(frozen=True, eq=False)
class Beside:
    """What is known beside the firms: awards other than the first, and the last open period, where they are asked for.

    Parameters
    ----------
    past, listed
        Awards beside the first of each firm; all rows of awards.
    last_open : int or None
        Last period of firm-years that were read; None when all were.
    """

    past: History | None
    listed: Typed | None
    last_open: int | None


def _panel(study: Study, firms: Firms, states: States, known: Beside) -> Panel:
    """Apply the population, check the design and the outcomes, and lay out the columns."""
    records, state = states.on(last_day(baseline_period(study, firms.cohort), study.period))
    firms = dataclasses.replace(firms, flow=firms.flow.extend(state))
    firms, period = _in_population(study, firms, records)
    firms = _without_mixed(study, firms, records)
    _check_design(study, firms.cohort)
    if known.last_open is not None:
        require_open(period, known.last_open)
    before = Baseline(study, firms.grid, records, period)
    covariates = {c.name: before.covariate(c) for c in study.baseline}
    firms = dataclasses.replace(firms, flow=firms.flow.extend(late_entries(study, firms.grid, firms.cohort)))
    on_grid, moved = winsorised(firms.grid, study.outcome)
    firms = dataclasses.replace(firms, grid=on_grid, flow=firms.flow.extend(moved))
    flow, errors = firms.flow, list[EvalkitError]()
    for outcome in study.outcome if known.last_open is None else ():
        note, found = check_outcome(outcome, firms.grid, firms.cohort)
        flow, errors = flow.extend(note), errors + found
    raise_all(errors, "the outcomes")
    roles = tuple(PanelCovariate(name, kind) for name, (_, kind) in covariates.items())
    table = _table(study, firms, {name: values for name, (values, _) in covariates.items()})
    beside = _beside(study, before, states)
    for covariate in study.time_varying:
        beside |= before.by_period(covariate)
    if known.past:
        beside |= award_columns(study, known.past, firms.grid.firms, firms.cohort)
        flow = flow.extend(unknown_doses(study, known.past, firms.grid.firms, firms.cohort))
    if known.listed:
        beside[POOL] = comparison_groups(study, known.listed, firms.grid.firms, firms.cohort)
    for name, values in beside.items():
        table = table.append_column(name, values)
    return Panel(
        table, study.period.labels, study.outcome, roles, study.treatment.anticipation, flow, study.clusters,
        study.seeded_inference, DOSE if DOSE in beside else "", AWARD if study.treatment.path else "",
        POOL if POOL in beside else "", tuple(c.name for c in study.time_varying),
    )  # fmt: skip


def _without_mixed(study: Study, firms: Firms, records: "pa.Table | None") -> Firms:
    """Leave out firms of groups with treated and untreated firms, where the study says so."""
    if study.firms.mixed == "keep" or records is None:
        return firms
    groups = group_of(firms.grid.firms, records, study.firms.group)
    is_kept = without_mixed(groups, firms.cohort > 0, study.firms.mixed)
    return firms.keep(is_kept, "mixed groups", "another firm of the group has an award")


def _beside(study: Study, before: Baseline, states: States) -> "dict[str, pa.Array]":
    """Return the columns that the panel has beside the roles: the ends of firms, their groups and their clusters."""
    import pyarrow as pa

    columns = exit_columns(study, before.grid, states.now.rows if states.now else None)
    if study.firms.group and before.records is not None:
        columns[GROUP] = group_of(before.grid.firms, before.records, study.firms.group)
    for cluster in cluster_covariates(study):
        columns[cluster.name] = before.covariate(cluster)[0].cast(pa.string())
    return columns


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
    is_treated = (cohort >= study.period.first) & (cohort <= study.period.last)
    if not is_treated.any():
        is_before = (cohort > 0) & (cohort < study.period.first)
        raise DesignError(
            "every award lies before the first period" if is_before.any() else "no firm has an award in the period",
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
