"""The effect under many specifications, and which choices each of them made."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evalkit.model.evaluation import Release
from evalkit.reporting.curve_by_choice import choices_made
from evalkit.reporting.figures.made import Made
from evalkit.reporting.figures.style import BLUE, INK, ORANGE, PALE, QUIET, WIDTH, ReportFigure, style
from evalkit.reporting.points import choice_label, released_rows
from evalkit.reporting.words import Words, words

ROW = 0.155
"""Inches of one line of the choices."""


def draw_specification_curve(
    rows: Sequence[Mapping[str, Any]], name_of: Callable[[str, str], str], *, language: str = "en"
) -> Figure:
    """Draw effects in order of their size with intervals, and below them a mark for each choice made.

    Parameters
    ----------
    rows : sequence of mappings
        `estimate`, `conf_low`, `conf_high` in per cent, and the choices, those of `CHOICES`.
    name_of : callable
        Label of a choice, from what is chosen and the value.
    language : {"en", "ja"}
        Language of labels.
    """
    text = words(language)
    shown = sorted((r for r in rows if r["estimate"] is not None), key=lambda r: r["estimate"])
    lines = choices_made(shown)
    with style(language):
        drawn = ReportFigure(figsize=(WIDTH, 2.2 + ROW * len(lines)), layout="constrained")
        above, below = drawn.subplots(2, 1, sharex=True, height_ratios=[2.0, max(ROW * len(lines), ROW)])
        _effects(above, shown)
        above.set_ylabel(text["event_study.effect_percent"])
        _marks(below, shown, lines, name_of)
        below.set_xlabel(text["specification_curve.order"])
    return drawn


def _effects(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    axes.axhline(0, color=INK, linewidth=0.9, zorder=1)
    thin = max(0.25, min(1.2, 60 / max(len(rows), 1)))
    for is_clear, colour in ((True, BLUE), (False, ORANGE)):
        own = [(x, r) for x, r in enumerate(rows) if (r["conf_low"] > 0 or r["conf_high"] < 0) == is_clear]
        axes.vlines(
            [x for x, _ in own], [r["conf_low"] for _, r in own], [r["conf_high"] for _, r in own],
            color=colour, alpha=0.35, linewidth=thin, zorder=2,
        )  # fmt: skip
        axes.plot(
            [x for x, _ in own], [r["estimate"] for _, r in own], linestyle="", color=colour,
            marker="o" if is_clear else "s", markersize=2.2, zorder=3, gid=f"points_{'clear' if is_clear else 'open'}",
        )  # fmt: skip
    axes.grid(axis="y", color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)


def _marks(
    axes: Axes, rows: Sequence[Mapping[str, Any]], lines: Sequence[tuple[str, str]], name_of: Callable[[str, str], str]
) -> None:
    for y, (choice, value) in enumerate(lines):
        x = [i for i, row in enumerate(rows) if str(row.get(choice)) == value]
        axes.plot(x, [y] * len(x), linestyle="", marker="|", markersize=5, color=QUIET, markeredgewidth=0.8)
        if y and lines[y - 1][0] != choice:
            axes.axhline(y - 0.5, color=PALE, linewidth=0.8)
    axes.set_yticks(range(len(lines)), [name_of(choice, value) for choice, value in lines], fontsize=7)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def of_release(release: Release, words: Words) -> Iterator[Made]:
    """Yield the specifications of a release."""
    rows = released_rows(release, "checks/specification_curve")
    if any(row["estimate"] is not None for row in rows):
        drawn = draw_specification_curve(rows, choice_label(words), language=words.language)
        title, alternative = words["specification_curve.figure"], words["specification_curve.figure_alt"]
        yield Made("specification_curve", "specification_curve", title, alternative, drawn)
