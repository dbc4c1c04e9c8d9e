"""Disclosure control: from an evaluation to what may be published."""

import re
from collections.abc import Iterator
from typing import Any

from evalkit.model.evaluation import Evaluation, Number, Release, Row
from evalkit.model.flow import FlowStep
from evalkit.model.grade import Grade
from evalkit.model.plan import PlanRecord
from evalkit.model.study import Study
from evalkit.reporting.disclosure import Ledger, named, part_of_id, row_of
from evalkit.reporting.flow_disclosure import CELLS, hidden_flow
from evalkit.reporting.grading import grade
from evalkit.reporting.release_checks import release_check
from evalkit.reporting.release_effects import release_effects
from evalkit.reporting.release_programme import release_programme


def release(evaluation: Evaluation) -> Release:
    """Apply disclosure control to an evaluation.

    A number is hidden when fewer treated or control firms than the study's threshold stand behind it, or when it would
    let a reader work out such a number from a total: counts of the flow, cohorts of one outcome, firm counts by
    event time and year whose differences are a small cohort, shares of rare categories. No row of a firm is ever part
    of a release.

    Parameters
    ----------
    evaluation : Evaluation
        All that was found.

    Returns
    -------
    Release
        Numbers with ids, and tables of ids.
    """
    study = evaluation.study
    ledger = Ledger(study.disclosure.threshold)
    _put_study(ledger, study)
    tables = {"flow": _flow(ledger, evaluation), "notes": list(_notes(ledger, evaluation))}
    for name, effects in named(evaluation.effects):
        tables |= release_effects(ledger, name, effects, study.seed)
    checks = {}
    for name, result in named(evaluation.checks):
        checks[name], released = release_check(ledger, name, result, evaluation.sample)
        tables |= released
    tables |= release_programme(ledger, evaluation)
    for key, value in _flat(evaluation.provenance):
        ledger.put(Number(f"provenance.{key}", str(value), "text"))
    given = grade(evaluation)
    _put_plan(ledger, given, evaluation.plan)
    ledger.put(Number("disclosure.hidden", ledger.n_hidden, "count"))
    return Release(study, ledger.numbers, tables, checks, evaluation.provenance, given, evaluation.plan)


def _put_study(ledger: Ledger, study: Study) -> None:
    numbers = {
        "first_period": study.period.first, "last_period": study.period.last, "seed": study.seed,
        "anticipation": study.treatment.anticipation, "threshold": ledger.threshold,
    }  # fmt: skip
    for key, value in numbers.items():
        ledger.put(Number(f"study.{key}", value, "plain"))


def _put_plan(ledger: Ledger, given: Grade, plan: PlanRecord | None) -> None:
    numbers = {"grade.sms": given.sms, "grade.proposed": given.proposed, "grade.oecd": given.oecd}
    for key, value in numbers.items():
        ledger.put(Number(key, value, "plain"))
    if plan is not None:
        ledger.put(Number("plan.lock_sha256", plan.lock_sha256, "text"))
        ledger.put(Number("plan.time", plan.time, "text"))
        for number, one in enumerate(plan.unsealings):
            ledger.put(Number(f"plan.unsealing.{number}.time", one.time, "text"))
        ledger.put(Number("plan.n_deviations", len(plan.deviations), "plain"))


def _flow(ledger: Ledger, evaluation: Evaluation) -> list[Row]:
    """Release the flow, and the firms compared, which its last steps count too."""
    steps, sample = evaluation.flow.steps, evaluation.sample
    hidden = hidden_flow(steps, ledger.threshold)
    counts = [dict(zip(CELLS, (s.n_in, s.kept, s.quarantined, s.collapsed), strict=True)) for s in steps]
    rows = []
    for i, (step, chosen) in enumerate(zip(steps, hidden, strict=True)):
        ids = {c: ledger.put(Number(f"flow.{i:02d}.{c}", n, "count"), hide=c in chosen) for c, n in counts[i].items()}
        rows.append(row_of({"step": step.step, "unit": step.unit, "reasons": _reasons(step)}, ids))
    cells = [(row[c], c in chosen) for row, chosen in zip(counts, hidden, strict=True) for c in CELLS]
    ledger.conceal((n for n, is_hidden in cells if is_hidden), (n for n, is_hidden in cells if not is_hidden))
    hide = ledger.small(sample.n_treated, sample.n_control)
    counted = {
        "n_treated": sample.n_treated, "n_control": sample.n_control,
        "effective_controls": round(sample.effective_controls),
    }  # fmt: skip
    for key, n in counted.items():
        ledger.put(Number(f"sample.{key}", n, "count", sample.estimand, method=sample.method), hide=hide)
    return rows


def _reasons(step: FlowStep) -> tuple[str, ...]:
    """Return why rows left, without the counts that a reason may tell: "E_DATE: 3, E_NUMBER: 12", "...; 92% linked"."""
    if step.quarantined + step.collapsed == 0:
        return ()
    reasons = step.reason.partition(";")[0].split(", ")
    return tuple(re.sub(r": \d+$", "", reason) for reason in reasons if reason)


def _notes(ledger: Ledger, evaluation: Evaluation) -> Iterator[Row]:
    """Release the caveats: "key:3" carries a count of firms, "key:name" a column."""
    noted = [("sample", evaluation.sample.notes), *((n, e.notes) for n, e in named(evaluation.effects))]
    for source, notes in noted:
        for note in dict.fromkeys(notes):
            key, _, text = note.partition(":")
            ids: dict[str, str | None] = {}
            if text.isdecimal():
                number = Number(f"notes.{part_of_id(source)}.{part_of_id(key)}", int(text), "count")
                ids["count"] = ledger.put(number, hide=ledger.small(int(text)))
                text = ""
            yield row_of({"source": source, "key": key, "text": text}, ids)


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{part_of_id(str(key))}.")
        else:
            yield f"{prefix}{part_of_id(str(key))}", value
