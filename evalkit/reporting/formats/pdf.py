"""The report as a tagged PDF (PDF/UA-1), typeset by typst; texts reach it as data, never as markup."""

import dataclasses
import json
from importlib import resources
from pathlib import Path
from typing import Any

from evalkit.errors import ResourceError
from evalkit.model import store
from evalkit.reporting.document import Callout, Document, Figure, Run, Table, on_paper, plain, runs
from evalkit.reporting.figures.fonts import japanese_font, latin_font, without_glyph
from evalkit.reporting.formats.columns import SHORT, em_of, letters, shares
from evalkit.reporting.words import words

LINE = 504.0
"""Width of the page between its margins, in points; the template has the same margins."""
TEMPLATE = "report.typ"
EPOCH = 0
"""No clock is read: the PDF has the day of the edition, or none."""


def write(document: Document, path: Path) -> None:
    """Write the report with bookmarks, page numbers and embedded fonts.

    Raises
    ------
    ResourceError
        A character is in no font at hand (`E_FONT`).
    """
    import typst

    document = on_paper(document)
    _require_glyphs(document)
    template = resources.files("evalkit.reporting") / "templates" / TEMPLATE
    figures = [part for section in document.sections for part in section.blocks if isinstance(part, Figure)]
    files: Any = {
        "main.typ": template.read_bytes(), "document.json": json.dumps(_data(document), ensure_ascii=False).encode(),
        **{f"{figure.stem}.svg": figure.svg.encode() for figure in figures},
    }  # fmt: skip
    folders = [str(font.parent) for font in (japanese_font(), latin_font())]
    written = typst.compile(files, font_paths=folders, ignore_system_fonts=True, pdf_standards="ua-1", timestamp=EPOCH)
    store.write_bytes(path, written)


def _require_glyphs(document: Document) -> None:
    """Refuse a text that would be printed as empty boxes."""
    said = "".join(run.text for run in runs((document.status, document.facts, document.sections)))
    missing = without_glyph(document.title + said)
    if missing:
        raise ResourceError(
            f"{len(missing)} characters of the report are in no font at hand",
            where=", ".join(f"U+{ord(sign):04X}" for sign in missing[:5]), code="E_FONT",
            hint="use other characters in the study's texts, or leave out the format 'pdf'",
        )  # fmt: skip


def _data(document: Document) -> dict[str, Any]:
    """Return all that the template prints."""
    text = words(document.language)
    named = {key: text[f"formats.{key}"] for key in ("contents", "page_of")}
    return {**_plain(document), "words": named}


def _plain(part: Any) -> Any:  # noqa: ANN401 - a tree of any parts
    """Return a part as plain data, with its kind; numbers are their text, pictures lie beside."""
    if isinstance(part, tuple):
        return [_plain(inner) for inner in part]
    if isinstance(part, Run):
        is_number = part.number is not None and not isinstance(part.number.value, str)
        return {**dataclasses.asdict(dataclasses.replace(part, number=None)), "is_number": is_number}
    if not dataclasses.is_dataclass(part):
        return part
    fields = {f.name: getattr(part, f.name) for f in dataclasses.fields(part) if f.name not in ("svg", "png")}
    made = {"type": type(part).__name__.lower(), **{name: _plain(value) for name, value in fields.items()}}
    return made | _layout(part)


def _layout(part: object) -> dict[str, Any]:
    """Return what the template needs to know beside the words."""
    if isinstance(part, Table):
        em = em_of(part)
        size = letters(part, LINE, em)
        return {"widths": shares(part, LINE, size, em), "size": size, "is_short": len(part.rows) <= SHORT}
    if isinstance(part, Callout):
        return {"is_quiet": part.kind in ("null", "hidden", "unknown", "no_interval")}
    return {"alternative": part.alternative or plain(part.caption)} if isinstance(part, Figure) else {}
