"""Effects by years since the award."""

from collections.abc import Iterator, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evalkit.model.evaluation import Release
from evalkit.reporting.effect_rows import main_scale
from evalkit.reporting.figures.made import Made, slug
from evalkit.reporting.figures.style import BLUE, INK, ORANGE, PALE, QUIET, SKY, figure, style
from evalkit.reporting.points import averages, path_points, released_rows, value_label
from evalkit.reporting.words import Words, words

Point = Mapping[str, float | None]


def draw_event_study(
    points: Sequence[Point], y_label: str, *, title: str = "", reference: int | None = -1, language: str = "en"
) -> Figure:
    """Draw effects by event time with pointwise intervals and a simultaneous band.

    Parameters
    ----------
    points : sequence of mappings
        `event_time`, `estimate`, `low`, `high`, `band_low`, `band_high`; ends are None where unknown.
    y_label : str
        Label of the vertical axis.
    title : str
        Heading above the figure.
    reference : int or None
        The event time that others are compared with, drawn at zero when it has no point of its own.
    language : {"en", "ja"}
        Language of labels.
    """
    text = words(language)
    shown = sorted(points, key=lambda p: p["event_time"] or 0)
    with style(language):
        drawn, axes = figure(3.3)
        axes.axhline(0, color=INK, linewidth=0.9, zorder=1)
        axes.axvline(-0.5, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        _band(axes, shown, text["event_study.band"])
        for is_after, colour, marker, key in ((False, ORANGE, "s", "before"), (True, BLUE, "o", "after")):
            own = [p for p in shown if ((p["event_time"] or 0) >= 0) == is_after]
            _points(axes, own, (colour, marker, f"points_{key}"), text[f"event_study.{key}"])
        times = [int(p["event_time"] or 0) for p in shown]
        if reference is not None and times and reference not in times:
            hollow = {"marker": "s", "markersize": 5, "markerfacecolor": "white", "markeredgecolor": ORANGE}
            axes.plot([reference], [0], linestyle="", label=text["event_study.reference"], zorder=4, **hollow)  # type: ignore[arg-type]
            times.append(reference)
        axes.set_xlabel(text["event_study.event_time"])
        axes.set_ylabel(y_label)
        axes.set_title(title, loc="left")
        _ticks(axes, times)
        axes.margins(y=0.08)
        axes.grid(axis="y", color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)
        drawn.legend(loc="outside lower left", ncols=2, columnspacing=1.2, handletextpad=0.5)
    return drawn


def _band(axes: Axes, points: Sequence[Point], label: str) -> None:
    """Shade the band, once for each run of neighbouring points that have one."""
    run: list[tuple[float, float, float]] = []
    for point in [*points, {"event_time": None}]:
        time, low, high = (point.get(key) for key in ("event_time", "band_low", "band_high"))
        if run and (time is None or low is None or time - run[-1][0] != 1):
            x, bottom, top = zip(*(_edges(run)), strict=True)
            axes.fill_between(x, bottom, top, color=SKY, alpha=0.28, linewidth=0, label=label, zorder=2)
            run, label = [], "_again"
        if time is not None and low is not None and high is not None:
            run.append((time, low, high))


def _edges(run: Sequence[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Give the band a little width at both ends, so that a single point has one too."""
    (first, *_), (last, *_) = run[0], run[-1]
    return [(first - 0.18, *run[0][1:]), *run, (last + 0.18, *run[-1][1:])]


def _points(axes: Axes, points: Sequence[Point], look: tuple[str, str, str], label: str) -> None:
    if not points:
        return
    colour, marker, gid = look
    for point in points:
        if point["low"] is not None and point["high"] is not None:
            axes.vlines(point["event_time"] or 0, point["low"], point["high"], color=colour, linewidth=1.6, zorder=3)
    x, y = [p["event_time"] or 0 for p in points], [p["estimate"] or 0 for p in points]
    axes.plot(x, y, color=colour, marker=marker, markersize=5, linestyle="", label=label, zorder=4, gid=gid)


def _ticks(axes: Axes, times: Sequence[int]) -> None:
    """Label every year, or every other one and so on when there are many."""
    if times:
        step = max(1, -(-(max(times) - min(times)) // 12))
        axes.set_xticks([t for t in range(min(times), max(times) + 1) if t % step == 0])
        axes.set_xlim(min(times) - 0.6, max(times) + 0.6)


def of_release(release: Release, words: Words) -> Iterator[Made]:
    """Yield the path of each estimate and outcome of which at least one point may be shown."""
    reference = -1 - release.study.treatment.anticipation
    for estimate in averages(release):
        rows = released_rows(release, f"effects/{estimate}/event_time")
        for number, outcome in enumerate(release.study.outcome, start=1):
            path = path_points((r for r in rows if r["outcome"] == outcome.name), main_scale(outcome))
            if path:
                title = words["event_study.figure"].format(
                    outcome=words.outcome(outcome), method=words.method_title("estimation", estimate)
                )
                yield Made(
                    f"event_study/{estimate}/{outcome.name}",
                    f"event_study-{slug(estimate)}-{number}-{slug(outcome.name)}",
                    title, words["event_study.figure_alt"],
                    draw_event_study(path, value_label(outcome, words), reference=reference, language=words.language),
                )  # fmt: skip
