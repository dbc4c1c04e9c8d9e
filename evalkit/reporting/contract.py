"""What a report must hold: one check per section. An edition that lacks anything is a draft, and says what it lacks.

Reference
---------
The Aqua Book (HM Treasury, guidance on producing quality analysis); Commission Regulation (EU) 651/2014, article 2(16):
the minimum of an evaluation plan; STROBE, TREND and ROBINS-I for what is told of design, data and bias.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator

from evalkit.model.evaluation import Release
from evalkit.model.study_programme import LOGIC, Texts
from evalkit.model.study_report import DOMAINS
from evalkit.reporting.points import estimates
from evalkit.reporting.robustness import LEAST_ANSWERS, answers
from evalkit.reporting.subgroups import planned_but_absent
from evalkit.reporting.words import words

MONEY_OR_COUNTS = ("level", "log", "asinh")
"""Scales on which an outcome's values have a unit."""


@dataclasses.dataclass(frozen=True, order=True)
class Missing:
    """One thing that a section lacks; `key` names it in the words ("contract.<section>.<key>")."""

    section: str
    key: str


def contract(release: Release) -> tuple[Missing, ...]:
    """Return what the report of a release lacks, in the order of its sections; nothing when it is complete."""
    return tuple(Missing(section, key) for section, check in CHECKS.items() for key in dict.fromkeys(check(release)))


def _status(release: Release) -> Iterator[str]:
    edition = release.study.edition
    yield from (key for key in ("version", "date") if not getattr(edition, key).strip())


def _summary(release: Release) -> Iterator[str]:
    """Ask for the effect on the primary outcome; a hidden one is there."""
    primary = release.study.primary.name
    names = estimates(release)
    rows = release.tables[f"effects/{names[0]}/overall"] if names else []
    if not any(row.labels["outcome"] == primary for row in rows):
        yield "headline"


def _programme(release: Release) -> Iterator[str]:
    programme = release.study.programme
    yield from (key for key in ("name", *LOGIC) if not _is_said(release, getattr(programme, key)))
    for key, texts in (("objectives", programme.objectives), ("indicators", [i.name for i in programme.indicators])):
        if not texts or not all(_is_said(release, text) for text in texts):
            yield key


def _plan(release: Release) -> Iterator[str]:
    if release.plan is not None and not all(d.reason.strip() for d in release.plan.deviations):
        yield "reasons"


def _data(release: Release) -> Iterator[str]:
    if not release.tables["data/files"]:
        yield "files"


def _flow(release: Release) -> Iterator[str]:
    """Ask for a flow in which every step that is shown whole conserves what went into it."""
    if not release.tables["flow"]:
        yield "steps"
    for row in release.tables["flow"]:
        n_in, *parts = (release.value(row, cell) for cell in ("in", "kept", "quarantined", "collapsed"))
        if n_in is not None and None not in parts and n_in != sum(p for p in parts if p is not None):
            yield "conserved"


def _units(release: Release) -> Iterator[str]:
    if any(o.transform in MONEY_OR_COUNTS and not o.unit.strip() for o in release.study.outcome):
        yield "unit"


def _estimand(release: Release) -> Iterator[str]:
    if not estimates(release):
        yield "estimate"
    if not release.study.assumption:
        yield "assumptions"


def _balance(release: Release) -> Iterator[str]:
    yield from (key for key in ("balance", "overlap") if not _has_check(release, key))


def _results(release: Release) -> Iterator[str]:
    """Ask for every planned outcome, with its adjusted p-value where it has one at all."""
    for name in estimates(release)[:1]:
        found = {row.labels["outcome"]: row for row in release.tables[f"effects/{name}/overall"]}
        adjusted = {row.labels["outcome"] for row in release.tables[f"families/{name}"] if row.numbers}
        planned = [o.name for o in release.study.planned]
        if any(outcome not in found for outcome in planned):
            yield "outcomes"
        if any("p_value" in found[o].numbers and o not in adjusted for o in planned if o in found):
            yield "adjusted"


def _event_study(release: Release) -> Iterator[str]:
    """Ask for effects before the award and a band over the whole path."""
    rows = [
        row
        for name in estimates(release)
        for row in release.tables.get(f"effects/{name}/event_time", [])
        if row.labels["outcome"] == release.study.primary.name
    ]
    if not any(row.labels["event_time"] < 0 for row in rows):
        yield "before"
    if not any(quantity.endswith("_band_low") for row in rows for quantity in row.numbers):
        yield "band"


def _robustness(release: Release) -> Iterator[str]:
    if len(answers(release)) < LEAST_ANSWERS:
        yield "few"


def _subgroups(release: Release) -> Iterator[str]:
    if planned_but_absent(release):
        yield "absent"


def _cost(release: Release) -> Iterator[str]:
    treatment = release.study.treatment
    if (treatment.dose or treatment.path) and not release.tables["cost"]:
        yield "cost"


def _limits(release: Release) -> Iterator[str]:
    limits = release.study.limits
    yield from (domain for domain in DOMAINS if getattr(limits.bias, domain) is None)
    yield from (key for key in ("external_validity", "displacement") if not _is_said(release, getattr(limits, key)))
    if not release.study.programme.selection:
        yield "selection_process"


def _disclosure(release: Release) -> Iterator[str]:
    if "disclosure.hidden" not in release.numbers:
        yield "record"


def _provenance(release: Release) -> Iterator[str]:
    known = release.provenance
    yield from (key for key in ("study_sha256", "seed", "versions") if known.get(key) in (None, "", {}))


def _signoff(release: Release) -> Iterator[str]:
    study = release.study
    yield from (
        f"no_{role}" for role in ("commissioner", "analyst", "approver") if not getattr(study.roles, role).strip()
    )
    if not study.is_assured:
        yield "assured"
    if not _is_said(release, study.edition.assurance):
        yield "assurance"
    if not study.edition.sunset:
        yield "sunset"


def _glossary(release: Release) -> Iterator[str]:
    if not all(words(language).keys("glossary") for language in release.study.report.languages):
        yield "terms"


def _is_said(release: Release, texts: Texts) -> bool:
    """Say whether a text stands in every language of the report."""
    return all(texts.get(language, "").strip() for language in release.study.report.languages)


def _has_check(release: Release, name: str) -> bool:
    return any(re.sub(r"-\d+$", "", check) == name for check in release.checks)


CHECKS: dict[str, Callable[[Release], Iterator[str]]] = {
    "status": _status, "summary": _summary, "programme": _programme, "plan": _plan, "data": _data, "flow": _flow,
    "units": _units, "estimand": _estimand, "balance": _balance, "results": _results, "event_study": _event_study,
    "robustness": _robustness, "subgroups": _subgroups, "cost": _cost, "limits": _limits, "disclosure": _disclosure,
    "provenance": _provenance, "signoff": _signoff, "glossary": _glossary,
}  # fmt: skip
"""The nineteen required sections, and what each must hold."""
