"""From table rows to what figures draw; the same for a release and for an analyst's own records."""

import itertools
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from evalkit.model.evaluation import Release, distinct_names
from evalkit.model.study import Outcome
from evalkit.reporting.effect_rows import level_unit, main_scale
from evalkit.reporting.numbers import YEN
from evalkit.reporting.words import Words

AMOUNTS = {
    "upto": re.compile(r"\d+: <= (\S+)"), "between": re.compile(r"\d+: (\S+) to (\S+)"),
    "above": re.compile(r"\d+: > (\S+)"),
}  # fmt: skip
"""How the estimator `dose` names its groups."""
FEW_LEVELS = 3
"""Categories with at most so many levels have a line of the love plot for each."""
Values = Mapping[str, Any]


def estimates(release: Release) -> list[str]:
    """Return the names of a release's estimates, in the order of the study."""
    return [name.split("/")[1] for name in release.tables if re.fullmatch(r"effects/[^/]+/overall", name)]


def averages(release: Release) -> list[str]:
    """Return the first estimate and those that are not made group by group, whose average would be told again."""
    return [n for k, n in enumerate(estimates(release)) if k == 0 or f"effects/{n}/group" not in release.tables]


def estimate_options(release: Release, estimate: str) -> Mapping[str, Any]:
    """Return the options with which the study asks for an estimate; none where it is not in the study."""
    specs = release.study.estimate
    names = distinct_names([spec.method.replace("/", "-") for spec in specs])
    return next((spec.options for name, spec in zip(names, specs, strict=True) if name == estimate), {})


def estimate_title(release: Release, words: Words, estimate: str) -> str:
    """Return what an estimate is called: its method, with the category by which it divides firms if it does."""
    by = estimate_options(release, estimate).get("by")
    title = words.method_title("estimation", estimate)
    if not isinstance(by, str) or not by:
        return title
    method = words.method_title("estimation", re.sub(r"-\d+$", "", estimate))
    return words["page.by"].format(method=method, column=words.column(by))


def amount_unit(words: Words, unit: float) -> str:
    """Return what amounts in steps of so many yen are counted in."""
    name = next((name for name, yen in YEN.items() if yen == unit), "")
    return words.unit(name) if name else words["results.amount_unit"].format(f"{unit:,.10g}")


def group_label(words: Words, group: str, unit: str = "") -> str:
    """Return what a group is called: by the study, or in words of the amount and its unit."""
    for kind, form in AMOUNTS.items():
        if found := form.fullmatch(group):
            return words[f"results.amount_{kind}"].format(*found.groups(), unit=unit).strip()
    return words.label(group)


def released_rows(release: Release, table: str) -> list[dict[str, Any]]:
    """Return a released table with its numbers in place of their ids; None where hidden or unknown."""
    return [
        {**row.labels, **{quantity: release.value(row, quantity) for quantity in row.numbers}}
        for row in release.tables.get(table, [])
    ]


def path_points(rows: Iterable[Values], scale: Literal["percent", "level"]) -> list[dict[str, float | None]]:
    """Return the points of an event study on one scale; rows without an estimate are left out."""
    columns = {
        "estimate": scale, "low": f"{scale}_low", "high": f"{scale}_high",
        "band_low": f"{scale}_band_low", "band_high": f"{scale}_band_high",
    }  # fmt: skip
    points = [{"event_time": row["event_time"], **{k: _known(row.get(c)) for k, c in columns.items()}} for row in rows]
    return [p for p in points if p["estimate"] is not None]


def interval_points(rows: Iterable[Values], scale: Literal["percent", "level"]) -> list[dict[str, Any]]:
    """Return rows with `estimate`, `low` and `high` on one scale; those without one of them are left out."""
    columns = {"estimate": scale, "low": f"{scale}_low", "high": f"{scale}_high"}
    points = [{**row, **{k: _known(row.get(c)) for k, c in columns.items()}} for row in rows]
    return [p for p in points if None not in (p[k] for k in columns)]


def love_points(rows: Sequence[Values], words: Words) -> list[dict[str, str | float | None]]:
    """Return the lines of a love plot: numbers, levels of small categories, the largest level of large ones."""
    points: list[dict[str, str | float | None]] = []
    for name, group in itertools.groupby(rows, key=lambda row: row["covariate"]):
        own = list(group)
        column = words.column(str(name))
        if len(own) > FEW_LEVELS:
            label = words["balance.largest"].format(column=column, n=len(own))
            points.append({"label": label} | {when: _largest(own, f"smd_{when}") for when in ("before", "after")})
            continue
        for row in own:
            label = f"{column}{words['page.colon']}{words.label(str(row['level']))}" if row.get("level") else column
            points.append({"label": label} | {when: _known(row.get(f"smd_{when}")) for when in ("before", "after")})
    return points


def flow_steps(rows: Iterable[Values], words: Words) -> list[dict[str, Any]]:
    """Return the steps of a flow with their labels in words."""
    return [{**row, "label": step_label(str(row["step"]), str(row["unit"]), words)} for row in rows]


def step_label(step: str, unit: str, words: Words) -> str:
    """Return what a step is called; "population: X" and "outcome 'X'" name a column."""
    parts = re.fullmatch(r"(\w+)(?:: | ')([^']+)'?", step)
    if parts and not words.get(f"steps.{step}", ""):
        name = words.get(f"steps.{parts[1]}", parts[1])
        return f"{name}{words['page.colon']}{words.column(parts[2])}"
    name = words.get(f"steps.{step}", step)
    return f"{name}{words['page.colon']}{words.get(f'flow_units.{unit}', unit)}" if step == "match" else name


def value_label(outcome: Outcome, words: Words) -> str:
    """Return the label of an axis of effects."""
    if main_scale(outcome) == "percent":
        return words["event_study.effect_percent"]
    unit = level_unit(outcome)
    if unit == "percentage_point":
        return words["event_study.effect_points"]
    name = words.unit(unit).strip(" （）")
    return words["event_study.effect_level"].format(unit=name) if name else words["event_study.effect_plain"]


def choice_label(words: Words) -> Callable[[str, str], str]:
    """Return what a choice of a specification is called: what is chosen, and the value."""

    def label(choice: str, value: str) -> str:
        named = words.method_title("estimation", value) if choice == "method" else words.get(f"choices.{value}", value)
        return named if choice == "method" else f"{words[f'check_columns.{choice}']}{words['page.colon']}{named}"

    return label


def _largest(rows: Sequence[Values], column: str) -> float | None:
    known = [value for row in rows if (value := _known(row.get(column))) is not None]
    return max(known, key=abs, default=None)


def _known(value: Any) -> float | None:  # noqa: ANN401
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
