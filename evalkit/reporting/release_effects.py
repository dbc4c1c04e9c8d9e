"""Disclosure control of effects."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

from evalkit.model.effects import Effects
from evalkit.model.evaluation import Number, Row
from evalkit.model.study import Outcome
from evalkit.reporting.concentration import Concentration
from evalkit.reporting.disclosure.count_tables import COUNTS, TIMES, Label, effect_cell, label_of, row_cell, weight_sums
from evalkit.reporting.disclosure.counts import known, too_few_compared
from evalkit.reporting.disclosure.flow_table import overall_cell
from evalkit.reporting.disclosure.ledger import Ledger, part_of_id, row_of
from evalkit.reporting.effect_rows import (
    AS_ESTIMATED,
    Averages,
    baseline_unit,
    cell_rows,
    level_unit,
    main_scale,
    outcome_of,
)
from evalkit.reporting.findings import Findings

LABELS = ("outcome", "estimand", "cohort", "year", "event_time", "group")
DIVISIONS: tuple[str, ...] = ("cohort", "group")
"""What treated firms are divided by: one part follows from the total and the others."""
UNITS = {"n_treated": "count", "n_control": "count", "p_value": "p_value"}


def release_effects(
    ledger: Ledger, name: str, effects: Effects, found: Findings, hidden: frozenset[Label]
) -> dict[str, list[Row]]:
    """Release one estimate: all its aggregations, with the mean before treatment beside the overall effects.

    Parameters
    ----------
    ledger : Ledger
        Gets the numbers.
    name : str
        What the estimate is called in ids and tables.
    effects : Effects
        As estimated.
    found : Findings
        Its averages, and what one or two firms make.
    hidden : frozenset of (outcome, by, level)
        Averages that are hidden.

    Returns
    -------
    dict of "effects/<name>/<aggregation>" to list of Row
    """
    tables = found.averages[name]
    divided = frozenset(outcome for outcome, by, _ in hidden if by in DIVISIONS)
    source = _Source(part_of_id(name), effects, tables, found.concentration, hidden, divided, found.names[name])
    released = {
        f"effects/{name}/{by}": [_effect(ledger, source, by, row) for row in rows] for by, rows in tables.items()
    }  # fmt: skip
    cells = list(_cells(ledger, source))
    return released | ({f"effects/{name}/cell": cells} if cells else {})


@dataclasses.dataclass(frozen=True, eq=False)
class _Source:
    """Where the effects of a row come from; `divided` are outcomes with a hidden cohort or group.

    `names` are what groups are called whose own names may not be told.
    """

    part: str
    effects: Effects
    averages: Averages
    concentration: Concentration
    hidden: frozenset[Label]
    divided: frozenset[str]
    names: Mapping[str, str]


def _effect(ledger: Ledger, source: _Source, by: str, row: dict[str, Any]) -> Row:
    """Release one averaged effect."""
    effects = source.effects
    outcome = outcome_of(effects.outcomes, row["outcome"])
    level = source.names.get(row.get("group", ""), row.get(by, ""))
    hide = label_of(by, row) in source.hidden or level != row.get(by, "")
    if by == "overall" and not hide:
        ledger.tell(one.total for one in weight_sums(source.averages, outcome.name))
    label = "" if by == "overall" else f".{part_of_id(str(level))}"
    differs = by in TIMES and outcome.name in source.divided
    without = _scale_beside(outcome) if outcome.name in source.concentration.baselines else "-"
    ids = {}
    for quantity, value in row.items():
        if quantity in LABELS:
            continue
        number = Number(
            f"effects.{source.part}.{by}.{part_of_id(outcome.name)}{label}.{quantity}", value,
            unit_of(quantity, level_unit(outcome)), row["estimand"], outcome.name, effects.method,
        )  # fmt: skip
        is_count = quantity in COUNTS
        beside = (differs and is_count) or quantity.startswith(without)
        ids[quantity] = ledger.put(number, hide=hide or beside, cell=_cell(by, row, quantity))
    if by == "overall":
        n = row["n_treated"]
        ids |= _context(ledger, source, outcome, n, hide=hide or _counts_few(ledger, source, outcome, n))
    labels = {k: v for k, v in row.items() if k in LABELS}
    return row_of(labels if by == "overall" else {**labels, by: level}, ids)


def _cells(ledger: Ledger, source: _Source) -> Iterator[Row]:
    """Release the effects by cohort and year, without counts: all those of an outcome, or none.

    Averages follow from cells, so no cell is shown where an average of its outcome is hidden.
    """
    rows = cell_rows(source.effects)
    hidden = {outcome for outcome, by, _ in source.concentration.effects if by == "cell"}
    hidden |= {r["outcome"] for r in rows if too_few_compared(r["n_treated"], r["n_control"], ledger.threshold)}
    hidden |= {outcome for outcome, *_ in source.hidden}
    for row in rows:
        outcome = outcome_of(source.effects.outcomes, row["outcome"])
        place = f"effects.{source.part}.cell.{part_of_id(outcome.name)}.{row['cohort']}.{row['year']}"
        labels = {k: row[k] for k in LABELS if k in row}
        ids = {
            quantity: ledger.put(
                Number(
                    f"{place}.{quantity}", value, unit_of(quantity, level_unit(outcome)), row["estimand"], outcome.name,
                    source.effects.method,
                ),
                hide=outcome.name in hidden,
            )
            for quantity, value in row.items()
            if quantity not in (*LABELS, *COUNTS)
        }  # fmt: skip
        yield row_of(labels, ids)


def _cell(by: str, row: dict[str, Any], quantity: str) -> str:
    """Return the cell that a quantity is, or that it would tell."""
    if quantity in COUNTS:
        return effect_cell(by, row, quantity) if known(row[quantity]) else ""
    return row_cell(by, row) if by in TIMES and known(row["n_treated"]) else ""


def _scale_beside(outcome: Outcome) -> str:
    """Return the scale from which, with the other one, the mean before the award follows."""
    return "level" if main_scale(outcome) == "percent" else "percent"


def _context(ledger: Ledger, source: _Source, outcome: Outcome, n: Any, *, hide: bool) -> dict[str, str | None]:  # noqa: ANN401
    """Release what an overall effect is read with: the confidence level, and the mean before treatment.

    Where that is a share of `n` firms it tells how many they are.
    """
    part, effects = source.part, source.effects
    tail, labels = part_of_id(outcome.name), {"outcome": outcome.name, "method": effects.method}
    is_dominated = outcome.name in source.concentration.baselines
    mean = effects.baseline.get(outcome.name)
    baseline = Number(f"effects.{part}.baseline.{tail}", mean, baseline_unit(outcome), **labels)
    level = Number(f"effects.{part}.confidence.{tail}", round(100 * effects.level, 6), "confidence", **labels)
    is_share = outcome.transform == "binary"
    tells = [overall_cell("n_treated", n)] if is_share and known(n) else []
    told = ledger.put(baseline, hide=hide or is_dominated, tells=tells)
    return {"baseline": told, "confidence": ledger.put(level)}


def _counts_few(ledger: Ledger, source: _Source, outcome: Outcome, n: int) -> bool:
    """Say whether the mean before the award is a share of firms that stands for few with, or without, what is asked."""
    share = source.effects.baseline.get(outcome.name, math.nan)
    if outcome.transform != "binary" or math.isnan(share):
        return False
    return ledger.small(round(share * n), n - round(share * n))


def unit_of(quantity: str, level: str) -> str:
    """Return the unit of a quantity of an effect; `level` is that of its outcome."""
    if quantity in AS_ESTIMATED:
        return UNITS.get(quantity, "scale")
    return "percent" if quantity.startswith("percent") else level
