"""What became of every record and firm."""

from markupsafe import Markup

from evalkit.model.evaluation import Row
from evalkit.reporting.page import Cell, Column, Page, Table
from evalkit.reporting.points import step_label

COUNTS = ("in", "kept", "quarantined", "collapsed")


def render(page: Page) -> Markup:
    """Render the section."""
    words = page.words
    columns = [
        Column(words["flow.step"], is_number=False),
        Column(words["flow.unit"], is_number=False),
        *(Column(words[f"flow.{name}"]) for name in COUNTS),
        Column(words["flow.reason"], is_number=False),
    ]
    rows = [_line(page, row) for row in page.release.tables["flow"]]
    table = Table(words["sections.flow"], columns, rows)
    return page.fill("flow.html.j2", table=table, notes=notes(page))


def _line(page: Page, row: Row) -> list[Cell]:
    words, labels = page.words, row.labels
    reasons = [_reason(page, reason) for reason in labels["reasons"]]
    return [
        step_label(labels["step"], labels["unit"], words),
        words.get(f"flow_units.{labels['unit']}", labels["unit"]),
        *(page.cell(row, name) for name in COUNTS),
        words["page.list"].join(reasons),
    ]


def _reason(page: Page, reason: str) -> str:
    """Put a reason into words; "outside the population: X" names a column."""
    head, colon, tail = reason.partition(": ")
    inner = f"{page.words.get(f'reasons.{head}', head)}{page.words['page.colon']}{page.words.column(tail)}"
    return page.words.get(f"reasons.{reason}", inner if colon else reason)


def notes(page: Page) -> list[Cell]:
    """Put the caveats of the sample and the estimates into words."""
    lines: list[Cell] = []
    for row in page.release.tables["notes"]:
        key, text = row.labels["key"], row.labels["text"]
        if page.words.get(f"notes.{key}", ""):
            named = next((o for o in page.release.study.outcome if o.name == text), None)
            label = page.words.outcome(named) if named else page.words.column(text)
            lines.append(page.say(f"notes.{key}", count=page.cell(row, "count"), text=label))
        else:
            lines.append(f"{key}{page.words['page.colon']}{text}" if text else key)
    return list(dict.fromkeys(lines))
