"""The figures of a release in one language, as files and as SVG that stands inside a page."""

import dataclasses
import re
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from evalkit.model.evaluation import Release
from evalkit.reporting import points
from evalkit.reporting.effect_rows import main_scale, outcome_of
from evalkit.reporting.numbers import shown
from evalkit.reporting.words import Words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True)
class Drawing:
    """One figure.

    Parameters
    ----------
    stem : str
        File name without language and ending.
    title, alternative : str
        Caption, and what a reader who does not see the figure is told.
    svg : str
        The figure as an SVG file.
    png : bytes
        The figure as a PNG file.
    """

    stem: str
    title: str
    alternative: str
    svg: str
    png: bytes

    @property
    def inline(self) -> str:
        """The figure as an SVG element for an HTML page: ids of its own, no address, title and description."""
        body = re.sub(r"^.*?<svg\b", "<svg", self.svg, count=1, flags=re.DOTALL)
        body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
        body = re.sub(r"<style\b.*?</style>", "", body, flags=re.DOTALL)
        body = re.sub(r' xmlns(:xlink)?="[^"]*"', "", body).replace("xlink:href=", "href=")
        body = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{self.stem}-", body)
        head = f'<svg role="img" aria-labelledby="{self.stem}-title {self.stem}-desc"'
        about = (
            f'<title id="{self.stem}-title">{escape(self.title)}</title>'
            f'<desc id="{self.stem}-desc">{escape(self.alternative)}</desc>'
        )
        return re.sub(r"^<svg\b([^>]*)>", lambda m: f"{head}{m[1]}>{about}", body, count=1)


def drawings(release: Release, words: Words) -> dict[str, Drawing]:
    """Draw all figures of a release.

    Returns
    -------
    dict
        "flow", "balance", "overlap", "covariate_path", "specification_curve" where the release has their table, and
        "event_study/<estimate>/<outcome>" where at least one point may be shown.
    """
    from evalkit.reporting.figures.style import to_png, to_svg

    made = {}
    for name, stem, figure in _figures(release, words):
        kind = name.split("/")[0]
        title = _path_title(name, release, words) if kind == "event_study" else words[f"{kind}.figure"]
        salt = f"{stem}.{words.language}"
        made[name] = Drawing(stem, title, words[f"{kind}.figure_alt"], to_svg(figure, salt), to_png(figure))
    return made


def _figures(release: Release, words: Words) -> Iterator[tuple[str, str, "Figure"]]:
    """Yield each figure with its name and file stem."""
    from evalkit.reporting.figures.flow import draw_flow
    from evalkit.reporting.figures.love_plot import draw_love_plot
    from evalkit.reporting.figures.overlap import draw_overlap

    language = words.language
    if release.tables["flow"]:
        steps = [
            {**values, "text": shown(release.numbers[row.numbers["kept"]], words)}
            for row, values in zip(release.tables["flow"], points.released_rows(release, "flow"), strict=True)
        ]
        yield "flow", "flow", draw_flow(points.flow_steps(steps, words), language=language)
    balance = points.released_rows(release, "checks/balance")
    if balance:
        is_matched = release.study.match.method != "none"
        lines = points.love_points(balance, words)
        yield "balance", "balance", draw_love_plot(lines, is_matched=is_matched, language=language)
    bins = points.released_rows(release, "checks/overlap")
    if bins:
        yield "overlap", "overlap", draw_overlap(bins, language=language)
    yield from _before(release, words)
    rows = points.released_rows(release, "checks/specification_curve")
    if any(row["estimate"] is not None for row in rows):
        from evalkit.reporting.figures.specification_curve import draw_specification_curve

        drawn = draw_specification_curve(rows, points.choice_label(words), language=language)
        yield "specification_curve", "specification_curve", drawn
    yield from _paths(release, words)


def _before(release: Release, words: Words) -> Iterator[tuple[str, str, "Figure"]]:
    """Yield the paths before the award of the outcome that the check on them names."""
    from evalkit.reporting.figures.covariate_path import draw_covariate_path

    told = release.tables.get("checks/covariate_path/values")
    name = told[0].labels.get("outcome", "") if told else ""
    rows = points.released_rows(release, "checks/covariate_path")
    path = [row for row in rows if row["outcome"] == name and row["mean_treated"] is not None]
    if path:
        outcome = outcome_of(release.study.outcome, name)
        label = words.get(f"scale_of.{outcome.transform}", "{column}").format(column=words.outcome(outcome))
        yield "covariate_path", "covariate_path", draw_covariate_path(path, label, language=words.language)


def _paths(release: Release, words: Words) -> Iterator[tuple[str, str, "Figure"]]:
    from evalkit.reporting.figures.event_study import draw_event_study

    reference = -1 - release.study.treatment.anticipation
    for estimate in points.estimates(release):
        rows = points.released_rows(release, f"effects/{estimate}/event_time")
        for number, outcome in enumerate(release.study.outcome, start=1):
            path = points.path_points((r for r in rows if r["outcome"] == outcome.name), main_scale(outcome))
            if path:
                stem = f"event_study-{_slug(estimate)}-{number}-{_slug(outcome.name)}"
                label = points.value_label(outcome, words)
                drawn = draw_event_study(path, label, reference=reference, language=words.language)
                yield f"event_study/{estimate}/{outcome.name}", stem, drawn


def _path_title(name: str, release: Release, words: Words) -> str:
    _, estimate, outcome = name.split("/", 2)
    label = words.outcome(outcome_of(release.study.outcome, outcome))
    return words["event_study.figure"].format(outcome=label, method=words.method_title("estimation", estimate))


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)
