"""Page, fonts, styles and properties of the Word document."""

import datetime
from typing import Any

from evalkit.reporting.document import Document, plain
from evalkit.reporting.words import words

LINE = 500.0
"""Width of an A4 page between its margins, in points."""
INK, QUIET, ACCENT, PALE, PALER, WARN = "1D2530", "56606E", "1F4E79", "F4F6F9", "D5DAE1", "8A5A00"
VERDICTS = {"pass": "1D6B41", "warn": WARN, "fail": "A3260F"}
FONTS = {"en": "Calibri", "ja": "Yu Gothic"}
EAST_ASIAN = "Yu Gothic"
"""On every machine with Word, Windows or Mac; others take their own Japanese font."""
TAGS = {"en": "en-GB", "ja": "ja-JP"}
KINDS = {
    "": "Normal", "quiet": "Quiet", "question": "Question", "note": "Quiet", "kicker": "Kicker", "finding": "Finding",
    "about": "Normal",
}  # fmt: skip
"""The style of each kind of paragraph."""
FIRST_DAY = "1980-01-01"
"""Stands in the properties of an edition without a day; no clock is read."""
SIZES = (6.5, 7.0, 7.5, 8.0, 8.5)
"""Letters of tables, in points."""


def cell_style(size: float) -> str:
    """Return the id of the style of cells whose letters have at most a size."""
    return f"Cell{round(10 * max(s for s in SIZES if s <= size))}"


def prepare(word: Any, document: Document) -> None:  # noqa: ANN401 - python-docx has no types here
    """Set up an empty Word document."""
    from docx.oxml import parse_xml

    _properties(word.core_properties, document)
    _page(word, document)
    known = word.styles.element
    for fonts in known.iter(_qn("w:rFonts")):
        _name(fonts, FONTS[document.language])
    _defaults(known, document.language)
    for made in map(parse_xml, _styles()):
        for old in [old for old in known if old.get(_qn("w:styleId")) == made.get(_qn("w:styleId"))]:
            known.remove(old)
        known.append(made)


def _properties(properties: Any, document: Document) -> None:  # noqa: ANN401
    properties.title, properties.author, properties.last_modified_by = document.title[:255], "evalkit", "evalkit"
    properties.comments, properties.language = "", TAGS[document.language]
    day = datetime.datetime.fromisoformat(document.date or FIRST_DAY)
    properties.created = properties.modified = day


def _page(word: Any, document: Document) -> None:  # noqa: ANN401
    from docx.shared import Mm

    page = word.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.left_margin = page.right_margin = Mm(16.8)
    page.top_margin, page.bottom_margin = Mm(22), Mm(20)
    page.header_distance = page.footer_distance = Mm(9)
    head = page.header.paragraphs[0]
    head.style = "Header"
    head.add_run("\n".join(plain(line) for line in document.status))
    foot = page.footer.paragraphs[0]
    before, _, after = words(document.language)["formats.page_of"].partition("{page}")
    between, _, end = after.partition("{pages}")
    foot.add_run(f"{document.title}\t{before}")
    _field(foot, "PAGE")
    foot.add_run(between)
    _field(foot, "NUMPAGES")
    foot.add_run(end)


def _field(line: Any, name: str) -> None:  # noqa: ANN401
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    line._p.append(parse_xml(f'<w:fldSimple {nsdecls("w")} w:instr="{name}"><w:r><w:t>1</w:t></w:r></w:fldSimple>'))


def _qn(name: str) -> str:
    from docx.oxml.ns import qn

    return str(qn(name))


def _name(fonts: Any, latin: str) -> None:  # noqa: ANN401
    """Name fonts in place of those of the theme, which has none for Japanese."""
    fonts.attrib.clear()
    for kind, name in (("ascii", latin), ("hAnsi", latin), ("eastAsia", EAST_ASIAN), ("cs", latin)):
        fonts.set(_qn(f"w:{kind}"), name)


def _defaults(styles: Any, language: str) -> None:  # noqa: ANN401
    spoken = next(styles.find(_qn("w:docDefaults")).iter(_qn("w:lang")))
    spoken.set(_qn("w:val"), TAGS[language])
    spoken.set(_qn("w:eastAsia"), "ja-JP")


def _styles() -> list[str]:
    """Return the report's styles as XML; those of Word with the same id go."""
    text = {
        "Title": ("Title", "Normal", _spaced(0, 200), _look(20, ACCENT, bold=True)),
        "Heading1": ("heading 1", "Normal", _spaced(480, 120, level=0), _look(15, ACCENT, bold=True)),
        "Heading2": ("heading 2", "Normal", _spaced(300, 80, level=1), _look(12, ACCENT, bold=True)),
        "Heading3": ("heading 3", "Normal", _spaced(220, 60, level=2), _look(10.5, INK, bold=True)),
        "ContentsHeading": ("Contents Heading", "Normal", _spaced(360, 80), _look(12, ACCENT, bold=True)),
        "Contents": ("Contents", "Normal", _spaced(0, 20), _look(10, ACCENT)),
        "Normal": ("Normal", "", '<w:spacing w:before="0" w:after="140" w:line="288" w:lineRule="auto"/>', _look(10.5)),
        "Quiet": ("Quiet", "Normal", "", _look(9, QUIET)),
        "Question": ("Question", "Quiet", "<w:keepNext/>", ""),
        "Kicker": ("Kicker", "Normal", _spaced(0, 40), _look(9.5, QUIET)),
        "Finding": ("Finding", "Normal", _aside(), _look(12, INK, bold=True)),
        "Callout": ("Callout", "Normal", _aside(), _look(10)),
        "Term": ("Term", "Normal", _spaced(0, 60, indent=4300), _look(9.5)),
        "Caption": ("caption", "Normal", _spaced(200, 80, is_kept=True), _look(10, INK, bold=True)),
        "Picture": ("Picture", "Normal", _spaced(0, 200), ""),
        "AfterTable": ("After Table", "Normal", _spaced(0, 120), _look(4)),
        "Header": ("header", "Normal", '<w:spacing w:after="0"/><w:jc w:val="center"/>', _look(8, WARN)),
        "Footer": (
            "footer", "Normal",
            '<w:tabs><w:tab w:val="right" w:pos="10000"/></w:tabs><w:spacing w:after="0"/>', _look(8, QUIET),
        ),
        **{
            cell_style(size): (
                f"Cell {size}", "Normal", '<w:spacing w:before="20" w:after="20" w:line="240" w:lineRule="auto"/>',
                _look(size),
            ) for size in SIZES
        },
    }  # fmt: skip
    mono = f'<w:rFonts w:ascii="Consolas" w:hAnsi="Consolas" w:eastAsia="{EAST_ASIAN}"/><w:color w:val="{QUIET}"/>'
    code = _style("character", "Code", "Code", f"<w:rPr>{mono}</w:rPr>")
    return [*(_paragraph_style(name, *parts) for name, parts in text.items()), code, _table_style()]


def _style(kind: str, name: str, title: str, inner: str, own: str = "") -> str:
    from docx.oxml.ns import nsdecls

    return f'<w:style {nsdecls("w")} w:type="{kind}" w:styleId="{name}"{own}><w:name w:val="{title}"/>{inner}</w:style>'


def _paragraph_style(name: str, title: str, based_on: str, paragraph: str, look: str) -> str:
    base = f'<w:basedOn w:val="{based_on}"/>' if based_on else ""
    inner = f"{base}<w:qFormat/><w:pPr>{paragraph}</w:pPr><w:rPr>{look}</w:rPr>"
    return _style("paragraph", name, title, inner, own="" if based_on else ' w:default="1"')


def _spaced(before: int, after: int, *, level: int | None = None, is_kept: bool = False, indent: int = 0) -> str:
    """Return space around a paragraph in twentieths of a point, and whether it stays with what follows."""
    keep = "<w:keepNext/><w:keepLines/>" if is_kept or level is not None else ""
    hanging = f'<w:ind w:left="{indent}" w:hanging="{indent}"/>' if indent else ""
    outline = "" if level is None else f'<w:outlineLvl w:val="{level}"/>'
    return f'{keep}<w:spacing w:before="{before}" w:after="{after}"/>{hanging}{outline}'


def _aside() -> str:
    return (
        f'<w:keepNext/><w:keepLines/><w:pBdr><w:left w:val="single" w:sz="24" w:space="8" w:color="{ACCENT}"/></w:pBdr>'
        f'<w:shd w:val="clear" w:color="auto" w:fill="{PALE}"/>'
        '<w:spacing w:before="0" w:after="0"/><w:ind w:left="240"/>'
    )


def _look(size: float, colour: str = INK, *, bold: bool = False) -> str:
    return f'{"<w:b/>" if bold else ""}<w:color w:val="{colour}"/><w:sz w:val="{round(2 * size)}"/>'


def _table_style() -> str:
    line = '<w:{} w:val="single" w:sz="{}" w:space="0" w:color="{}"/>'
    borders = line.format("bottom", 4, PALER) + line.format("insideH", 4, PALER)
    return _style(
        "table", "Report", "Report",
        f"<w:tblPr><w:tblBorders>{borders}</w:tblBorders>"
        '<w:tblCellMar><w:left w:w="60" w:type="dxa"/><w:right w:w="60" w:type="dxa"/></w:tblCellMar></w:tblPr>'
        f'<w:tblStylePr w:type="firstRow"><w:rPr><w:b/><w:color w:val="{QUIET}"/></w:rPr>'
        f"<w:tcPr><w:tcBorders>{line.format('bottom', 8, ACCENT)}</w:tcBorders></w:tcPr></w:tblStylePr>",
    )  # fmt: skip
