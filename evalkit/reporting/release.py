"""Disclosure control: from an evaluation to what may be published."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from evalkit.errors import DisclosureError
from evalkit.model.evaluation import Evaluation, Number, Release, Row
from evalkit.model.flow import FlowStep
from evalkit.model.grade import Grade
from evalkit.model.plan import PlannedPower, PlanRecord
from evalkit.model.study import Study
from evalkit.reporting.curve_by_choice import release_choices
from evalkit.reporting.disclosure.attack import Audit, audit
from evalkit.reporting.disclosure.count_tables import Label
from evalkit.reporting.disclosure.editions import Shown, changed_little
from evalkit.reporting.disclosure.flow_table import counts, flow_cells, overall_cell
from evalkit.reporting.disclosure.hiding import hiding, of_changed
from evalkit.reporting.disclosure.ledger import Ledger, named, part_of_id, row_of
from evalkit.reporting.disclosure.profiles import profile_of
from evalkit.reporting.disclosure.tables import together
from evalkit.reporting.findings import Findings, findings
from evalkit.reporting.grading import grade
from evalkit.reporting.hidden_effects import hidden_averages
from evalkit.reporting.rehearsed import in_main_scale
from evalkit.reporting.release_checks import About, release_check
from evalkit.reporting.release_effects import release_effects
from evalkit.reporting.release_programme import release_programme

COUNTED = re.compile(r"(.+): (\d+)")
"""A reason with a count of its own."""


def release(evaluation: Evaluation, earlier: Sequence[Shown] = ()) -> Release:
    """Apply disclosure control to an evaluation.

    A number is hidden when fewer treated or control firms than the study's threshold stand behind it, when one or two
    firms make it, when an earlier edition showed almost the same count, or when it would let a reader work out a hidden
    number from all tables together. An attack on the whole release proves that none can be. No row of a firm is ever
    part of a release.

    Parameters
    ----------
    evaluation : Evaluation
        All that was found.
    earlier : sequence of Shown
        Counts that earlier editions of the report showed.

    Returns
    -------
    Release
        Numbers with ids, and tables of ids.

    Raises
    ------
    DisclosureError
        A hidden count could be worked out, whatever else is hidden.
    """
    profile = profile_of(evaluation.study.disclosure)
    found = findings(evaluation, profile)
    changed: dict[str, float] = {}
    ids: frozenset[str] = frozenset()
    while True:
        ledger = Ledger(profile, hiding(found.tables, profile, of_changed(changed)))
        released = _released(ledger, evaluation, found)
        new = changed_little(released, earlier, profile) - ids
        if not new:
            break
        ids |= new
        changed |= ledger.counts_of(new)
    tables = [*found.tables, of_changed(changed)]
    attacked = audit(tables, frozenset(together(tables).values) - ledger.shown_cells, profile)
    if not attacked.is_passed:
        problem = f"{len(attacked.recovered)} hidden counts could be worked out from the tables of the report"
        raise DisclosureError(problem, where="release")
    _put_audit(ledger, attacked, {"changed": len(ids), "review": found.n_review})
    return Release(
        released.study, ledger.numbers, released.tables, released.checks, released.provenance, released.grade,
        released.plan,
    )  # fmt: skip


def _released(ledger: Ledger, evaluation: Evaluation, found: Findings) -> Release:
    """Release everything with what the ledger leaves hidden."""
    study = evaluation.study
    _put_study(ledger, study)
    tables = {"flow": _flow(ledger, evaluation), "notes": list(_notes(ledger, evaluation))}
    hidden: set[Label] = set()
    for name, effects in named(evaluation.effects):
        own = hidden_averages(ledger, effects, found.averages[name], found.ruled(name))
        tables |= release_effects(ledger, name, effects, found, own)
        hidden |= own
    about = About(evaluation.sample, found.concentration, frozenset(o for o, by, _ in hidden if by == "overall"))
    checks = {}
    for name, result in named(evaluation.checks):
        checks[name], released = release_check(ledger, name, result, about)
        tables |= released
        if result.name == "specification_curve":
            tables[f"checks/{name}/choices"] = release_choices(ledger, name, released[f"checks/{name}"])
    tables |= release_programme(ledger, evaluation)
    for key, value in _flat(evaluation.provenance):
        ledger.put(Number(f"provenance.{key}", str(value), "text"))
    given = grade(evaluation)
    _put_plan(ledger, given, study, evaluation.plan)
    return Release(study, ledger.numbers, tables, checks, evaluation.provenance, given, evaluation.plan)


def _put_audit(ledger: Ledger, attacked: Audit, beside: dict[str, int]) -> None:
    """Say what was hidden, and that the attack failed."""
    found = {
        "hidden": ledger.n_hidden, "cells": attacked.n_hidden, "secondary": attacked.n_secondary,
        "recovered": len(attacked.recovered), **beside,
    }  # fmt: skip
    for key, value in found.items():
        ledger.put(Number(f"disclosure.{key}", value, "plain"))
    ledger.put(Number("disclosure.profile", ledger.profile.name, "text"))
    ledger.put(Number("disclosure.audit", "passed" if attacked.is_passed else "failed", "text"))


def _put_study(ledger: Ledger, study: Study) -> None:
    numbers = {
        "first_period": study.period.first, "last_period": study.period.last, "seed": study.seed,
        "anticipation": study.treatment.anticipation, "threshold": ledger.threshold,
    }  # fmt: skip
    for key, value in numbers.items():
        ledger.put(Number(f"study.{key}", value, "plain"))


def _put_plan(ledger: Ledger, given: Grade, study: Study, plan: PlanRecord | None) -> None:
    numbers = {"grade.sms": given.sms, "grade.proposed": given.proposed, "grade.oecd": given.oecd}
    for key, value in numbers.items():
        ledger.put(Number(key, value, "plain"))
    if plan is not None:
        ledger.put(Number("plan.lock_sha256", plan.lock_sha256, "text"))
        ledger.put(Number("plan.time", plan.time, "text"))
        for number, one in enumerate(plan.unsealings):
            ledger.put(Number(f"plan.unsealing.{number}.time", one.time, "text"))
        ledger.put(Number("plan.n_deviations", len(plan.deviations), "plain"))
        if plan.rehearsal is not None:
            _put_rehearsal(ledger, plan.rehearsal, study)


def _put_rehearsal(ledger: Ledger, told: PlannedPower, study: Study) -> None:
    """Put what the rehearsal of the plan told; made-up outcomes tell of no firm."""
    outcome = next((o for o in study.outcome if o.name == told.outcome), study.primary)
    ledger.put(Number("plan.rehearsal.sha256", told.sha256, "text"))
    ledger.put(Number("plan.rehearsal.power", told.power, "share"))
    if told.detectable is not None:
        size, unit = in_main_scale(told.detectable, outcome)
        ledger.put(Number("plan.rehearsal.detectable", size, unit, outcome=outcome.name))


def _flow(ledger: Ledger, evaluation: Evaluation) -> list[Row]:
    """Release the flow, and the firms compared, which its last steps count too."""
    steps, sample = evaluation.flow.steps, evaluation.sample
    cells, hidden = flow_cells(steps), ledger.hiding.counts
    rows = []
    for i, (step, names) in enumerate(zip(steps, cells, strict=True)):
        ids = {
            c: ledger.put(Number(f"flow.{i:02d}.{c}", n, "count"), cell=names[c]) for c, n in counts(step).items()
        }  # fmt: skip
        reasons = reasons_of(step)
        for k, (_, n) in enumerate(reasons):
            changed = Number(f"flow.{i:02d}.changed.{k}", n, "count")
            ids[f"changed_{k}"] = ledger.put(changed, hide=n is not None and ledger.small(n, step.kept - n))
        rows.append(row_of({"step": step.step, "unit": step.unit, "reasons": tuple(why for why, _ in reasons)}, ids))
    told = [(n, names[c] in hidden) for s, names in zip(steps, cells, strict=True) for c, n in counts(s).items()]
    ledger.conceal((n for n, is_hidden in told if is_hidden), (n for n, is_hidden in told if not is_hidden))
    hide = ledger.small(sample.n_treated, sample.n_control)
    for key in ("n_treated", "n_control"):
        n = getattr(sample, key)
        number = Number(f"sample.{key}", n, "count", sample.estimand, method=sample.method)
        ledger.put(number, hide=hide, cell=overall_cell(key, n))
    effective = Number(
        "sample.effective_controls", round(sample.effective_controls), "count", sample.estimand, method=sample.method
    )
    ledger.put(effective, hide=hide or overall_cell("n_control", sample.n_control) in hidden)
    return rows


def reasons_of(step: FlowStep) -> list[tuple[str, int | None]]:
    """Return why rows left, without counts that a reason may tell: "E_DATE: 3, E_NUMBER: 12", "...; 92% linked".

    Where none left, what the step found or changed in place stands with its count.
    """
    stated = [(reason, COUNTED.fullmatch(reason)) for reason in step.reason.partition(";")[0].split(", ") if reason]
    if step.quarantined + step.collapsed:
        return [(found[1] if found else reason, None) for reason, found in stated]
    return [(found[1], int(found[2])) for _, found in stated if found and int(found[2])]


def _notes(ledger: Ledger, evaluation: Evaluation) -> Iterator[Row]:
    """Release the caveats: "key:3" carries a count of firms, "key:name" a column."""
    noted = [("sample", evaluation.sample.notes), *((n, e.notes) for n, e in named(evaluation.effects))]
    for source, notes in noted:
        for note in dict.fromkeys(notes):
            key, _, text = note.partition(":")
            ids: dict[str, str | None] = {}
            if text.isdecimal():
                number = Number(f"notes.{part_of_id(source)}.{part_of_id(key)}", int(text), "count")
                ids["count"] = ledger.put(number, hide=ledger.small(int(text)), cell=f"note.{text}={key}")
                text = ""
            yield row_of({"source": source, "key": key, "text": text}, ids)


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{part_of_id(str(key))}.")
        else:
            yield f"{prefix}{part_of_id(str(key))}", value
