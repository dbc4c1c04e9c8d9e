"""Which columns the study needs from which source, and as what."""

import dataclasses
from collections.abc import Callable

from evalkit.errors import DataError, EvalkitError, StudyError
from evalkit.etl.awards.link_awards import name_columns
from evalkit.etl.layouts import Field, FieldType
from evalkit.etl.source import SourceText
from evalkit.model.panel import AWARD, COHORT, DOSE, FIRM, POOL
from evalkit.model.study import Condition, Study
from evalkit.model.study_covariates import Covariate

SUCCESSOR = "successor_id"
EXIT_OUTCOMES = ("exited", "survived")
"""Outcome columns that are derived where the study declares how exits are known."""
EXIT_PERIOD, EXIT_CAUSE = "exit_period", "exit_cause"
"""Columns that the panel then has beside its roles."""


@dataclasses.dataclass(frozen=True)
class Need:
    """One column that the study names: from the firms or the firm-years, as number, category or whichever it is."""

    role: str
    column: str
    type: FieldType


def needs(study: Study, firms: SourceText | None) -> tuple[list[Need], list[EvalkitError]]:
    """Return what outcomes, covariates and population need, and the conditions that cannot be met.

    A covariate comes from the firms when they have its column, otherwise from the firm-years at baseline.
    """
    derived = EXIT_OUTCOMES if study.firms.exit else ()
    found = [Need("firm_years", o.column, "number") for o in study.outcome if o.column not in derived]
    has_firm_column = firms.has if firms else _never
    found += [covariate_need(study, c, has_firm_column) for c in study.baseline]
    found += [covariate_need(study, c, has_firm_column) for c in cluster_covariates(study)]
    found += [Need("firm_years", c.column, "number") for c in study.time_varying if c.column not in derived]
    found += value_needs(study, has_firm_column)
    found += [Need("awards", c.score, "number") for c in study.comparison if c.score]
    errors: list[EvalkitError] = []
    taken = [FIRM, COHORT, *([DOSE] if study.treatment.dose else []), *([POOL] if study.comparison else [])]
    if set(taken) & {c.name for c in study.baseline}:
        problem = f"a covariate cannot be called {' or '.join(map(repr, taken))}"
        errors.append(StudyError(problem, where="covariates.baseline", code="E_SPEC_VALUE"))
    if study.treatment.path and AWARD in {o.column for o in study.outcome}:
        problem = f"an outcome cannot be of the column '{AWARD}', which is the path of awards"
        errors.append(StudyError(problem, where="outcome", code="E_SPEC_VALUE"))
    if {AWARD, *(o.column for o in study.outcome)} & {c.name for c in study.time_varying}:
        problem = f"a covariate by period cannot be called '{AWARD}' or as the column of an outcome"
        errors.append(StudyError(problem, where="covariates.time_varying", code="E_SPEC_VALUE"))
    for i, condition in enumerate(study.population.where, start=1):
        where = f"population.where[{i}]"
        if firms is None and condition.at is None:
            errors.append(
                StudyError(
                    f"there are no firms to read '{condition.column}' from",
                    where=where,
                    code="E_COLUMN",
                    hint='add sources.firms, or at = "baseline" to read it from the firm-years',
                )
            )
        if condition.among is None and condition.min is None and condition.max is None:
            errors.append(StudyError("the condition needs in, min or max", where=where, code="E_SPEC_VALUE"))
        found += condition_needs(condition)
    absent = [f.name for f in life_fields(study) if f.required and not has_firm_column(f.name)]
    errors += [_not_in_firms(name, firms) for name in absent]
    if study.sources.mergers and study.firms.successors == "keep":
        problem = 'mergers are read only where firms.successors = "follow"'
        errors.append(StudyError(problem, where="sources.mergers", code="E_SPEC_VALUE"))
    return list(dict.fromkeys(found)), errors


def cluster_covariates(study: Study) -> list[Covariate]:
    """Return the columns of clusters that are not covariates already."""
    known = {c.name for c in study.baseline}
    return [Covariate(name=name, column=name) for name in study.clusters if name not in known]


def value_needs(study: Study, has_firm_column: Callable[[str], bool]) -> list[Need]:
    """Return the columns that the preparation of values reads: those compared, their lengths, and their industries."""
    names = [name for pair in study.reconcile for name in (pair.column, pair.against)]
    names += study.units.columns if study.units else ()
    names += (*study.fiscal_periods.columns, study.fiscal_periods.column) if study.fiscal_periods else ()
    names += [name for rule in study.rule for name in (rule.column, rule.at_most, *rule.sum_of) if name]
    names += study.deflate.columns if study.deflate else ()
    derived = EXIT_OUTCOMES if study.firms.exit else ()
    found = [Need("firm_years", name, "number") for name in names if name not in derived]
    if study.deflate and study.deflate.by:
        role = "firms" if has_firm_column(study.deflate.by) else "firm_years"
        found.append(Need(role, study.deflate.by, "category"))
    return found


def life_fields(study: Study) -> list[Field]:
    """Return the columns of firms that the study's section `firms` reads; values may be missing in all of them."""
    how = study.firms
    found = []
    if how.successors == "follow" and study.sources.mergers is None:
        found.append(Field(SUCCESSOR, "firm_id", required=True))
    if how.exit == "closure":
        found += [Field("close_date", "date", required=True), Field("close_cause", "category")]
    if how.history == "interval":
        found += [Field("valid_from", "date", required=True), Field("valid_to", "date", required=True)]
    if how.history == "change_date":
        found += [Field("change_date", "date", required=True), Field("update_date", "date")]
    if how.group:
        found.append(Field(how.group, "firm_id", required=True))
    return found


def _not_in_firms(name: str, firms: SourceText | None) -> EvalkitError:
    if firms is None:
        problem = f"there are no firms to read '{name}' from"
        return StudyError(problem, where="firms", code="E_COLUMN", hint="add sources.firms")
    hint = f"map it with sources.firms.columns, {name} = the header in the file"
    return DataError(f"no column '{name}' in the firms", where="firms", code="E_COLUMN", hint=hint)


def covariate_need(study: Study, covariate: Covariate, has_firm_column: Callable[[str], bool]) -> Need:
    """Return where a covariate comes from and as what."""
    is_firm = covariate.transform != "growth" and not covariate.lag and has_firm_column(covariate.column)
    role = "firms" if is_firm else "firm_years"
    if covariate.transform != "level":
        return Need(role, covariate.column, "number")
    declared = study.sources.firms if is_firm else study.sources.firm_years
    types = declared.column_types if declared else {}
    return Need(role, covariate.column, types.get(covariate.column, "infer"))


def condition_needs(condition: Condition) -> list[Need]:
    """Return a condition's column, as category for a list of values and as number for bounds."""
    role = "firm_years" if condition.at == "baseline" else "firms"
    kinds: list[FieldType] = ["category"] if condition.among is not None else []
    if condition.min is not None or condition.max is not None:
        kinds.append("number")
    return [Need(role, condition.column, kind) for kind in kinds]


def fields(source: SourceText, needed: list[Need], study: Study) -> list[Field]:
    """Return the fields to read from one source: the layout's that are there or required, and the needed ones."""
    by_row = [Field("firm_scheme", "category", required=True)] if source.declared.firm_scheme == "by_row" else []
    if source.role == "mergers":
        return [Field(FIRM, "firm_id", required=True), Field(SUCCESSOR, "firm_id"), *by_row]
    required = {"programme"} if study.treatment.programme else set()
    required |= {"stage"} if study.treatment.stage or any(c.stages for c in study.comparison) else set()
    required |= {"programme"} if any(c.programme for c in study.comparison) else set()
    required |= {"amount"} if study.treatment.dose or study.treatment.path else set()
    by_name = study.link.method != "none"
    optional = {FIRM} if by_name and source.role == "awards" else set()
    known = [
        dataclasses.replace(f, required=(f.required and f.name not in optional) or f.name in required)
        for f in source.layout.fields
        if (f.required and f.name not in optional) or f.name in required or source.has(f.name)
    ]
    types = source.declared.column_types
    named = [f.name for f in known] + [n.column for n in needed if n.role == source.role]
    needed = needed + [Need(source.role, n, "number") for n in source.declared.nonnegative if n not in named]
    if by_name:
        needed = needed + [
            Need(source.role, n, "category") for n in name_columns(source, source.role) if n not in named
        ]
    if by_row:
        known = [f for f in known if f.name != "firm_scheme"] + by_row
    if source.role == "firms":
        there = {f.name for f in known}
        known += [
            dataclasses.replace(f, required=False)
            for f in life_fields(study)
            if f.name not in there and source.has(f.name)
        ]
    return known + [
        Field(n.column, types.get(n.column, n.type) if n.type == "infer" else n.type, required=True)
        for n in needed
        if n.role == source.role
    ]


def _never(_: str) -> bool:
    return False
