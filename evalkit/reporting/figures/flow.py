"""Records and firms kept at each step."""

from collections.abc import Iterator, Mapping, Sequence

from matplotlib.figure import Figure

from evalkit.model.evaluation import Release
from evalkit.reporting.figures.made import Made
from evalkit.reporting.figures.style import BLUE, INK, PALE, QUIET, SKY, figure, style
from evalkit.reporting.numbers import shown
from evalkit.reporting.points import flow_steps, released_rows
from evalkit.reporting.words import HIDDEN, Words, words


def draw_flow(steps: Sequence[Mapping[str, str | float | None]], *, language: str = "en") -> Figure:
    """Draw one bar per step: the shares kept, set aside and merged of what went in, with the number kept.

    Parameters
    ----------
    steps : sequence of mappings
        `label`, `in`, `kept`, `quarantined`, `collapsed`, and `text`, the number kept as written in the report. A step
        with a hidden count has an empty bar.
    language : {"en", "ja"}
        Language of labels.
    """
    text = words(language)
    parts = (("kept", BLUE, ""), ("collapsed", SKY, ".."), ("quarantined", PALE, "///"))
    with style(language):
        drawn, axes = figure(1.0 + 0.3 * len(steps))
        for key, colour, hatch in parts:
            left, width = [], []
            for step in steps:
                shares = _shares(step)
                place = [k for k, *_ in parts].index(key)
                left.append(sum(shares[:place]))
                width.append(shares[place])
            axes.barh(
                range(len(steps)), width, left=left, height=0.62, facecolor=colour, edgecolor="white", hatch=hatch,
                linewidth=0.5, label=text[f"flow.{key}"],
            )  # fmt: skip
        for y, step in enumerate(steps):
            axes.text(
                1.02, y, str(step["text"]), va="center", ha="left", color=QUIET if step["text"] == HIDDEN else INK
            )
        axes.set_yticks(range(len(steps)), [str(s["label"]) for s in steps])
        axes.set_xlim(0, 1)
        axes.set_xticks([])
        axes.invert_yaxis()
        for side in ("bottom", "left"):
            axes.spines[side].set_visible(False)
        axes.tick_params(axis="y", length=0)
        drawn.legend(loc="outside lower left", ncols=3, columnspacing=1.2, handletextpad=0.5)
    return drawn


def _shares(step: Mapping[str, str | float | None]) -> list[float]:
    total = step["in"]
    counts = [step[key] for key in ("kept", "collapsed", "quarantined")]
    if not total or None in counts:
        return [0.0, 0.0, 0.0]
    return [float(n or 0) / float(total) for n in counts]


def of_release(release: Release, words: Words) -> Iterator[Made]:
    """Yield the flow of a release."""
    if release.tables["flow"]:
        steps = [
            {**values, "text": shown(release.numbers[row.numbers["kept"]], words)}
            for row, values in zip(release.tables["flow"], released_rows(release, "flow"), strict=True)
        ]
        drawn = draw_flow(flow_steps(steps, words), language=words.language)
        yield Made("flow", "flow", words["flow.figure"], words["flow.figure_alt"], drawn)
