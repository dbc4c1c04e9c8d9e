"""What an effect cost: award money over the total effect, where amounts are known and the sums may be told."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.model.effects import Effects
from evalkit.model.evaluation import Evaluation, Number, Row
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Outcome
from evalkit.reporting.disclosure.count_tables import effect_cell
from evalkit.reporting.disclosure.dominance import Contributions, fails_dominance
from evalkit.reporting.disclosure.ledger import Ledger, named, part_of_id, row_of
from evalkit.reporting.disclosure.tables import Sum, Table
from evalkit.reporting.effect_rows import Averages, effect_rows, level_unit
from evalkit.reporting.numbers import YEN
from evalkit.stats.cost_ratio import Interval, cost_of_one, total_effect

NOT_AMOUNTS = ("percentage_point", "asinh")
"""Units of effects that do not add up over firms to an amount."""
Case = Literal["known", "no_amounts", "unknown_amounts", "hidden_amounts", "no_cells", "not_att"]


@dataclasses.dataclass(frozen=True)
class Spent:
    """What the firms behind an effect were awarded.

    Parameters
    ----------
    amounts : (n,) float64
        Amount of each firm, in yen; NaN where it is not known.
    is_path : bool
        Whether all awards of the study's periods count, or those of the first year only.
    """

    amounts: NDArray[np.float64]
    is_path: bool


def release_cost(ledger: Ledger, evaluation: Evaluation) -> list[Row]:
    """Release award total, total effects and costs per unit of effect of the first estimate.

    Returns
    -------
    list of Row
        First what holds for all outcomes: labels `case` ("known", or why nothing follows) and `is_path`, numbers
        `awarded`, `n_firms`, `unknown`. With "known" one row per outcome whose effects add up: `total`, `total_low`,
        `total_high` (the outcome's unit, over firms and years), `cost`, `cost_low`, `cost_high` (yen for one unit of
        effect; a side without bound has no entry), `firm_years`. All of a row is hidden where a cohort is: firm-years
        and firms together would tell the sizes of two cohorts; and where the effect in level is, which totals tell.
    """
    if not evaluation.effects:
        return []
    effects, sample = evaluation.effects[0], evaluation.sample
    spent = _spent(sample)
    case = _case(effects, sample, spent)
    hide = case == "known" and _is_dominated(ledger, spent.amounts)
    ids = {}
    if case in ("known", "unknown_amounts"):
        n_unknown = int(np.isnan(spent.amounts).sum())
        hide_counts = ledger.small(n_unknown, len(spent.amounts) - n_unknown) or ledger.tells(len(spent.amounts))
        ids["n_firms"] = ledger.put(Number("cost.n_firms", len(spent.amounts), "count"), hide=hide_counts)
        ids["unknown"] = ledger.put(Number("cost.n_unknown", n_unknown, "count"), hide=hide_counts)
    if case != "known" or hide:
        return [row_of({"case": "hidden_amounts" if hide else case, "is_path": spent.is_path}, ids)]
    total = math.fsum(spent.amounts)
    ids["awarded"] = ledger.put(Number("cost.awarded", total, "yen"))
    rows = [row_of({"case": case, "is_path": spent.is_path}, ids)]
    return rows + [
        _row(ledger, effects, record, total)
        for record in effect_rows(effects, "overall", evaluation.study.seed)
        if _has_cost(_outcome(effects, record["outcome"]))
    ]


def _has_cost(outcome: Outcome) -> bool:
    return level_unit(outcome) not in NOT_AMOUNTS and not outcome.negative_control


def _row(ledger: Ledger, effects: Effects, record: dict[str, float | str], awarded: float) -> Row:
    """Release total effect and cost of one outcome."""
    outcome = _outcome(effects, str(record["outcome"]))
    n_years = firm_years(effects, outcome.name)
    level = Interval(*(float(record[key]) for key in ("level", "level_low", "level_high")))
    prefix, cell = f"cost.{part_of_id(outcome.name)}", years_cell(outcome.name, n_years)
    total = total_effect(level, ledger.rounded(n_years, cell))  # over the level it tells the firm-years
    cost = cost_of_one(awarded, total, YEN.get(outcome.unit, 1))
    level_id = f"effects.{part_of_id(named([effects])[0][0])}.overall.{part_of_id(outcome.name)}.level"
    hide = ledger.small(*_cell_counts(effects, outcome.name)) or ledger.hides(level_id)
    values = {
        **dict(zip(("total", "total_low", "total_high"), dataclasses.astuple(total), strict=True)),
        **dict(zip(("cost", "cost_low", "cost_high"), dataclasses.astuple(cost), strict=True)),
    }  # fmt: skip
    ids = {
        key: ledger.put(
            Number(f"{prefix}.{key}", value, outcome.unit if key.startswith("total") else "yen", "att", outcome.name),
            hide=hide, tells=[cell],
        )
        for key, value in values.items()
    }  # fmt: skip
    ids["firm_years"] = ledger.put(Number(f"{prefix}.firm_years", n_years, "count"), hide=hide, cell=cell)
    return row_of({"outcome": outcome.name}, ids)


def firm_years(effects: Effects, outcome: str) -> int:
    """Return the treated firm-years from the award on that an outcome's overall effect is the mean of."""
    table = effects.table
    inside = (table["outcome"] == outcome) & (table["event_time"] >= 0) & table["estimate"].notna()
    return int(table.loc[inside & table["group"].isna(), "n_treated"].sum())


def years_cell(outcome: str, n_years: int) -> str:
    """Return the name of the firm-years of an outcome; total effect and cost tell them beside the effect in level."""
    return f"firm_years.{outcome}={n_years}"


def years_table(evaluation: Evaluation, averages: Mapping[str, Averages]) -> Table:
    """Return the firm-years that costs are told with: they are the sum of the firms by event time."""
    values: dict[str, float] = {}
    sums = []
    if evaluation.effects:
        (name, effects), *_ = named(evaluation.effects)
        if _case(effects, evaluation.sample, _spent(evaluation.sample)) == "known":
            for outcome in filter(_has_cost, effects.outcomes):
                rows = [r for r in averages[name].get("event_time", ()) if r["outcome"] == outcome.name]
                parts = {
                    effect_cell("event_time", r, "n_treated"): r["n_treated"] for r in rows if r["event_time"] >= 0
                }
                n_years = firm_years(effects, outcome.name)
                if parts and sum(parts.values()) == n_years:
                    total = years_cell(outcome.name, n_years)
                    values |= {total: float(n_years)} | {cell: float(n) for cell, n in parts.items()}
                    sums.append(Sum(total, tuple(parts)))
    return Table(values, tuple(sums))


def _cell_counts(effects: Effects, outcome: str) -> list[int]:
    """Return how many treated and control firms are in each cohort and year of an outcome."""
    own = effects.table.loc[effects.table["outcome"] == outcome, ["n_treated", "n_control"]]
    return [int(n) for n in own.to_numpy().ravel()]


def _case(effects: Effects, sample: MatchedSample, spent: Spent) -> Case:
    if not len(spent.amounts):
        return "no_amounts"
    if sample.estimand not in ("att", "att_matched"):
        return "not_att"
    if effects.table[["cohort", "event_time"]].isna().any(axis=None) or effects.shares is None:
        return "no_cells"
    return "unknown_amounts" if np.isnan(spent.amounts).any() else "known"


def _spent(sample: MatchedSample) -> Spent:
    """Return what the compared firms were awarded: in all periods where the panel says so, else in the first year."""
    panel = sample.panel
    kept = (panel.cohort > panel.periods[0] + panel.anticipation) & (panel.cohort <= panel.periods[-1])
    kept &= sample.weight > 0
    if panel.award_columns:
        paths = _columns(panel, panel.award_columns)[kept]
        return Spent(paths.sum(axis=1), is_path=True)
    if panel.dose:
        return Spent(_columns(panel, [panel.dose])[kept, 0], is_path=False)
    return Spent(np.empty(0), is_path=False)


def _columns(panel: Panel, names: list[str]) -> NDArray[np.float64]:
    table = panel.read(names)
    return np.column_stack([table[name].cast("float64").to_numpy() for name in names])


def _is_dominated(ledger: Ledger, amounts: NDArray[np.float64]) -> bool:
    """Say whether the sum of awards would tell a large one: few firms, or one or two with most of it."""
    return ledger.small(len(amounts)) or fails_dominance(Contributions.of(amounts), ledger.profile)


def _outcome(effects: Effects, name: str) -> Outcome:
    return next(o for o in effects.outcomes if o.name == name)
