"""Lines and tables of a Word document, written as elements of its XML."""

import copy
import hashlib
from typing import Any, Literal

from evalkit.reporting.document import Inline, Run, Table
from evalkit.reporting.formats.columns import SHORT, letters, shares
from evalkit.reporting.formats.word_style import LINE, QUIET, VERDICTS, cell_style

TWENTIETHS = 20
"""Word measures in twentieths of a point."""


def bookmark(number_id: str) -> str:
    """Return what the bookmarks of a number begin with: a hash of its id, since Word takes 40 characters only."""
    return f"n_{hashlib.sha256(number_id.encode()).hexdigest()[:24]}"


class Names:
    """Sets bookmarks; each has a number of its own."""

    def __init__(self) -> None:
        self._n = 0

    def around(self, line: Any, name: str) -> None:  # noqa: ANN401 - elements of python-docx have no types
        """Put a bookmark around all that stands in a paragraph."""
        start, end = self.pair(name)
        line._p.insert(1 if line._p.pPr is not None else 0, start)
        line._p.append(end)

    def pair(self, name: str) -> tuple[Any, Any]:
        """Return the two ends of a bookmark."""
        from docx.oxml import OxmlElement
        from docx.oxml.ns import qn

        start, end = OxmlElement("w:bookmarkStart"), OxmlElement("w:bookmarkEnd")
        for element in (start, end):
            element.set(qn("w:id"), str(self._n))
        start.set(qn("w:name"), name)
        self._n += 1
        return start, end

    def of_number(self, number_id: str) -> tuple[Any, Any]:
        """Return the two ends of a bookmark of a number; one that stands twice has two."""
        return self.pair(f"{bookmark(number_id)}_{self._n}")


def put(line: Any, text: Inline, names: Names) -> None:  # noqa: ANN401
    """Write runs at the end of a paragraph."""
    for run in text:
        start, end = names.of_number(run.number.id) if run.number else (None, None)
        if start is not None:
            line._p.append(start)
        written = line.add_run(run.text)._r
        _look(line, run)
        if run.target:
            _link(line._p, written, run.target)
        if end is not None:
            line._p.append(end)


def _look(line: Any, run: Run) -> None:  # noqa: ANN401
    from docx.shared import RGBColor

    font = line.runs[-1].font
    if run.is_strong or run.badge:
        font.bold = True
    if run.is_code:
        line.runs[-1].style = "Code"
    if run.badge:
        font.color.rgb = RGBColor.from_string(VERDICTS.get(run.badge, QUIET))


def _link(paragraph: Any, written: Any, target: str) -> None:  # noqa: ANN401
    """Make a run lead to a bookmark of the same document."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    link = OxmlElement("w:hyperlink")
    link.set(qn("w:anchor"), target)
    paragraph.append(link)
    link.append(written)


def add_table(word: Any, table: Table, names: Names) -> None:  # noqa: ANN401
    """Write a table whose head is repeated on every page and whose rows are never broken; nor is a short table."""
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    size = letters(table, LINE)
    given = [round(width * TWENTIETHS) for width in shares(table, LINE, size)]
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in given)
    made = parse_xml(
        f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblStyle w:val="Report"/><w:tblW w:w="{sum(given)}" w:type="dxa"/>'
        f'<w:tblLayout w:type="fixed"/><w:tblLook w:firstRow="1" w:firstColumn="1" w:noVBand="1"/></w:tblPr>'
        f"<w:tblGrid>{grid}</w:tblGrid></w:tbl>"
    )
    word.element.body.insert_element_before(made, "w:sectPr")
    kept = len(table.rows) - 1 if len(table.rows) <= SHORT else 1
    head, first, rest = (_row(table, given, cell_style(size), kind) for kind in ("head", "kept", ""))
    _fill(word, made, head, (tuple(column.title for column in table.columns),), names)
    _fill(word, made, first, table.rows[:kept], names)
    _fill(word, made, rest, table.rows[kept:], names)


def _row(table: Table, given: list[int], style: str, kind: Literal["head", "kept", ""]) -> Any:  # noqa: ANN401
    """Return an empty row: the head, one that stays on a page with the next, or any."""
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    keep = "<w:keepNext/>" if kind else ""
    cells = "".join(
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr><w:p><w:pPr><w:pStyle w:val="{style}"/>'
        f'{keep}<w:jc w:val="{"right" if column.is_number else "left"}"/></w:pPr></w:p></w:tc>'
        for width, column in zip(given, table.columns, strict=True)
    )
    head = "<w:tblHeader/>" if kind == "head" else ""
    return parse_xml(f"<w:tr {nsdecls('w')}><w:trPr><w:cantSplit/>{head}</w:trPr>{cells}</w:tr>")


def _fill(word: Any, made: Any, empty: Any, rows: tuple[tuple[Inline, ...], ...], names: Names) -> None:  # noqa: ANN401
    """Add rows to a table, each a copy of an empty one."""
    from docx.text.paragraph import Paragraph

    for row in rows:
        line = copy.deepcopy(empty)
        made.append(line)
        for cell, text in zip(line.tc_lst, row, strict=True):
            put(Paragraph(cell.p_lst[0], word._body), text, names)
