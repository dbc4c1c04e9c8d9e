"""Disclosure control of effects."""

import itertools
from typing import Any

from evalkit.model.effects import Effects
from evalkit.model.evaluation import Number, Row
from evalkit.model.study import Outcome
from evalkit.reporting.disclosure import Ledger, part_of_id, row_of, second_cells
from evalkit.reporting.effect_rows import (
    AS_ESTIMATED,
    By,
    aggregations,
    baseline_unit,
    effect_rows,
    level_unit,
    outcome_of,
)

LABELS = ("outcome", "estimand", "cohort", "year", "event_time", "group")
COUNTS = ("n_treated", "n_control")
DIVISIONS: tuple[By, ...] = ("cohort", "group")
"""What treated firms are divided by: one part follows from the total and the others."""
Hidden = dict[tuple[str, By], set[Any]]
"""Labels to hide, by outcome and what is averaged within."""
UNITS = {"n_treated": "count", "n_control": "count", "p_value": "p_value"}


def release_effects(ledger: Ledger, name: str, effects: Effects, seed: int) -> dict[str, list[Row]]:
    """Release one estimate: all its aggregations, with the mean before treatment beside the overall effects.

    Parameters
    ----------
    ledger : Ledger
        Gets the numbers.
    name : str
        What the estimate is called in ids and tables.
    effects : Effects
        As estimated.
    seed : int
        Key of the draws behind the simultaneous band.

    Returns
    -------
    dict of "effects/<name>/<aggregation>" to list of Row
    """
    part = part_of_id(name)
    tables = {by: effect_rows(effects, by, seed) for by in aggregations(effects)}
    hidden: Hidden = {}
    for by in DIVISIONS:
        hidden |= _hidden(ledger, by, tables.get(by, []))
    return {
        f"effects/{name}/{by}": [_effect(ledger, (part, effects, by), row, hidden) for row in rows]
        for by, rows in tables.items()
    }


def _hidden(ledger: Ledger, by: By, rows: list[dict[str, Any]]) -> Hidden:
    """Return the cohorts or groups to hide, by outcome."""
    hidden: Hidden = {}
    for outcome, group in itertools.groupby(rows, key=lambda row: row["outcome"]):
        own = list(group)
        small = [ledger.small(*(row[c] for c in COUNTS)) for row in own]
        chosen = second_cells([row["n_treated"] for row in own], small, ledger.threshold)
        hidden[outcome, by] = {row[by] for row, is_hidden in zip(own, chosen, strict=True) if is_hidden}
    return hidden


def _effect(ledger: Ledger, source: tuple[str, Effects, By], row: dict[str, Any], hidden: Hidden) -> Row:
    """Release one averaged effect."""
    part, effects, by = source
    outcome = outcome_of(effects.outcomes, row["outcome"])
    hide = ledger.small(*(row[c] for c in COUNTS)) or row.get(by) in hidden.get((outcome.name, by), set())
    label = "" if by == "overall" else f".{part_of_id(str(row[by]))}"
    differs = by in ("event_time", "year") and any(hidden.get((outcome.name, kind)) for kind in DIVISIONS)
    ids = {}
    for quantity, value in row.items():
        if quantity in LABELS:
            continue
        number = Number(
            f"effects.{part}.{by}.{part_of_id(outcome.name)}{label}.{quantity}", value,
            _unit(quantity, level_unit(outcome)), row["estimand"], outcome.name, effects.method,
        )  # fmt: skip
        ids[quantity] = ledger.put(number, hide=hide or (differs and quantity in COUNTS))
    if by == "overall":
        ids |= _context(ledger, part, effects, outcome, hide=hide)
    return row_of({k: v for k, v in row.items() if k in LABELS}, ids)


def _context(ledger: Ledger, part: str, effects: Effects, outcome: Outcome, *, hide: bool) -> dict[str, str | None]:
    """Release what an overall effect is read with: the mean before treatment and the confidence level."""
    tail, labels = part_of_id(outcome.name), {"outcome": outcome.name, "method": effects.method}
    mean = effects.baseline.get(outcome.name)
    baseline = Number(f"effects.{part}.baseline.{tail}", mean, baseline_unit(outcome), **labels)
    level = Number(f"effects.{part}.confidence.{tail}", round(100 * effects.level, 6), "confidence", **labels)
    return {"baseline": ledger.put(baseline, hide=hide), "confidence": ledger.put(level)}


def _unit(quantity: str, level: str) -> str:
    if quantity in AS_ESTIMATED:
        return UNITS.get(quantity, "scale")
    return "percent" if quantity.startswith("percent") else level
