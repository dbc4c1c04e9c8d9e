"""How the workbook looks, and that it is the same on every day."""

import datetime
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from evalkit.reporting.document import Document
from evalkit.reporting.formats.columns import cells
from evalkit.reporting.tables import STARTS_A_FORMULA

FIRST_DAY = "1980-01-01"
"""Stands in the properties of an edition without a day; no clock is read."""
LONGEST_NAME = 31
"""Most characters of a sheet's name."""
A4 = 9
"""The number of the paper size in the file format."""
LINE_HEIGHT = 14.5
"""Of letters of 10 points, in points."""
LOUD = {"title": 1.7, "section": 1.4, "finding": 1.25}
"""How much higher lines of larger letters are."""
QUIET, ACCENT, PALE, WARN = "#56606E", "#1F4E79", "#F4F6F9", "#8A5A00"
FONTS = {"en": "Calibri", "ja": "Yu Gothic"}
HEAD = {"bold": True, "text_wrap": True, "bottom": 2, "bottom_color": ACCENT, "valign": "bottom"}
LOOKS: dict[str, dict[str, Any]] = {
    "text": {"text_wrap": True}, "year": {"align": "left"},
    "quiet": {"text_wrap": True, "font_color": QUIET, "font_size": 9},
    "title": {"bold": True, "font_size": 16, "font_color": ACCENT, "text_wrap": True},
    "section": {"bold": True, "font_size": 13, "font_color": ACCENT, "text_wrap": True},
    "heading": {"bold": True, "text_wrap": True}, "caption": {"bold": True, "font_size": 11}, "plain": {},
    "finding": {"bold": True, "font_size": 12, "text_wrap": True, "bg_color": PALE},
    "status": {"font_color": WARN, "bold": True, "text_wrap": True}, "link": {"font_color": ACCENT, "underline": 1},
    "head": HEAD, "number_head": {**HEAD, "align": "right", "indent": 1},
    "number": {"align": "right", "indent": 1},
}  # fmt: skip


class Looks:
    """The cell formats of a workbook, each made once."""

    def __init__(self, book: Any, language: str) -> None:  # noqa: ANN401 - xlsxwriter has no types here
        self._book, self._font = book, FONTS[language]
        self._made: dict[tuple[Any, ...], Any] = {}

    def of(self, name: str, text: str = "", code: str = "") -> Any:  # noqa: ANN401
        """Return a look for a text; one that could be taken for a formula stays text when it is edited."""
        key = (name, text.startswith(STARTS_A_FORMULA), code)
        if key not in self._made:
            rules = {"font_name": self._font, "font_size": 10, "valign": "top", **LOOKS[name]}
            rules |= {"quote_prefix": True} if key[1] else {}
            rules |= {"num_format": code} if code else {}
            self._made[key] = self._book.add_format(rules)
        return self._made[key]


def open_workbook(path: Path | Any, document: Document) -> Any:  # noqa: ANN401
    """Return an empty workbook in which no text becomes a formula, a link or a number."""
    import xlsxwriter

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    book = xlsxwriter.Workbook(path, options)
    day = datetime.datetime.fromisoformat(document.date or FIRST_DAY)
    book.set_properties({"title": document.title[:255], "author": "evalkit", "created": day})
    return book


def on_paper(sheet: Any) -> None:  # noqa: ANN401
    """Print a sheet on A4, as wide as the page."""
    sheet.set_paper(A4)
    sheet.fit_to_pages(1, 0)
    sheet.hide_gridlines(2)


def height(texts: Iterable[tuple[str, int]]) -> float:
    """Return how high a row must be, in points, for texts in cells of given widths; few programs find out."""
    lines = (sum(max(1, math.ceil(cells(line) / width)) for line in text.split("\n")) for text, width in texts)
    return 2 + LINE_HEIGHT * max(lines, default=1)


def line_height(text: str, width: int, look: str) -> float:
    """Return how high a line of text must be, in points; larger letters are higher, and fewer stand beside another."""
    loud = LOUD.get(look, 1)
    return loud * height([(text, int(width / loud))])


def sheet_name(wanted: str, number: int) -> str:
    """Return a name that spreadsheet programs accept, and no other sheet has: its number and a title."""
    clean = re.sub(r"[\[\]:*?/\\']", " ", wanted)
    return f"{number} {' '.join(clean.split())}"[:LONGEST_NAME].rstrip()
