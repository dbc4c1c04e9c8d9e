"""Effects by award cohort and year."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib import colormaps
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from evalkit.model.evaluation import Release
from evalkit.reporting.effect_rows import main_scale
from evalkit.reporting.figures.made import Made, slug
from evalkit.reporting.figures.style import INK, QUIET, figure, style
from evalkit.reporting.points import averages, interval_points, released_rows, value_label
from evalkit.reporting.words import Words, words

COLOURS = "PuOr"
"""Told apart with any colour vision; numbers stand in the tiles for those who print in grey."""
STRONGEST = 0.6
"""Of the colour's range: darker tiles would swallow their numbers."""


def draw_cohort_year(cells: Sequence[Mapping[str, Any]], label: str, *, language: str = "en") -> Figure:
    """Draw a tile with the effect for each cohort and year; effects that differ from zero are bold.

    Parameters
    ----------
    cells : sequence of mappings
        `cohort`, `year`, `estimate`, `low`, `high`.
    label : str
        What the numbers are.
    language : {"en", "ja"}
        Language of labels.
    """
    text = words(language)
    cohorts, years = (sorted({int(c[key]) for c in cells}) for key in ("cohort", "year"))
    widest = max((abs(float(c["estimate"])) for c in cells), default=0.0) or 1.0
    norm = TwoSlopeNorm(0.0, -widest / STRONGEST, widest / STRONGEST)
    size = min(8.0, 60.0 / max(len(years), 1))
    with style(language):
        drawn, axes = figure(0.9 + 0.34 * len(cohorts))
        for cell in cells:
            x, y, value = int(cell["year"]), cohorts.index(int(cell["cohort"])), float(cell["estimate"])
            colour = colormaps[COLOURS](1.0 - norm(value))
            axes.fill_between([x - 0.5, x + 0.5], y - 0.5, y + 0.5, facecolor=colour, edgecolor="white", linewidth=1.0)
            is_clear = cell["low"] > 0 or cell["high"] < 0
            # the Japanese font has no bold face, and matplotlib says so wherever it might be needed
            bold: dict[str, Any] = (
                {"fontweight": "bold", "fontfamily": "DejaVu Sans"} if is_clear and language == "en" else {}
            )
            axes.text(
                x, y, _short(value, widest), ha="center", va="center", color=INK if is_clear else QUIET,
                fontsize=size, **bold,
            )  # fmt: skip
        for y, cohort in enumerate(cohorts):
            axes.vlines(cohort - 0.5, y - 0.5, y + 0.5, color=INK, linewidth=1.6, zorder=4)
        axes.set_xlim(years[0] - 0.5, years[-1] + 0.5)
        axes.set_ylim(len(cohorts) - 0.5, -0.5)
        axes.set_xticks(years, [str(t) for t in years], rotation=45 if len(years) > 10 else 0, fontsize=size)
        axes.set_yticks(range(len(cohorts)), [str(g) for g in cohorts])
        axes.set_xlabel(label)
        axes.set_ylabel(text["cohorts.cohort"])
        axes.tick_params(length=0)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
    return drawn


def _short(value: float, widest: float) -> str:
    """Return a number with the decimals that the largest one asks for, and a true minus sign."""
    return f"{value:.{0 if widest >= 100 else 1 if widest >= 1 else 2}f}".replace("-", "\N{MINUS SIGN}")


def of_release(release: Release, words: Words) -> Iterator[Made]:
    """Yield the cells of each estimate that has them, for the primary outcome."""
    outcome = release.study.primary
    for estimate in averages(release):
        rows = [r for r in released_rows(release, f"effects/{estimate}/cell") if r["outcome"] == outcome.name]
        cells = interval_points(rows, main_scale(outcome))
        if cells:
            title = words["figures.cohort_year.title"].format(
                outcome=words.outcome(outcome), method=words.method_title("estimation", estimate)
            )
            label = words["figures.cohort_year.year"].format(what=value_label(outcome, words))
            drawn = draw_cohort_year(cells, label, language=words.language)
            stem, alternative = f"cohort_year-{slug(estimate)}", words["figures.cohort_year.alternative"]
            yield Made(f"cohort_year/{estimate}", stem, title, alternative, drawn)
