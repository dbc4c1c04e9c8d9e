"""The report as a workbook: its text on one sheet, a sheet for each table, the figures, and all numbers with ids."""

import dataclasses
import io
import math
import re
from collections import defaultdict
from functools import singledispatchmethod
from pathlib import Path
from typing import Any

from evalkit.model import store
from evalkit.model.evaluation import Number
from evalkit.reporting.document import (
    Block,
    Bullets,
    Callout,
    Document,
    Figure,
    Heading,
    Inline,
    Paragraph,
    Run,
    Section,
    Table,
    Terms,
    plain,
)  # fmt: skip
from evalkit.reporting.formats.number_formats import number_format
from evalkit.reporting.formats.sheet_columns import SheetColumn, sheet_columns
from evalkit.reporting.formats.workbook_style import Looks, height, line_height, on_paper, open_workbook, sheet_name
from evalkit.reporting.words import HIDDEN, Words, words

TEXT_WIDTH = 74
"""Width of the text, in characters: that of a page of A4."""
SCALE = 1.2
"""Of figures on their sheet."""
PIXELS, ROW = 96 / 200, 20
"""Pixels of a screen for one of a figure, and the height of a row in them."""
NUMBERS = {"id": 60, "value": 22, "unit": 16, "printed": 26, "where": 40}
"""Columns of the sheet of numbers, with their widths."""
YEAR_OR_COUNT = re.compile(r"[-−]?(0|[1-9]\d{0,3})")
"""Labels that are numbers: years, years since the award."""


MOST_ROWS = 1_048_576 - 2
"""Rows of a table on one sheet, below its caption and heads."""


def parts(n_rows: int) -> list[slice]:
    """Return which rows of a table go on each sheet; one empty part where there are none."""
    return [slice(start, start + MOST_ROWS) for start in range(0, max(n_rows, 1), MOST_ROWS)]


def write(document: Document, path: Path) -> None:
    """Write the workbook."""
    raw = io.BytesIO()
    book = open_workbook(raw, document)
    _Writer(book, document).write()
    book.close()
    store.write_bytes(path, raw.getvalue())


class _Writer:
    """Writes blocks one below the other on the sheet of text, and tables on sheets of their own."""

    def __init__(self, book: Any, document: Document) -> None:  # noqa: ANN401 - xlsxwriter has no types here
        self.book, self.document = book, document
        self.words: Words = words(document.language)
        self.looks = Looks(book, document.language)
        self.text = book.add_worksheet(self.words["formats.report"])
        self.row, self.n_tables, self.n_figure_rows = 0, 0, 0
        self.section = ""
        self.figures: Any = None
        self.figure_starts: list[int] = []
        self.places: dict[str, list[str]] = defaultdict(list)
        self.printed: dict[str, str] = {}
        self.numbers: dict[str, Number] = {}

    def write(self) -> None:
        document = self.document
        self.text.set_column(0, 0, TEXT_WIDTH)
        on_paper(self.text)
        for line in document.status:
            self.line(line, "status")
        self.line(document.kicker, "quiet")
        self.line((Run(document.title),), "title")
        self.add(document.facts)
        for section in document.sections:
            self._section(section)
        self.row += 1
        self.line(document.footer, "quiet")
        if self.figures is not None:
            self.figures.set_h_pagebreaks(self.figure_starts[1:])
        self._numbers()

    def _section(self, section: Section) -> None:
        self.row += 1
        self.section = plain(section.title)
        self.line(section.title, "section")
        for block in section.blocks:
            self.add(block)

    def line(self, text: Inline, look: str) -> None:
        """Write one line of text."""
        self.text.set_row(self.row, line_height(plain(text, between="\n"), TEXT_WIDTH, look))
        self.put(self.text, (self.row, 0), text, look)
        self.row += 1

    @singledispatchmethod
    def add(self, block: Block) -> None:
        raise TypeError(type(block).__name__)

    @add.register
    def _heading(self, block: Heading) -> None:
        self.line(block.text, "heading")

    @add.register
    def _paragraph(self, block: Paragraph) -> None:
        self.line(block.text, "quiet" if block.kind in ("quiet", "note") else "text")

    @add.register
    def _bullets(self, block: Bullets) -> None:
        for item in block.items:
            self.line((Run("• "), *item), "text")

    @add.register
    def _callout(self, block: Callout) -> None:
        for paragraph in block.blocks:
            self.line(paragraph.text, "finding" if paragraph.kind == "finding" else "text")

    @add.register
    def _terms(self, block: Terms) -> None:
        for term, said in block.entries:
            lines = [run for text in said for run in (Run(self.words["page.list"]), *text)][1:]
            self.line((*term, Run(self.words["page.colon"]), *lines), "text")

    @add.register
    def _figure(self, block: Figure) -> None:
        if self.figures is None:
            self.figures = self.book.add_worksheet(self.words["formats.figures"])
            on_paper(self.figures)
        self._link(block.caption, self.figures, self.n_figure_rows)
        self.put(self.figures, (self.n_figure_rows, 0), block.caption, "caption")
        picture = {
            "image_data": io.BytesIO(block.png), "description": block.alternative, "x_scale": SCALE, "y_scale": SCALE,
        }  # fmt: skip
        self.figures.insert_image(self.n_figure_rows + 1, 0, f"{block.stem}.png", picture)
        height = int.from_bytes(block.png[20:24], "big")
        self.figure_starts.append(self.n_figure_rows)
        self.n_figure_rows += math.ceil(height * PIXELS * SCALE / ROW) + 3

    @add.register
    def _table(self, block: Table) -> None:
        columns = sheet_columns(block, self.words)
        for part in parts(len(block.rows)):
            self._sheet(block.caption, [dataclasses.replace(c, cells=c.cells[part]) for c in columns])

    def _sheet(self, caption: Inline, columns: list[SheetColumn]) -> None:
        self.n_tables += 1
        sheet = self.book.add_worksheet(sheet_name(self.section, self.n_tables))
        self._link(caption, sheet, 0)
        self.put(sheet, (0, 0), caption, "caption")
        for place, column in enumerate(columns):
            look = "number_head" if column.is_number else "head"
            self.put(sheet, (1, place), column.title, look)
            sheet.set_column(place, place, column.width)
            for row, cell in enumerate(column.cells, start=2):
                self._cell(sheet, (row, place), cell, column)
        for row, lines in enumerate(zip(*(((c.title, *c.cells)) for c in columns), strict=True), start=1):
            shown = [(plain(cell, between="\n"), c.width) for cell, c in zip(lines, columns, strict=True)]
            sheet.set_row(row, height(shown))
        sheet.freeze_panes(2, 1)
        sheet.repeat_rows(1)
        sheet.set_landscape()
        on_paper(sheet)

    def _cell(self, sheet: Any, place: tuple[int, int], cell: Inline, column: SheetColumn) -> None:  # noqa: ANN401
        """Write a cell of a table: a number as a number, all else as text."""
        number = next((run for run in cell if run.number), None) if len(cell) == 1 else None
        look = "number" if column.is_number else "text"
        if number and number.number and isinstance(number.number.value, int | float):
            self._note(sheet, place, cell)
            code = number_format(number.number, number.text, self.words)
            sheet.write_number(*place, number.number.value, self.looks.of(look, code=code))
        elif YEAR_OR_COUNT.fullmatch(plain(cell)) and not any(run.number for run in cell):
            shown = self.looks.of(look if column.is_number else "year", code="0")
            sheet.write_number(*place, int(plain(cell).replace("−", "-")), shown)
        else:
            self.put(sheet, place, cell, look)

    def put(self, sheet: Any, place: tuple[int, int], text: Inline, look: str) -> None:  # noqa: ANN401
        """Write text, whatever it looks like."""
        said = plain(text, between="\n")
        self._note(sheet, place, text)
        if said and sheet.write_string(*place, said, self.looks.of(look, said)) != 0:
            raise ValueError("a text of the report is longer than a cell of a workbook can hold")

    def _note(self, sheet: Any, place: tuple[int, int], text: Inline) -> None:  # noqa: ANN401
        """Keep where numbers stand."""
        from xlsxwriter.utility import quote_sheetname, xl_rowcol_to_cell

        for run in text:
            if run.number:
                self.printed[run.number.id], self.numbers[run.number.id] = run.text, run.number
                self.places[run.number.id].append(f"{quote_sheetname(sheet.get_name())}!{xl_rowcol_to_cell(*place)}")

    def _link(self, caption: Inline, sheet: Any, row: int) -> None:  # noqa: ANN401
        """Write a line that leads to a table or a figure."""
        from xlsxwriter.utility import quote_sheetname

        target = f"internal:{quote_sheetname(sheet.get_name())}!A{row + 1}"
        self.text.write_url(self.row, 0, target, self.looks.of("link"), f"→ {plain(caption)}")
        self._note(self.text, (self.row, 0), caption)
        self.row += 1

    def _numbers(self) -> None:
        """Write all numbers."""
        numbers = sorted(self.printed.items())
        for place, part in enumerate(parts(len(numbers)), start=self.n_tables + 1):
            self._numbers_sheet(place, numbers[part])

    def _numbers_sheet(self, place: int, numbers: list[tuple[str, str]]) -> None:
        sheet = self.book.add_worksheet(sheet_name(self.words["formats.numbers"], place))
        self.put(sheet, (0, 0), (Run(self.words["formats.numbers_lead_sheet"]),), "plain")
        for column, (key, width) in enumerate(NUMBERS.items()):
            self.put(
                sheet, (1, column), (Run(self.words[f"formats.{key}"]),), "number_head" if key == "value" else "head"
            )
            sheet.set_column(column, column, width)
        for row, (number, printed) in enumerate(numbers, start=2):
            where = ", ".join(self.places[number])
            texts = {0: number, 2: self.numbers[number].unit, 3: printed, 4: where}
            for column, text in texts.items():
                self.put(sheet, (row, column), (Run(text),), "text" if column == 4 else "plain")
            sheet.set_row(row, height([(where, NUMBERS["where"])]))
            value = self.numbers[number].value
            if isinstance(value, int | float):
                sheet.write_number(row, 1, value, self.looks.of("number"))
            else:
                self.put(
                    sheet, (row, 1), (Run(HIDDEN if value is None else value),), "number" if value is None else "plain"
                )
        sheet.freeze_panes(2, 1)
        sheet.repeat_rows(1)
        sheet.set_landscape()
        on_paper(sheet)
        sheet.autofilter(1, 0, len(numbers) + 1, len(NUMBERS) - 1)
