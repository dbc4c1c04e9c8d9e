"""A number by prefecture, on tiles in the shape of Japan."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib import colormaps
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.figure import Figure

from evalkit.model.evaluation import Release
from evalkit.reporting.effect_rows import main_scale
from evalkit.reporting.figures.made import Made, slug
from evalkit.reporting.figures.prefectures import PLACES, SHORT, prefecture_code
from evalkit.reporting.figures.style import INK, QUIET, figure, style
from evalkit.reporting.points import estimates, interval_points, released_rows, value_label
from evalkit.reporting.words import Words, words

FEWEST = 5
"""Levels of a category that are prefectures, before it is drawn as a map."""
NOTHING = "\N{EN DASH}"
"""On tiles without a number."""
PALEST, STRONGEST = 0.08, 0.6
"""Of the colours' range: tiles stay light enough for the numbers on them."""


def draw_tile_map(
    values: Mapping[str, float | None], label: str, *, is_signed: bool = False, language: str = "en"
) -> Figure:  # fmt: skip
    """Draw a tile for each prefecture with its number.

    Parameters
    ----------
    values : dict of code to float or None
        By code of the prefecture, "01" to "47"; None, or no entry, where there is no number to show.
    label : str
        What the numbers are.
    is_signed : bool
        Whether zero is the middle of the colours.
    language : {"en", "ja"}
        Language of labels.
    """
    text = words(language)
    known = {code: value for code, value in values.items() if value is not None}
    widest = max(map(abs, known.values()), default=0.0) or 1.0
    decimals = 0 if widest >= 100 else 1
    with style(language):
        drawn, axes = figure(3.9)
        for code, (x, y) in PLACES.items():
            value = known.get(code)
            face = "white" if value is None else _colour(value, widest, is_signed=is_signed)
            axes.fill_between([x + 0.03, x + 0.97], y + 0.03, y + 0.97, facecolor=face, edgecolor=QUIET, linewidth=0.5)
            shown = NOTHING if value is None else f"{value:.{decimals}f}".replace("-", "\N{MINUS SIGN}")
            for lower, size, part in ((0.33, 5.6, SHORT[language][code]), (0.70, 6.4, shown)):
                axes.text(x + 0.5, y + lower, part, ha="center", va="center", fontsize=size, color=INK)
        axes.set_xlim(0, 14)
        axes.set_ylim(11, 0)
        axes.set_aspect("equal")
        axes.set_axis_off()
        axes.text(0.1, 0.5, label, ha="left", va="top", wrap=True)
        note = text["figures.tile_map.hidden"]
        axes.text(0.1, 1.6, f"{NOTHING}{text['page.colon']}{note}", ha="left", va="top", fontsize=7.5, color=QUIET)
    return drawn


def _colour(value: float, widest: float, *, is_signed: bool) -> Any:  # noqa: ANN401 - matplotlib's colours
    if is_signed:
        return colormaps["PuOr"](1.0 - TwoSlopeNorm(0.0, -widest / STRONGEST, widest / STRONGEST)(value))
    return colormaps["Blues"](PALEST + (STRONGEST - PALEST) * Normalize(0.0, widest)(value))


def by_prefecture(rows: Sequence[Mapping[str, Any]], name: str, quantity: str) -> dict[str, float | None]:
    """Return numbers by the prefecture that a label names; nothing when fewer than five rows name one."""
    coded = [(prefecture_code(str(row.get(name, ""))), row[quantity]) for row in rows]
    found = {code: value for code, value in coded if code is not None}
    return found if len(found) >= FEWEST else {}


def of_release(release: Release, words: Words) -> Iterator[Made]:
    """Yield where the supported firms are, and effects by prefecture, where the release has them."""
    alternative = words["figures.tile_map.alternative"]
    shares = [{**r, "share": _percent(r)} for r in released_rows(release, "checks/balance")]
    where = by_prefecture(shares, "level", "share")
    if any(value is not None for value in where.values()):
        label, title = (words[f"figures.tile_map.reach_{key}"] for key in ("label", "title"))
        drawn = draw_tile_map(where, label, language=words.language)
        yield Made("tile_map", "tile_map", title, alternative, drawn)
    outcome = release.study.primary
    for estimate in estimates(release):
        rows = [r for r in released_rows(release, f"effects/{estimate}/group") if r["outcome"] == outcome.name]
        effects = by_prefecture(interval_points(rows, main_scale(outcome)), "group", "estimate")
        if effects:
            title = words["figures.tile_map.effect_title"].format(outcome=words.outcome(outcome))
            drawn = draw_tile_map(effects, value_label(outcome, words), is_signed=True, language=words.language)
            yield Made(f"tile_map/{estimate}", f"tile_map-{slug(estimate)}", title, alternative, drawn)


def _percent(row: Mapping[str, Any]) -> float | None:
    share = row["mean_treated_before"]
    return None if share is None else 100 * float(share)
