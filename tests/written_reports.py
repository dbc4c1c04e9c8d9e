"""Reports in further formats read again, by other means than those that wrote them; for tests only."""

import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
CELL = re.compile(r"'?(.+?)'?!([A-Z]+)(\d+)")


class WordText(NamedTuple):
    """All text of a Word document in order, and each number with the hash of its id."""

    text: str
    numbers: list[tuple[str, str]]


def word_text(path: Path) -> WordText:
    """Read the body of a Word document; what a bookmark named `n_<hash>_<n>` holds is a number."""
    root = ElementTree.fromstring(zipfile.ZipFile(path).read("word/document.xml"))
    text, numbers, name = [], [], ""
    for element in root.iter():
        if element.tag == f"{WORD}bookmarkStart":
            name = element.get(f"{WORD}name", "")
        elif element.tag == f"{WORD}bookmarkEnd":
            name = ""
        elif element.tag in (f"{WORD}t", f"{WORD}br", f"{WORD}tab"):
            said = element.text or " "
            text.append(said)
            if name.startswith("n_"):
                numbers.append((name.split("_")[1], said))
    return WordText("".join(text), numbers)


def hash_of(number_id: str) -> str:
    """Return what stands for an id in the bookmarks of a Word document, as docs/formats.md says."""
    return hashlib.sha256(number_id.encode()).hexdigest()[:24]


class Sheets:
    """A workbook's cells by place ("'Sheet'!B3"), as calamine reads them."""

    def __init__(self, path: Path) -> None:
        from python_calamine import CalamineWorkbook

        book = CalamineWorkbook.from_path(path)
        self.names = book.sheet_names
        self.rows = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in self.names}

    def at(self, place: str) -> Any:
        name, letters, row = CELL.fullmatch(place).groups()  # type: ignore[union-attr]
        column = 0
        for letter in letters:
            column = 26 * column + ord(letter) - 64
        return self.rows[name.replace("''", "'")][int(row) - 1][column - 1]

    def numbers(self) -> Iterator[tuple[str, Any, str, str, list[str]]]:
        """Yield id, value, unit, what is printed, and places, from the last sheet."""
        for number_id, value, unit, printed, where in self.rows[self.names[-1]][2:]:
            yield number_id, value, unit, printed, where.split(", ")


def parts(path: Path) -> dict[str, str]:
    """Return the XML parts of an office file."""
    with zipfile.ZipFile(path) as packed:
        return {name: packed.read(name).decode() for name in packed.namelist() if name.endswith((".xml", ".rels"))}


def pdf_objects(path: Path) -> bytes:
    """Return a PDF with all its streams unpacked."""
    raw = path.read_bytes()
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", raw, re.DOTALL)
    unpacked = [zlib.decompressobj().decompress(s) for s in streams if s[:1] == b"x"]
    return raw + b"\n".join(unpacked)
