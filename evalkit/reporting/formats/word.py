"""The report as a Word document that a ministry can go on editing: real headings, lists and tables."""

import dataclasses
import io
import zipfile
from functools import singledispatchmethod
from pathlib import Path
from typing import Any

from evalkit.model import store
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
    Table,
    Terms,
    on_paper,
    plain,
)  # fmt: skip
from evalkit.reporting.formats.word_style import KINDS, prepare
from evalkit.reporting.formats.word_text import Names, add_table, put
from evalkit.reporting.words import words

ZIP_DAY = (1980, 1, 1, 0, 0, 0)
"""The first day a zip file knows: files inside carry no time."""
PICTURE = 4_100_000
"""Width of figures, in English Metric Units (914,400 an inch)."""


def write(document: Document, path: Path) -> None:
    """Write the report; each number stands in a bookmark (see `word_text.bookmark`)."""
    made = _Writer(on_paper(document)).finished()
    raw = io.BytesIO()
    made.save(raw)
    store.write_bytes(path, without_times(raw.getvalue()))


def without_times(packed: bytes) -> bytes:
    """Return a zip file with the same contents, of the first day that zip files know."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name, ZIP_DAY)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 0
            new.writestr(info, old.read(name))
    return out.getvalue()


class _Writer:
    """Writes blocks, one after the other, into a new Word document."""

    def __init__(self, document: Document) -> None:
        import docx

        self.document, self.word, self.names = document, docx.Document(), Names()
        prepare(self.word, document)

    def finished(self) -> Any:  # noqa: ANN401 - python-docx has no types here
        """Return the whole document."""
        document = self.document
        self._line(document.kicker, "Kicker")
        self._line((Run(document.title),), "Title")
        self.add(document.facts)
        self._line((Run(words(document.language)["formats.contents"]),), "Contents Heading")
        for section in document.sections:
            self._line((Run(plain(section.title), target=section.name),), "Contents")
        for section in document.sections:
            self.names.around(self._line(section.title, "Heading 1"), section.name)
            for above, block in zip((None, *section.blocks), section.blocks, strict=False):
                self.add(_kept(above, block))
        self._line(document.footer, "Quiet")
        return self.word

    @singledispatchmethod
    def add(self, block: Block) -> None:
        raise TypeError(type(block).__name__)

    @add.register
    def _heading(self, block: Heading) -> None:
        self._line(block.text, f"Heading {block.level - 1}")

    @add.register
    def _paragraph(self, block: Paragraph) -> None:
        self._line(block.text, KINDS[block.kind])

    @add.register
    def _bullets(self, block: Bullets) -> None:
        for item in block.items:
            self._line(item, "List Bullet")

    @add.register
    def _callout(self, block: Callout) -> None:
        for paragraph in block.blocks:
            self._line(paragraph.text, "Finding" if paragraph.kind == "finding" else "Callout")

    @add.register
    def _terms(self, block: Terms) -> None:
        for term, said in block.entries:
            line = self._line(tuple(dataclasses.replace(run, is_strong=True) for run in term), "Term")
            for place, text in enumerate(said):
                put(line, (Run("\n" if place else "\t"), *text), self.names)

    @add.register
    def _figure(self, block: Figure) -> None:
        self._line(block.caption, "Caption")
        shape = self.word.add_paragraph(style="Picture").add_run().add_picture(io.BytesIO(block.png), width=PICTURE)
        shape._inline.docPr.set("descr", block.alternative)
        shape._inline.docPr.set("name", block.stem)

    @add.register
    def _table(self, block: Table) -> None:
        self._line(block.caption, "Caption")
        add_table(self.word, block, self.names)
        self.word.add_paragraph(style="After Table")

    def _line(self, text: Inline, style: str) -> Any:  # noqa: ANN401
        line = self.word.add_paragraph(style=style)
        put(line, text, self.names)
        return line


def _kept(above: Block | None, block: Block) -> Block:
    """Return a block; a quiet paragraph below a heading asks what the next one answers, and stays with it."""
    if isinstance(above, Heading) and isinstance(block, Paragraph) and block.kind == "quiet":
        return dataclasses.replace(block, kind="question")
    return block
