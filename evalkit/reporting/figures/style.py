"""How figures look, and how they become bytes that are the same everywhere."""

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evalkit.errors import ResourceError
from evalkit.reporting.figures.fonts import japanese_font

BLUE, ORANGE, GREEN, SKY = "#0072B2", "#D55E00", "#009E73", "#56B4E9"
"""Okabe and Ito (2008): told apart with any colour vision, and by lightness in grey."""
INK, QUIET, PALE = "#222222", "#6b7280", "#d7dce3"
WIDTH = 4.5
"""Inches; small enough that the text is readable when the figure fills a telephone's screen."""
JAPANESE = "IPAexGothic"


class ReportFigure(Figure):
    """A matplotlib figure that shows itself in a notebook without pyplot."""

    def _repr_png_(self) -> bytes:
        return to_png(self)


@contextmanager
def style(language: str) -> Iterator[None]:
    """Hold the report's style while a figure is made; settings outside stay as they are.

    Raises
    ------
    ResourceError
        The Japanese font is not installed (`E_FONT`).
    """
    families = [_japanese_font(), "DejaVu Sans"]
    rules = {
        "font.family": families if language == "ja" else families[::-1],
        "font.size": 9, "axes.titlesize": 9.5, "axes.labelsize": 9, "legend.fontsize": 8.5, "text.parse_math": False,
        "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "axes.edgecolor": QUIET,
        "axes.linewidth": 0.8, "axes.spines.top": False, "axes.spines.right": False, "axes.unicode_minus": True,
        "legend.frameon": False, "figure.facecolor": "white", "axes.facecolor": "white",
    }  # fmt: skip
    with mpl.rc_context(_settings(rules)):
        yield


def figure(height: float) -> tuple[Figure, Axes]:
    """Return an empty figure of the report's width and its axes."""
    drawn = ReportFigure(figsize=(WIDTH, height), layout="constrained")
    return drawn, drawn.subplots()


def to_svg(drawn: Figure, salt: str) -> str:
    """Return the figure as SVG text, letters as outlines, without date; `salt` makes its ids its own."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with _no_missing_glyph(), mpl.rc_context(_settings({"svg.fonttype": "path", "svg.hashsalt": salt})):
        drawn.savefig(buffer, format="svg", metadata=nothing)
    return buffer.getvalue()


def to_png(drawn: Figure) -> bytes:
    """Return the figure as PNG bytes, without the name of the software."""
    buffer = io.BytesIO()
    with _no_missing_glyph(), mpl.rc_context(_settings({})):
        drawn.savefig(buffer, format="png", dpi=200, metadata={"Software": None})
    return buffer.getvalue()


def _settings(rules: Mapping[str, Any]) -> Any:  # noqa: ANN401 - matplotlib types its keys one by one
    """Return matplotlib's own settings and ours, whatever the user's are, without those of the session."""
    session = ("backend", "backend_fallback", "interactive")
    return {key: value for key, value in mpl.rcParamsDefault.items() if key not in session} | dict(rules)


@cache
def _japanese_font() -> str:
    """Register the Japanese font and return its name."""
    font_manager.fontManager.addfont(japanese_font())
    return JAPANESE


@contextmanager
def _no_missing_glyph() -> Iterator[None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    missing = sorted({str(w.message).split(" missing")[0] for w in caught if "missing from" in str(w.message)})
    if missing:
        raise ResourceError(
            f"{len(missing)} characters of a figure are in no font at hand", where=", ".join(missing[:5]),
            code="E_FONT", hint="use other characters in the study's titles and labels",
        )  # fmt: skip
