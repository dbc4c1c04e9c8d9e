"""Effects by the amount of the award."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from evalkit.model.evaluation import Release
from evalkit.reporting.effect_rows import main_scale
from evalkit.reporting.figures.made import Made, slug
from evalkit.reporting.figures.style import BLUE, INK, PALE, SKY, figure, style
from evalkit.reporting.points import (
    amount_unit,
    estimate_options,
    estimates,
    group_label,
    interval_points,
    released_rows,
    value_label,
)
from evalkit.reporting.words import Words, words

NUMBER = re.compile(r"\d+(\.\d+)?")


def draw_dose_response(
    points: Sequence[Mapping[str, Any]], y_label: str, *, unit: float = 1.0, language: str = "en"
) -> Figure:
    """Draw effects with intervals by amount: a curve where amounts are single numbers, else a mark for each range.

    Parameters
    ----------
    points : sequence of mappings
        `group` (the amount, as text), `estimate`, `low`, `high`, in the order of amounts.
    y_label : str
        Label of the vertical axis.
    unit : float
        What amounts were divided by.
    language : {"en", "ja"}
        Language of labels.
    """
    text = words(language)
    is_curve = all(NUMBER.fullmatch(str(p["group"])) for p in points)
    with style(language):
        drawn, axes = figure(2.9)
        axes.axhline(0, color=INK, linewidth=0.9, zorder=1)
        if is_curve:
            _curve(axes, points)
        else:
            _bins(axes, points, text)
        amount = text["figures.dose_response.amount"]
        counted = text["results.amount_in"].format(amount=amount, unit=amount_unit(text, unit))
        axes.set_xlabel(amount if unit == 1 else counted)
        axes.set_ylabel(y_label)
        axes.margins(y=0.08)
        axes.grid(axis="y", color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)
    return drawn


def _curve(axes: Axes, points: Sequence[Mapping[str, Any]]) -> None:
    ordered = sorted(points, key=lambda p: float(p["group"]))
    x = [float(p["group"]) for p in ordered]
    low, high = ([p[end] for p in ordered] for end in ("low", "high"))
    axes.fill_between(x, low, high, color=SKY, alpha=0.28, linewidth=0)
    axes.plot(x, [p["estimate"] for p in ordered], color=BLUE, marker="o", markersize=4.5, linewidth=1.4, zorder=3)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")


def _bins(axes: Axes, points: Sequence[Mapping[str, Any]], text: Words) -> None:
    x = range(len(points))
    axes.vlines(x, [p["low"] for p in points], [p["high"] for p in points], color=BLUE, linewidth=2.0, zorder=3)
    axes.plot(x, [p["estimate"] for p in points], linestyle="", color=BLUE, marker="o", markersize=5, zorder=4)
    labels = [group_label(text, str(p["group"])) for p in points]
    axes.set_xticks(x, [NUMBER.sub(lambda n: f"{float(n[0]):,.10g}", label) for label in labels], fontsize=7.5)
    axes.set_xlim(-0.5, len(points) - 0.5)


def of_release(release: Release, words: Words) -> Iterator[Made]:
    """Yield the effects by amount of each estimate that has them, for each outcome."""
    for estimate in estimates(release):
        if not re.fullmatch(r"dose(-\d+)?", estimate):
            continue
        unit = estimate_options(release, estimate).get("unit", 1.0)
        rows = released_rows(release, f"effects/{estimate}/group")
        for number, outcome in enumerate(release.study.outcome, start=1):
            points = interval_points((r for r in rows if r["outcome"] == outcome.name), main_scale(outcome))
            if points:
                title = words["figures.dose_response.title"].format(outcome=words.outcome(outcome))
                yield Made(
                    f"dose_response/{estimate}/{outcome.name}",
                    f"dose_response-{slug(estimate)}-{number}-{slug(outcome.name)}",
                    title, words["figures.dose_response.alternative"],
                    draw_dose_response(points, value_label(outcome, words), unit=unit, language=words.language),
                )  # fmt: skip
