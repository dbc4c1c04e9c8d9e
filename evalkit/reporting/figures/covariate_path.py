"""Means of treated firms and of weighted controls in the years before the award."""

from collections.abc import Iterator, Mapping, Sequence

from matplotlib.figure import Figure

from evalkit.model.evaluation import Release
from evalkit.reporting.effect_rows import outcome_of
from evalkit.reporting.figures.made import Made
from evalkit.reporting.figures.style import BLUE, ORANGE, PALE, figure, style
from evalkit.reporting.points import released_rows
from evalkit.reporting.words import Words, words


def draw_covariate_path(points: Sequence[Mapping[str, float]], label: str, *, language: str = "en") -> Figure:
    """Draw the mean of one outcome by event time before the award, for both groups.

    Parameters
    ----------
    points : sequence of mappings
        `event_time`, `mean_treated`, `mean_control`.
    label : str
        What the outcome and its scale are called.
    language : {"en", "ja"}
        Language of labels.
    """
    text = words(language)
    shown = sorted(points, key=lambda p: p["event_time"])
    with style(language):
        drawn, axes = figure(3.0)
        for group, colour, marker, line in (("treated", BLUE, "o", "-"), ("control", ORANGE, "s", (0, (4, 3)))):
            axes.plot(
                [p["event_time"] for p in shown], [p[f"mean_{group}"] for p in shown], color=colour, marker=marker,
                markersize=5, linestyle=line, linewidth=1.4, label=text[f"overlap.n_{group}"],
            )  # fmt: skip
        axes.set_xticks([int(p["event_time"]) for p in shown])
        axes.set_xlabel(text["event_study.event_time"])
        axes.set_ylabel(label)
        axes.margins(y=0.08)
        axes.grid(axis="y", color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)
        drawn.legend(loc="outside lower left", ncols=2, columnspacing=1.2, handletextpad=0.5)
    return drawn


def of_release(release: Release, words: Words) -> Iterator[Made]:
    """Yield the paths before the award of the outcome that the check on them names."""
    told = release.tables.get("checks/covariate_path/values")
    name = told[0].labels.get("outcome", "") if told else ""
    rows = released_rows(release, "checks/covariate_path")
    path = [row for row in rows if row["outcome"] == name and row["mean_treated"] is not None]
    if path:
        outcome = outcome_of(release.study.outcome, name)
        label = words.get(f"scale_of.{outcome.transform}", "{column}").format(column=words.outcome(outcome))
        drawn = draw_covariate_path(path, label, language=words.language)
        title, alternative = words["covariate_path.figure"], words["covariate_path.figure_alt"]
        yield Made("covariate_path", "covariate_path", title, alternative, drawn)
