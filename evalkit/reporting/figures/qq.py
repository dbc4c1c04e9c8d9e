"""Quantiles of treated firms against those of the weighted controls."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from evalkit.reporting.figures.style import BLUE, INK, ORANGE, PALE, figure, style
from evalkit.reporting.words import words

QUANTILES = ("treated_before", "control_before", "treated", "control")


def draw_qq(points: Sequence[Mapping[str, float]], label: str, *, language: str = "en") -> Figure:
    """Draw binned quantiles of one characteristic; on the diagonal both groups have the same distribution.

    Parameters
    ----------
    points : sequence of mappings
        `treated_before`, `control_before`, `treated`, `control`: means of equal parts of each group, never a firm's
        value.
    label : str
        What the characteristic is called.
    language : {"en", "ja"}
        Language of labels.
    """
    text = words(language)
    with style(language):
        drawn, axes = figure(4.2)
        looks = (("_before", ORANGE, "s", "white", "before"), ("", BLUE, "o", BLUE, "after"))
        for suffix, colour, marker, fill, key in looks:
            axes.plot(
                [p[f"control{suffix}"] for p in points], [p[f"treated{suffix}"] for p in points], linestyle="",
                marker=marker, markersize=5, markeredgecolor=colour, markerfacecolor=fill,
                label=text[f"balance.{key}"], zorder=3,
            )  # fmt: skip
        start = min((p[name] for p in points for name in QUANTILES), default=0.0)
        axes.axline((start, start), slope=1.0, color=INK, linewidth=0.9, zorder=1)
        axes.set_xlabel(text["balance.qq_control"].format(column=label))
        axes.set_ylabel(text["balance.qq_treated"].format(column=label))
        axes.grid(color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)
        drawn.legend(loc="outside lower left", ncols=2, columnspacing=1.2, handletextpad=0.4)
    return drawn
