"""How far the effect survives paths that are not parallel."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from evalkit.model.evaluation import Release
from evalkit.reporting.effect_rows import outcome_of
from evalkit.reporting.figures.made import Made, slug
from evalkit.reporting.figures.style import BLUE, GREEN, INK, ORANGE, PALE, QUIET, figure, style
from evalkit.reporting.points import released_rows
from evalkit.reporting.words import Words, words

LOOKS = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"))
APART = 0.18
"""Of the distance between bounds: how far the lines of two estimates stand apart."""


def draw_honest_did(
    rows: Sequence[Mapping[str, Any]], names: Mapping[str, str], *, kind: str, breakdown: float | None = None,
    language: str = "en",
) -> Figure:  # fmt: skip
    """Draw the interval of the effect for each drift that is allowed for.

    Parameters
    ----------
    rows : sequence of mappings
        `bound`, `conf_low`, `conf_high`, `method`; rows without an interval are left out.
    names : dict of method to text
        What estimates are called, in the order of drawing.
    kind : {"relative", "smooth"}
        What the drift is measured in: the largest before the award, or standard errors a year.
    breakdown : float or None
        Largest drift at which the interval does not cover zero.
    language : {"en", "ja"}
        Language of labels.
    """
    text = words(language)
    known = [r for r in rows if r["conf_low"] is not None and r["conf_high"] is not None]
    bounds = sorted({float(r["bound"]) for r in rows})
    step = min((b - a for a, b in itertools.pairwise(bounds)), default=1.0) * APART
    with style(language):
        drawn, axes = figure(2.9)
        axes.axhline(0, color=INK, linewidth=0.9, zorder=1)
        for place, (method, name) in enumerate(names.items()):
            colour, marker = LOOKS[place % len(LOOKS)]
            own = [r for r in known if r["method"] == method]
            x = [float(r["bound"]) + (place - (len(names) - 1) / 2) * step for r in own]
            low, high = [float(r["conf_low"]) for r in own], [float(r["conf_high"]) for r in own]
            axes.vlines(x, low, high, color=colour, linewidth=2.0, zorder=3)
            middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
            axes.plot(x, middle, linestyle="", marker=marker, markersize=4.5, color=colour, label=name, zorder=4)
        if breakdown is not None and bounds and breakdown <= bounds[-1]:
            dashes = (0, (4, 3))
            label = text["figures.honest_did.breakdown"]
            axes.axvline(breakdown, color=QUIET, linewidth=0.9, linestyle=dashes, label=label, zorder=2)
        axes.set_xticks(bounds)
        axes.set_xlabel(text[f"figures.honest_did.{kind}"])
        axes.set_ylabel(text["figures.as_estimated"])
        axes.margins(x=0.08, y=0.08)
        axes.grid(axis="y", color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)
        drawn.legend(loc="outside lower left", ncols=2, columnspacing=1.2, handletextpad=0.5)
    return drawn


def of_release(release: Release, words: Words) -> Iterator[Made]:
    """Yield the bounds of each check of this kind."""
    for name, check in release.checks.items():
        rows = released_rows(release, f"checks/{name}") if check.name == "honest_did" else []
        if not any(r["conf_low"] is not None for r in rows):
            continue
        told = release.tables[f"checks/{name}/values"][0]
        names = {r["method"]: words.method_title("estimation", r["method"]) for r in rows}
        outcome = words.outcome(outcome_of(release.study.outcome, rows[0]["outcome"]))
        kind = "smooth" if str(told.labels.get("case", "")).startswith("smooth") else "relative"
        drawn = draw_honest_did(
            rows, names, kind=kind, breakdown=release.value(told, "breakdown"), language=words.language
        )
        title = words["figures.honest_did.title"].format(outcome=outcome)
        yield Made(name, slug(name), title, words["figures.honest_did.alternative"], drawn)
