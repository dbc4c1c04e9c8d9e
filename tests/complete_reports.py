"""The small evaluation of `reports` with all that a final report must hold; for tests only."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

import reports
from evalkit.model.check import CheckResult
from evalkit.model.evaluation import Evaluation, Inputs
from evalkit.model.panel import DOSE
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Study
from evalkit.model.study_report import DOMAINS

FILES = {"data/awards.csv": "cd" * 32, "data/firm_years.csv": "ef" * 32}
LINKS = tuple(
    {"programme": "設備補助", "fiscal_year": year, "n_rows": n, "n_linked": n} for year, n in reports.COHORTS.items()
)
BY = "山田花子"
EVEN = [1_000_000 + 1_000 * i for i in range(sum(reports.COHORTS.values()))]
"""Amounts in yen of which none stands out."""


def both(english: str) -> dict[str, str]:
    """Return a text in both languages."""
    return {"en": english, "ja": f"{english}（日本語）"}


def parts() -> dict[str, Any]:
    """Return the sections of a study that say what no data can."""
    judgement = {"risk": "low", "direction": "none", "by": BY, "why": both("it is made up")}
    units = {"hours": "hours", "sales": "yen", "assets": "yen"}
    scales = {"sales": "log", "hours": "level", "exit": "binary", "assets": "asinh"}
    return {
        "programme": {
            "name": both("Equipment"), "authority": both("A ministry"), "objectives": [both("More sales")],
            "inputs": both("Money"), "activities": both("Calls"), "outputs": both("Machines"),
            "outcomes": both("Sales"), "selection": "application", "questions": [both("Did it help")],
            "indicators": [{"name": both("Sales per firm"), "outcome": "sales"}],
        },
        "outcome": [
            {"name": name, "transform": scale, "primary": name == "sales", "unit": units.get(name, "")}
            for name, scale in scales.items()
        ],
        "roles": {"commissioner": "A ministry", "analyst": BY, "assurer": "Smith", "approver": "Doe"},
        "edition": {
            "version": "1.0", "date": "2026-04-01", "status": "final", "sunset": "2028-03-31",
            "assurance": both("Fit for use within its limits"),
        },
        "assumption": [
            {"text": both("Alike without"), "effect": "large", "reliability": "low", "date": "2026-03-01", "by": BY}
        ],
        "decision": [{"text": both("No matching"), "date": "2026-03-01", "by": BY}],
        "limits": {
            "bias": dict.fromkeys(DOMAINS, judgement), "external_validity": both("Here only"),
            "displacement": both("Not studied"),
        },
    }  # fmt: skip


def study(**changes: Any) -> Study:
    """Return a study with nothing left blank; `changes` replace whole sections."""
    return reports.study(**{**parts(), **changes})


def with_amounts(sample: MatchedSample, amounts: Sequence[int | None] = EVEN) -> MatchedSample:
    """Return a sample with an amount for each treated firm, as a dose of its panel."""
    given = iter(amounts)
    dose = [next(given) if cohort > 0 else None for cohort in sample.panel.cohort]
    table = sample.panel.read(sample.panel.column_names).append_column(DOSE, pa.array(dose, pa.int64()))
    return dataclasses.replace(sample, panel=dataclasses.replace(sample.panel, source=table, dose=DOSE))


def evaluation(**changes: Any) -> Evaluation:
    """Return an evaluation whose report lacks nothing; `changes` replace its parts."""
    asked = changes.pop("study", None) or study()
    more = tuple(
        CheckResult(name, "?", "info", "Not known.", {"case": ""}) for name in ("bacon", "attrition", "influence")
    )
    given = {
        "effects": (reports.effects(asked), reports.effects(asked, method="event_study")),
        "checks": (*reports.checks(), *more), "inputs": Inputs(FILES, LINKS),
    }  # fmt: skip
    return reports.evaluation(study=asked, **{**given, **changes})
