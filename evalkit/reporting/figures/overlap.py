"""Propensity scores of the two groups, as a mirrored histogram."""

from collections.abc import Iterator, Mapping, Sequence

from matplotlib.figure import Figure

from evalkit.model.evaluation import Release
from evalkit.reporting.figures.made import Made
from evalkit.reporting.figures.style import BLUE, INK, ORANGE, PALE, figure, style
from evalkit.reporting.points import released_rows
from evalkit.reporting.words import Words, words


def draw_overlap(bins: Sequence[Mapping[str, float | None]], *, language: str = "en") -> Figure:
    """Draw the share of each group per unit of score: treated above the line, controls below.

    Parameters
    ----------
    bins : sequence of mappings
        `low`, `high`, `n_treated`, `n_control`; a bin with a hidden count is left out.
    language : {"en", "ja"}
        Language of labels.
    """
    text = words(language)
    known = [{k: float(v) for k, v in b.items() if v is not None} for b in bins if None not in b.values()]
    with style(language):
        drawn, axes = figure(2.8)
        for key, sign, colour, hatch in (("n_treated", 1, BLUE, ""), ("n_control", -1, ORANGE, "///")):
            total = sum(b[key] for b in known) or 1.0
            widths = [b["high"] - b["low"] for b in known]
            heights = [sign * b[key] / total / w for b, w in zip(known, widths, strict=True)]
            axes.bar(
                [b["low"] for b in known], heights, width=widths, align="edge", facecolor=colour, alpha=0.75,
                edgecolor="white", linewidth=0.5, hatch=hatch, label=text[f"overlap.{key}"],
            )  # fmt: skip
        axes.axhline(0, color=INK, linewidth=0.9)
        axes.set_xlabel(text["overlap.score"])
        axes.set_ylabel(text["overlap.density"])
        axes.yaxis.set_major_formatter(lambda y, _: f"{abs(y):g}")
        axes.grid(axis="y", color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)
        drawn.legend(loc="outside lower left", ncols=2, columnspacing=1.2, handletextpad=0.5)
    return drawn


def of_release(release: Release, words: Words) -> Iterator[Made]:
    """Yield the propensity scores of a release."""
    bins = released_rows(release, "checks/overlap")
    if bins:
        drawn = draw_overlap(bins, language=words.language)
        yield Made("overlap", "overlap", words["overlap.figure"], words["overlap.figure_alt"], drawn)
