"""What a two-way regression compares: weight and effect of each comparison."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from evalkit.model.evaluation import Release
from evalkit.reporting.figures.made import Made, slug
from evalkit.reporting.figures.style import BLUE, INK, ORANGE, PALE, QUIET, SKY, figure, style
from evalkit.reporting.points import released_rows
from evalkit.reporting.words import Words, words

LOOKS = {
    "against_never": (BLUE, "o", BLUE),
    "earlier_against_later": (SKY, "^", SKY),
    "later_against_earlier": (ORANGE, "s", "white"),
}
"""Colour, marker and filling; the comparisons that mislead are hollow."""


def draw_bacon(
    rows: Sequence[Mapping[str, Any]], *, overall: float | None = None, language: str = "en"
) -> Figure:  # fmt: skip
    """Draw one mark for each comparison of two award cohorts.

    Parameters
    ----------
    rows : sequence of mappings
        `kind`, `share`, `estimate`; rows with a hidden number are left out.
    overall : float or None
        The two-way estimate, their mean with the shares as weights.
    language : {"en", "ja"}
        Language of labels.
    """
    text = words(language)
    known = [r for r in rows if r["share"] is not None and r["estimate"] is not None]
    with style(language):
        drawn, axes = figure(3.6)
        axes.axhline(0, color=INK, linewidth=0.9, zorder=1)
        if overall is not None:
            label = text["figures.bacon.overall"]
            axes.axhline(overall, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), label=label, zorder=1)
        for kind, (colour, marker, fill) in LOOKS.items():
            own = [r for r in known if r["kind"] == kind]
            if own:
                axes.plot(
                    [100 * r["share"] for r in own], [r["estimate"] for r in own], linestyle="", marker=marker,
                    markersize=5.5, markeredgecolor=colour, markerfacecolor=fill, label=text[f"choices.{kind}"],
                    zorder=3,
                )  # fmt: skip
        axes.set_xlim(left=0)
        axes.set_xlabel(text["figures.bacon.share"])
        axes.set_ylabel(text["figures.as_estimated"])
        axes.margins(x=0.05, y=0.1)
        axes.grid(axis="y", color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)
        drawn.legend(loc="outside lower left", ncols=1, handletextpad=0.5)
    return drawn


def of_release(release: Release, words: Words) -> Iterator[Made]:
    """Yield the decomposition of each check of this kind."""
    for name, check in release.checks.items():
        rows = released_rows(release, f"checks/{name}") if check.name == "bacon" else []
        if any(r["share"] is not None and r["estimate"] is not None for r in rows):
            told = release.tables[f"checks/{name}/values"][0]
            drawn = draw_bacon(rows, overall=release.value(told, "estimate"), language=words.language)
            title, alternative = words["figures.bacon.title"], words["figures.bacon.alternative"]
            yield Made(name, slug(name), title, alternative, drawn)
