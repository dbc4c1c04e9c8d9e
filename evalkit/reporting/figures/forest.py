"""Effects on groups of firms, beside the effect on all."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from evalkit.model.evaluation import Release
from evalkit.reporting.effect_rows import main_scale
from evalkit.reporting.figures.made import Made, slug
from evalkit.reporting.figures.style import BLUE, INK, ORANGE, PALE, figure, style
from evalkit.reporting.points import estimate_title, estimates, interval_points, released_rows, value_label
from evalkit.reporting.words import Words, words

MOST = 60
"""Lines of one figure: 47 prefectures and some more."""


def draw_forest(
    points: Sequence[Mapping[str, Any]], x_label: str, *, overall: Mapping[str, Any] | None = None, language: str = "en"
) -> Figure:
    """Draw one line with an interval for each group, and that of all firms below.

    Parameters
    ----------
    points : sequence of mappings
        `group`, `estimate`, `low`, `high`, in order from above.
    x_label : str
        Label of the horizontal axis.
    overall : mapping or None
        `estimate`, `low`, `high` of all firms.
    language : {"en", "ja"}
        Language of labels.
    """
    text = words(language)
    lines = [(str(p["group"]), p, BLUE, "o") for p in points]
    lines += [(text["figures.forest.overall"], overall, ORANGE, "D")] if overall is not None else []
    with style(language):
        drawn, axes = figure(0.9 + 0.24 * len(lines))
        axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
        for y, (_, point, colour, marker) in enumerate(lines):
            axes.hlines(y, point["low"], point["high"], color=colour, linewidth=1.6, zorder=3)
            axes.plot(point["estimate"], y, linestyle="", color=colour, marker=marker, markersize=5, zorder=4)
        axes.set_yticks(range(len(lines)), [label for label, *_ in lines])
        axes.set_ylim(len(lines) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(x_label)
        axes.grid(axis="x", color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)
    return drawn


def of_release(release: Release, words: Words) -> Iterator[Made]:
    """Yield the groups of each estimate that has them but those by amount, for the primary outcome."""
    outcome = release.study.primary
    scale = main_scale(outcome)
    for estimate in estimates(release):
        tables = {by: released_rows(release, f"effects/{estimate}/{by}") for by in ("group", "overall")}
        own = {by: [r for r in rows if r["outcome"] == outcome.name] for by, rows in tables.items()}
        points = [{**p, "group": words.label(str(p["group"]))} for p in interval_points(own["group"], scale)]
        if not points or len(points) > MOST or re.fullmatch(r"dose(-\d+)?", estimate):
            continue
        overall = next(iter(interval_points(own["overall"], scale)), None)
        title = words["figures.forest.title"].format(
            outcome=words.outcome(outcome), method=estimate_title(release, words, estimate)
        )
        drawn = draw_forest(points, value_label(outcome, words), overall=overall, language=words.language)
        yield Made(f"forest/{estimate}", f"forest-{slug(estimate)}", title, words["figures.forest.alternative"], drawn)
