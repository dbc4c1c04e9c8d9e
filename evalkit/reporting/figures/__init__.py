"""Figures for the report and for notebooks; each function returns a matplotlib figure, no global setting changes."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from evalkit.errors import UnknownNameError, did_you_mean
from evalkit.model.check import CheckResult
from evalkit.model.effects import Effects
from evalkit.model.flow import Flow
from evalkit.reporting.effect_rows import effect_rows, main_scale, outcome_of
from evalkit.reporting.figures.covariate_path import draw_covariate_path
from evalkit.reporting.figures.event_study import draw_event_study
from evalkit.reporting.figures.flow import draw_flow
from evalkit.reporting.figures.love_plot import draw_love_plot
from evalkit.reporting.figures.overlap import draw_overlap
from evalkit.reporting.figures.qq import draw_qq
from evalkit.reporting.figures.specification_curve import draw_specification_curve
from evalkit.reporting.points import choice_label, flow_steps, love_points, path_points, value_label
from evalkit.reporting.words import words

__all__ = ["covariate_path", "event_study", "flow", "love_plot", "overlap", "qq", "specification_curve"]


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
    names = [o.name for o in effects.outcomes]
    name = outcome or names[0]
    if name not in names:
        raise UnknownNameError(f"unknown outcome '{name}'", hint=did_you_mean(name, names))
    chosen, text = outcome_of(effects.outcomes, name), words(language)
    points = path_points(effect_rows(effects.of(name), "event_time"), main_scale(chosen))
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


def _of(rows: Sequence[Mapping[str, Any]], key: str, name: str) -> tuple[str, list[Mapping[str, Any]]]:
    """Return the rows that have a name under a key; those of the first name when none is asked for."""
    names = list(dict.fromkeys(str(row[key]) for row in rows))
    chosen = name or next(iter(names), "")
    if chosen not in names:
        raise UnknownNameError(f"nothing to draw for {key} '{chosen}'", hint=did_you_mean(chosen, names))
    return chosen, [row for row in rows if row[key] == chosen]
