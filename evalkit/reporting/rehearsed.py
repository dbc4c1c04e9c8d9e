"""A rehearsal in words, and what it asks of a release."""

import math

from evalkit.model.evaluation import Number, Release
from evalkit.model.rehearsal import Failure, FilesRehearsed, Rehearsal
from evalkit.model.study import Outcome, Study
from evalkit.reporting.effect_rows import level_unit, main_scale
from evalkit.reporting.numbers import shown
from evalkit.reporting.points import estimates
from evalkit.reporting.words import Words, words
from evalkit.stats.scales import POINTS

SHARES = ("coverage", "size", "weak", "unverified")
"""Failures whose value is a share of replications."""


def sentence(found: Rehearsal, study: Study, language: str) -> str:
    """Say what a rehearsal found.

    Parameters
    ----------
    found : Rehearsal
        The rehearsal.
    study : Study
        Its study.
    language : {"en", "ja"}
        Of the words.
    """
    said = words(language)
    if not found.failures:
        text = said["rehearsal.recovered"].format(
            outcome=said.outcome(study.primary), effect=effect(found.detectable, study.primary, said),
            power=_share(found.power, said), estimate=said.method_title("estimation", found.estimate),
            confidence=_share(found.level, said), replications=found.replications,
        )  # fmt: skip
    else:
        failures = said["page.failures"].join(_failure(one, study, said) for one in found.failures)
        text = said["rehearsal.failed"].format(failures=failures, replications=found.replications)
    more = [] if found.files is None else [_of_files(found.files, study, said)]
    return " ".join([text, *more, *([said["rehearsal.after_data"]] if found.after_data else [])])


def _of_files(found: FilesRehearsed, study: Study, said: Words) -> str:
    """Say what made-up files told."""
    if found.is_recovered:
        return said["rehearsal.files.recovered"].format(n=len(found.rows))
    failures = said["page.failures"].join(_failure(one, study, said) for one in found.failures)
    return said["rehearsal.files.failed"].format(failures=failures)


def effect(value: float, outcome: Outcome, said: Words) -> str:
    """Write an effect as the report would: logs in per cent too, shares in points, amounts in their unit."""
    size, unit = in_main_scale(value, outcome)
    text = shown(Number("", size, unit), said)
    if outcome.transform != "log":
        return text
    return said["rehearsal.log"].format(percent=text, value=shown(Number("", value, "scale"), said))


def in_main_scale(value: float, outcome: Outcome) -> tuple[float, str]:
    """Return an effect and its unit as the report reads effects on the outcome first."""
    if main_scale(outcome) == "percent":
        return 100 * math.expm1(value), "percent"
    return value * (100 if outcome.transform in POINTS else 1), level_unit(outcome)


def is_main_hidden(release: Release) -> bool:
    """Whether the overall effect on the primary outcome by the first estimate is not to be seen."""
    first, primary = estimates(release)[0], release.study.primary
    found = [row for row in release.tables[f"effects/{first}/overall"] if row.labels["outcome"] == primary.name]
    return not found or release.value(found[0], main_scale(primary)) is None


def _failure(one: Failure, study: Study, said: Words) -> str:
    outcome = next((said.outcome(o) for o in study.outcome if o.name == one.outcome), one.outcome)
    return said[f"rehearsal.failure.{one.key}"].format(
        estimate=said.method_title("estimation", one.estimate) if one.estimate else "", outcome=outcome,
        arm=said[f"rehearsal.arm.{one.arm}"] if one.arm else "", value=_value(one, said),
    )  # fmt: skip


def _value(one: Failure, said: Words) -> str:
    if isinstance(one.value, str):
        return said.get(f"rehearsal.side.{one.value}", one.value)
    return _share(one.value, said) if one.key in SHARES else f"{abs(one.value):.2f}"


def _share(value: float, said: Words) -> str:
    return shown(Number("", round(100 * value), "percent"), said).replace(".0", "")
