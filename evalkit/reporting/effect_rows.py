"""Effects as rows of plain numbers, in per cent and in level, with the simultaneous band over event time."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from evalkit.model.effects import Effects
from evalkit.model.study import Outcome
from evalkit.stats.aggregate import aggregate
from evalkit.stats.bands import simultaneous_band
from evalkit.stats.scales import POINTS, Triple, scaled
from evalkit.stats.student import quantile

Averages = Mapping[str, list[dict[str, Any]]]
"""Records by what is averaged within."""
By = Literal["overall", "event_time", "cohort", "year", "group"]
AGGREGATIONS: tuple[By, ...] = ("overall", "event_time", "cohort", "year", "group")
POWER = 0.8
"""With which an effect is called detectable."""
AS_ESTIMATED = ("estimate", "std_error", "conf_low", "conf_high", "p_value", "n_treated", "n_control")


def aggregations(effects: Effects) -> list[By]:
    """Return what the effects can be averaged by: what their rows are labelled with."""
    return [by for by in AGGREGATIONS if by == "overall" or effects.table[by].notna().any()]


def effect_rows(effects: Effects, by: By, seed: int = 0) -> list[dict[str, Any]]:
    """Average effects and put each in per cent and in level.

    Parameters
    ----------
    effects : Effects
        As estimated.
    by : {"overall", "event_time", "cohort", "year", "group"}
        What to average within.
    seed : int
        Key of the draws behind the simultaneous band.

    Returns
    -------
    list of dict
        `outcome`, `estimand`, the label (named as `by`), the columns of `Effects` as estimated, and triples
        `percent`, `percent_low`, `percent_high`, `level`, `level_low`, `level_high`; by event time also
        `<scale>_band_low` and `<scale>_band_high` of both; overall, `<scale>_detectable` of the scale that the effect
        is read on first. NaN where unknown: the mean before the award is that of all firms, and not of a group.
    """
    averaged = aggregate(effects, by)
    records: list[dict[str, Any]] = averaged.table.to_dict("records")  # type: ignore[assignment]
    bands = simultaneous_band(averaged, effects.level, seed).to_dict("records") if by == "event_time" else []
    rows = []
    for i, record in enumerate(records):
        outcome = outcome_of(effects.outcomes, record["outcome"])
        row = {"outcome": outcome.name, "estimand": record["estimand"]}
        if by != "overall":
            row[by] = str(record[by]) if by == "group" else int(record[by])
        row |= {name: record[name] for name in AS_ESTIMATED}
        baseline = math.nan if by == "group" else effects.baseline.get(outcome.name, math.nan)
        row |= _both_scales((record["estimate"], record["conf_low"], record["conf_high"]), outcome, baseline, "")
        if by == "overall":
            row |= _detectable(record, outcome, baseline)
        if bands:
            ends = (record["estimate"], bands[i]["band_low"], bands[i]["band_high"])
            row |= _both_scales(ends, outcome, baseline, "band_")
        rows.append(row)
    return rows


def cell_rows(effects: Effects) -> list[dict[str, Any]]:
    """Return the effects by cohort and year as estimated, on the scale that each outcome is read on first.

    Returns
    -------
    list of dict
        `outcome`, `estimand`, `cohort`, `year`, `n_treated`, `n_control` and a triple `<scale>`, `<scale>_low`,
        `<scale>_high`. Empty where effects are not told apart by both, or are further divided into groups.
    """
    cells = effects.table
    if cells["group"].notna().any() or cells[["cohort", "year"]].isna().any(axis=None):
        return []
    rows = []
    records: list[dict[str, Any]] = cells.to_dict("records")  # type: ignore[assignment]
    for record in records:
        outcome = outcome_of(effects.outcomes, record["outcome"])
        ends = (record["estimate"], record["conf_low"], record["conf_high"])
        both = _both_scales(ends, outcome, effects.baseline.get(outcome.name, math.nan), "")
        scale = main_scale(outcome)
        rows.append({
            "outcome": outcome.name, "estimand": record["estimand"], "cohort": int(record["cohort"]),
            "year": int(record["year"]), "n_treated": record["n_treated"], "n_control": record["n_control"],
            **{k: v for k, v in both.items() if k.startswith(scale)},
        })  # fmt: skip
    return rows


def _detectable(record: dict[str, Any], outcome: Outcome, baseline: float) -> dict[str, float]:
    """Return the effect that would have been found with probability `POWER`, on the scale it is read on first.

    Half the interval, which knows its degrees of freedom, and what the estimate may fall short of the effect.
    """
    least = record["conf_high"] - record["estimate"] + quantile(POWER) * record["std_error"]
    scale = main_scale(outcome)
    found: Triple = getattr(scaled(Triple(least, least, least), outcome.transform, baseline), scale)
    return {f"{scale}_detectable": found.estimate}


def _both_scales(ends: Sequence[float], outcome: Outcome, baseline: float, kind: str) -> dict[str, float]:
    both = scaled(Triple(*ends), outcome.transform, baseline)
    row: dict[str, float] = {}
    for name, triple in both._asdict().items():
        row |= {name: triple.estimate, f"{name}_{kind}low": triple.low, f"{name}_{kind}high": triple.high}
    return row


def outcome_of(outcomes: Sequence[Outcome], name: str) -> Outcome:
    """Return an outcome by name."""
    return next(o for o in outcomes if o.name == name)


def main_scale(outcome: Outcome) -> Literal["percent", "level"]:
    """Return the scale that an outcome's effects are read on first."""
    return "percent" if outcome.transform == "log" else "level"


def level_unit(outcome: Outcome) -> str:
    """Return the unit of an outcome's effects in level."""
    if outcome.transform in POINTS:
        return "percentage_point"
    return "asinh" if outcome.transform == "asinh" else outcome.unit


def baseline_unit(outcome: Outcome) -> str:
    """Return the unit of an outcome's own values."""
    return "share" if outcome.transform in ("share", "binary") else outcome.unit
