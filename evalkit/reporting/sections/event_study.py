"""Effects by years since the award, with a figure for each outcome and estimate."""

from typing import Any

from markupsafe import Markup

from evalkit.model.study import Outcome
from evalkit.reporting.effect_rows import main_scale
from evalkit.reporting.numbers import MINUS
from evalkit.reporting.page import Column, Page, Table
from evalkit.reporting.points import averages


def render(page: Page) -> Markup:
    """Render the section."""
    names = averages(page.release)
    paths = [_path(page, name, outcome) for outcome in page.release.study.outcome for name in names]
    return page.fill(
        "event_study.html.j2",
        lead=page.say("event_study.lead", confidence=page.confidence),
        paths=[path for path in paths if path["table"].rows],
    )


def _path(page: Page, estimate: str, outcome: Outcome) -> dict[str, Any]:
    """Return the figure of one path and the table behind it."""
    words, scale = page.words, main_scale(outcome)
    columns = [
        Column(words["event_study.event_time"]),
        Column(words["event_study.effect"]),
        Column(words["event_study.interval"]),
        Column(words["event_study.simultaneous"]),
        Column(words["results.n_treated"]),
        Column(words["results.n_control"]),
    ]
    rows = [
        [
            str(row.labels["event_time"]).replace("-", MINUS),
            page.cell(row, scale),
            page.interval(row, f"{scale}_low", f"{scale}_high"),
            page.interval(row, f"{scale}_band_low", f"{scale}_band_high"),
            page.cell(row, "n_treated"),
            page.cell(row, "n_control"),
        ]
        for row in page.release.tables.get(f"effects/{estimate}/event_time", [])
        if row.labels["outcome"] == outcome.name
    ]
    title = words["event_study.figure"].format(
        outcome=words.outcome(outcome), method=words.method_title("estimation", estimate)
    )
    drawing = page.drawings.get(f"event_study/{estimate}/{outcome.name}")
    return {"title": title, "drawing": drawing, "table": Table(title, columns, rows)}
