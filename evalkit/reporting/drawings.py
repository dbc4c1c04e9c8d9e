"""The figures of a release in one language, as files and as SVG that stands inside a page."""

import dataclasses
import re
from functools import cached_property
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING

from evalkit.model.evaluation import Release
from evalkit.reporting.words import Words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = (
    "flow", "love_plot", "overlap", "covariate_path", "specification_curve", "event_study", "cohort_year", "forest",
    "dose_response", "honest_did", "bacon", "tile_map",
)  # fmt: skip
"""Files in `reporting/figures` that draw something of a release."""


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
    figure : Figure
        The figure itself.
    """

    stem: str
    title: str
    alternative: str
    svg: str
    figure: "Figure"

    @cached_property
    def png(self) -> bytes:
        """The figure as a PNG file, which an HTML page does not need."""
        from evalkit.reporting.figures.style import to_png

        return to_png(self.figure)

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
    """Draw all figures of a release, by name.

    Each file of `FIGURES` says which of its figures a release has: `of_release(release, words)` yields them.
    """
    from evalkit.reporting.figures.style import to_svg

    made = {}
    for module in FIGURES:
        for one in import_module(f"evalkit.reporting.figures.{module}").of_release(release, words):
            svg = to_svg(one.figure, f"{one.stem}.{words.language}")
            made[one.name] = Drawing(one.stem, one.title, one.alternative, svg, one.figure)
    return made
