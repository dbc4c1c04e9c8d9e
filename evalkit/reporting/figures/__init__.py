"""Figures for the report and for notebooks; each function returns a matplotlib figure, no global setting changes."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from evalkit.errors import UnknownNameError, did_you_mean
from evalkit.model.check import CheckResult
from evalkit.model.effects import Effects
from evalkit.model.flow import Flow
from evalkit.model.study import Outcome
from evalkit.reporting.effect_rows import aggregations, cell_rows, effect_rows, main_scale, outcome_of
from evalkit.reporting.figures.bacon import draw_bacon
from evalkit.reporting.figures.cohort_year import draw_cohort_year
from evalkit.reporting.figures.covariate_path import draw_covariate_path
from evalkit.reporting.figures.dose_response import draw_dose_response
from evalkit.reporting.figures.event_study import draw_event_study
from evalkit.reporting.figures.flow import draw_flow
from evalkit.reporting.figures.forest import draw_forest
from evalkit.reporting.figures.honest_did import draw_honest_did
from evalkit.reporting.figures.love_plot import draw_love_plot
from evalkit.reporting.figures.overlap import draw_overlap
from evalkit.reporting.figures.prefectures import prefecture_code
from evalkit.reporting.figures.qq import draw_qq
from evalkit.reporting.figures.specification_curve import draw_specification_curve
from evalkit.reporting.figures.tile_map import draw_tile_map
from evalkit.reporting.points import (
    choice_label,
    flow_steps,
    interval_points,
    love_points,
    path_points,
    value_label,
)  # fmt: skip
from evalkit.reporting.words import words

__all__ = [
    "bacon", "cohort_year", "covariate_path", "dose_response", "event_study", "flow", "forest", "honest_did",
    "love_plot", "overlap", "qq", "specification_curve", "tile_map",
]  # fmt: skip


def event_study(effects: Effects, outcome: str = "", language: str = "en") -> Figure:
    """Draw the effects of one outcome by years since the award.

    Parameters
    ----------
    effects : Effects
        As an estimator returns them.
    outcome : str
        Which outcome; the first one when empty.
    language : {"en", "ja"}
        Language of labels.

    Returns
    -------
    Figure
        Points, pointwise intervals and the simultaneous band; in per cent for outcomes in logarithms.
    """
    chosen, text = _outcome(effects, outcome), words(language)
    points = path_points(effect_rows(effects.of(chosen.name), "event_time"), main_scale(chosen))
    return draw_event_study(points, value_label(chosen, text), title=text.outcome(chosen), language=language)


def love_plot(balance: CheckResult, language: str = "en") -> Figure:
    """Draw the standardised mean differences of a `balance` check, before and after matching.

    Categories with many levels have one line, for their largest difference.
    """
    points = love_points(balance.rows, words(language))
    return draw_love_plot(points, language=language)


def overlap(check: CheckResult, language: str = "en") -> Figure:
    """Draw the propensity scores of an `overlap` check as a mirrored histogram."""
    return draw_overlap(check.rows, language=language)


def flow(steps: Flow, language: str = "en") -> Figure:
    """Draw what each step kept, set aside and merged."""
    rows = [{**step.to_dict(), "text": f"{step.kept:,}"} for step in steps.steps]
    return draw_flow(flow_steps(rows, words(language)), language=language)


def qq(balance: CheckResult, covariate: str = "", language: str = "en") -> Figure:
    """Draw quantiles of one number in treated firms against those of controls, from a `balance` check.

    Parameters
    ----------
    balance : CheckResult
        As the check returns it; its quantiles are means over at least ten firms each.
    covariate : str
        Which number; the first one when empty.
    language : {"en", "ja"}
        Language of labels.
    """
    name, points = _of(balance.values.get("quantiles", []), "covariate", covariate)
    return draw_qq(points, words(language).column(name), language=language)


def covariate_path(check: CheckResult, outcome: str = "", language: str = "en") -> Figure:
    """Draw the mean of one outcome in the years before the award in both groups, from a `covariate_path` check.

    Parameters
    ----------
    check : CheckResult
        As the check returns it.
    outcome : str
        Which outcome; the first one when empty.
    language : {"en", "ja"}
        Language of labels.
    """
    text = words(language)
    name, points = _of(check.rows, "outcome", outcome)
    transform = check.values["transforms"][name]
    label = text.get(f"scale_of.{transform}", "{column}").format(column=text.column(name))
    return draw_covariate_path(points, label, language=language)


def specification_curve(check: CheckResult, language: str = "en") -> Figure:
    """Draw the effects of a `specification_curve` check in order of their size, with the choices behind each."""
    return draw_specification_curve(check.rows, choice_label(words(language)), language=language)


def honest_did(check: CheckResult, language: str = "en") -> Figure:
    """Draw the intervals of an `honest_did` check for each drift that is allowed for."""
    text = words(language)
    names = {row["method"]: text.method_title("estimation", row["method"]) for row in check.rows}
    kind = "smooth" if str(check.values["case"]).startswith("smooth") else "relative"
    return draw_honest_did(
        check.rows, names, kind=kind, breakdown=check.values.get("breakdown"), language=language
    )  # fmt: skip


def bacon(check: CheckResult, language: str = "en") -> Figure:
    """Draw weight and effect of each comparison of a `bacon` check."""
    return draw_bacon(check.rows, overall=check.values.get("estimate"), language=language)


def cohort_year(effects: Effects, outcome: str = "", language: str = "en") -> Figure:
    """Draw the effects of one outcome by award cohort and year; the first outcome when none is named."""
    chosen, text = _outcome(effects, outcome), words(language)
    cells = interval_points(cell_rows(effects.of(chosen.name)), main_scale(chosen))
    if not cells:
        raise UnknownNameError(f"'{effects.method}' has no effects by cohort and year")
    label = text["figures.cohort_year.year"].format(what=value_label(chosen, text))
    return draw_cohort_year(cells, label, language=language)


def forest(effects: Effects, outcome: str = "", language: str = "en") -> Figure:
    """Draw the effects of one outcome by group of firms, and on all; the first outcome when none is named."""
    chosen, text = _outcome(effects, outcome), words(language)
    overall = interval_points(effect_rows(effects.of(chosen.name), "overall"), main_scale(chosen))
    points = _by_group(effects, chosen)
    return draw_forest(points, value_label(chosen, text), overall=next(iter(overall), None), language=language)


def dose_response(effects: Effects, outcome: str = "", language: str = "en") -> Figure:
    """Draw the effects of one outcome by amount, from the estimator `dose`; the first outcome when none is named."""
    chosen, unit = _outcome(effects, outcome), effects.options.get("unit", 1.0)
    label = value_label(chosen, words(language))
    return draw_dose_response(_by_group(effects, chosen), label, unit=unit, language=language)


def tile_map(
    values: Mapping[str, float | None], label: str, language: str = "en", *, is_signed: bool = False
) -> Figure:
    """Draw a number for each prefecture on a map of Japan made of tiles.

    Parameters
    ----------
    values : dict of str to float or None
        By name ("東京都", "Tokyo") or code ("13") of the prefecture.
    label : str
        What the numbers are.
    language : {"en", "ja"}
        Language of labels.
    is_signed : bool
        Whether zero is the middle of the colours, as for effects.
    """
    coded = {prefecture_code(name): value for name, value in values.items()}
    if None in coded:
        unknown = [name for name in values if prefecture_code(name) is None]
        raise UnknownNameError(f"no prefecture is called '{unknown[0]}'", where="values")
    known = {code: value for code, value in coded.items() if code is not None}
    return draw_tile_map(known, label, is_signed=is_signed, language=language)


def _outcome(effects: Effects, name: str) -> Outcome:
    """Return an outcome by name, the first one for an empty name."""
    names = [o.name for o in effects.outcomes]
    if name and name not in names:
        raise UnknownNameError(f"unknown outcome '{name}'", hint=did_you_mean(name, names))
    return outcome_of(effects.outcomes, name or names[0])


def _by_group(effects: Effects, outcome: Outcome) -> list[dict[str, Any]]:
    if "group" not in aggregations(effects):
        raise UnknownNameError(f"'{effects.method}' has no effects by group")
    return interval_points(effect_rows(effects.of(outcome.name), "group"), main_scale(outcome))


def _of(rows: Sequence[Mapping[str, Any]], key: str, name: str) -> tuple[str, list[Mapping[str, Any]]]:
    """Return the rows that have a name under a key; those of the first name when none is asked for."""
    names = list(dict.fromkeys(str(row[key]) for row in rows))
    chosen = name or next(iter(names), "")
    if chosen not in names:
        raise UnknownNameError(f"nothing to draw for {key} '{chosen}'", hint=did_you_mean(chosen, names))
    return chosen, [row for row in rows if row[key] == chosen]
