"""Standardised mean differences, before and after matching."""

from collections.abc import Iterator, Mapping, Sequence

from matplotlib.figure import Figure

from evalkit.model.evaluation import Release
from evalkit.reporting.figures.made import Made
from evalkit.reporting.figures.style import BLUE, INK, ORANGE, PALE, QUIET, figure, style
from evalkit.reporting.points import love_points, released_rows
from evalkit.reporting.words import Words, words

ALIKE = 0.1


def draw_love_plot(
    points: Sequence[Mapping[str, str | float | None]], *, is_matched: bool = True, language: str = "en"
) -> Figure:
    """Draw absolute standardised mean differences, one line per characteristic.

    Parameters
    ----------
    points : sequence of mappings
        `label`, `before` and `after`; a difference is None where unknown.
    is_matched : bool
        Whether matching changed the firms; without matching, one dot per line.
    language : {"en", "ja"}
        Language of labels.
    """
    text = words(language)
    ordered = sorted(points, key=lambda p: (abs(float(p["before"] or 0)), str(p["label"])))
    with style(language):
        drawn, axes = figure(1.3 + 0.26 * len(ordered))
        axes.axvline(0, color=INK, linewidth=0.9)
        axes.axvline(ALIKE, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)))
        looks = [("before", ORANGE, "s", "white")] + ([("after", BLUE, "o", BLUE)] if is_matched else [])
        for key, colour, marker, fill in looks:
            known = [(abs(float(p[key] or 0)), y) for y, p in enumerate(ordered) if p[key] is not None]
            x, y = zip(*known, strict=True) if known else ((), ())
            axes.plot(
                x, y, linestyle="", marker=marker, markersize=6, markeredgecolor=colour, markerfacecolor=fill,
                label=text[f"balance.{key}"], zorder=3,
            )  # fmt: skip
        axes.set_yticks(range(len(ordered)), [str(p["label"]) for p in ordered])
        axes.set_ylim(-0.6, len(ordered) - 0.4)
        axes.set_xlim(left=-0.01)
        axes.set_xlabel(text["balance.axis"], loc="right")
        axes.grid(axis="y", color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)
        if is_matched:
            drawn.legend(loc="outside lower left", ncols=2, columnspacing=1.2, handletextpad=0.4)
    return drawn


def of_release(release: Release, words: Words) -> Iterator[Made]:
    """Yield the balance of a release."""
    balance = released_rows(release, "checks/balance")
    if balance:
        is_matched = release.study.match.method != "none"
        drawn = draw_love_plot(love_points(balance, words), is_matched=is_matched, language=words.language)
        yield Made("balance", "balance", words["balance.figure"], words["balance.figure_alt"], drawn)
