"""What lets the figures of a page answer: a script of our own, and what it may tell, all of it in the page already."""

import base64
import dataclasses
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from string import Formatter
from typing import Any

from markupsafe import Markup

from evalkit.model.evaluation import Row
from evalkit.reporting.curve_by_choice import choices_made
from evalkit.reporting.effect_rows import main_scale
from evalkit.reporting.page import Page
from evalkit.reporting.points import choice_label, estimates

SCRIPT = Path(__file__).parent / "templates" / "interactive.js"
CURVE = "specification_curve"
Piece = tuple[str, str]
"""A text, and the id of its number; no id for words."""


@dataclasses.dataclass(frozen=True)
class Interactive:
    """The script, what the page's policy knows it by, and its data as JSON; all of it ready to stand in the page."""

    script: Markup
    source: str
    points: Markup


def interactive(page: Page) -> Interactive:
    """Return what makes the event studies and the specification curve of a page answer to pointer and keyboard."""
    script = SCRIPT.read_text(encoding="utf-8")
    digest = base64.b64encode(sha256(script.encode()).digest()).decode()
    words = {key: page.words[f"interactive.{key}"] for key in ("point", "filter", "all")}
    data = {"words": words, "figures": [*_event_studies(page), *_curve(page)]}
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Interactive(Markup(script), f"'sha256-{digest}'", Markup(text))  # noqa: S704 - ours, and without markup


def _event_studies(page: Page) -> Iterator[dict[str, Any]]:
    for name in estimates(page.release):
        for outcome in page.release.study.outcome:
            drawing = page.drawings.get(f"event_study/{name}/{outcome.name}")
            scale = main_scale(outcome)
            rows = page.release.tables.get(f"effects/{name}/event_time", [])
            own = [row for row in rows if row.labels["outcome"] == outcome.name and page.tells(row, scale)]
            own.sort(key=lambda row: int(row.labels["event_time"]))
            if drawing is not None:
                points = [{"told": _year(page, row, scale), "choices": []} for row in own]
                yield {"stem": drawing.stem, "points": points, "choices": []}


def _year(page: Page, row: Row, scale: str) -> list[Piece]:
    """Say the effect of one year; ends of the band that are not known are left out."""
    quantities = {"effect": scale, "low": f"{scale}_low", "high": f"{scale}_high"}
    band = {"band_low": f"{scale}_band_low", "band_high": f"{scale}_band_high"}
    told = _said(page, "interactive.year", row, quantities, str(row.labels["event_time"]))
    has_band = all(page.tells(row, quantity) for quantity in band.values())
    return [*told, *(_said(page, "interactive.band", row, band) if has_band else [])]


def _curve(page: Page) -> Iterator[dict[str, Any]]:
    """Say the effects of all specifications in order of their size, as they are drawn."""
    drawing = page.drawings.get(CURVE)
    if drawing is None:
        return
    release, label = page.release, choice_label(page.words)
    rows = [row for row in release.tables[f"checks/{CURVE}"] if page.tells(row, "estimate")]
    rows.sort(key=lambda row: release.value(row, "estimate") or 0.0)
    choices = choices_made([row.labels for row in rows])
    quantities = {"effect": "estimate", "low": "conf_low", "high": "conf_high"}
    points = []
    for place, row in enumerate(rows, start=1):
        own = [i for i, (choice, value) in enumerate(choices) if str(row.labels.get(choice)) == value]
        made = page.words["page.list"].join(label(*choices[i]) for i in own)
        told = _said(page, "interactive.specification", row, quantities, str(place))
        points.append({"told": [*told, (made, "")], "choices": own})
    yield {"stem": drawing.stem, "points": points, "choices": [label(*pair) for pair in choices]}


def _said(page: Page, key: str, row: Row, quantities: dict[str, str], place: str = "") -> list[Piece]:
    """Fill a sentence with the numbers of a row, each with its id."""
    told: list[Piece] = []
    for text, field, *_ in Formatter().parse(page.words[key]):
        told += [(text, "")] if text else []
        if field == "place":
            told.append((place, ""))
        elif field is not None:
            quantity = quantities[field]
            told.append((str(page.cell(row, quantity).striptags()), row.numbers.get(quantity, "")))
    return told
