"""What became of every record and firm."""

from collections.abc import Sequence

from markupsafe import Markup

from evalkit.model.evaluation import Row
from evalkit.reporting.page import Cell, Column, Page, Table, Writer
from evalkit.reporting.points import step_label

COUNTS = ("in", "kept", "quarantined", "collapsed")


def render(page: Page) -> Markup:
    """Render the section."""
    return page.fill("flow.html.j2", table=steps(page, page.release.tables["flow"]), notes=notes(page))


def steps(writer: Writer, rows: Sequence[Row]) -> Table:
    """Return the table of all steps."""
    words = writer.words
    columns = [
        Column(words["flow.step"], is_number=False),
        Column(words["flow.unit"], is_number=False),
        *(Column(words[f"flow.{name}"]) for name in COUNTS),
        Column(words["flow.reason"], is_number=False),
    ]
    return Table(words["sections.flow"], columns, [_line(writer, row) for row in rows])


def _line(writer: Writer, row: Row) -> list[Cell]:
    words, labels = writer.words, row.labels
    reasons = [_reason(writer, row, k) for k in range(len(labels["reasons"]))]
    return [
        step_label(labels["step"], labels["unit"], words),
        words.get(f"flow_units.{labels['unit']}", labels["unit"]),
        *(writer.cell(row, name) for name in COUNTS),
        Markup(words["page.list"]).join(reasons),  # noqa: S704 - words of the language
    ]


def _reason(writer: Writer, row: Row, k: int) -> Cell:
    """Put a reason into words, with what was changed in place; "outside the population: X" names a column."""
    reason, words = row.labels["reasons"][k], writer.words
    head, colon, tail = reason.partition(": ")
    inner = f"{words.get(f'reasons.{head}', head)}{words['page.colon']}{words.column(tail)}"
    text = words.get(f"reasons.{reason}", inner if colon else reason)
    if f"changed_{k}" not in row.numbers:
        return text
    return Markup("{}{}{}").format(text, words["page.colon"], writer.cell(row, f"changed_{k}"))


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
    return list({Markup.escape(line).striptags(): line for line in lines}.values())
