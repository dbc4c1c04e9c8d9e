"""Whatever firms, programmes and authors are called: no format runs, links or computes it, and each shows it whole."""

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

import written_reports
from evalkit.model.evaluation import Number
from evalkit.reporting import formats
from evalkit.reporting.document import (
    Bullets,
    Callout,
    Column,
    Document,
    Figure,
    Heading,
    Paragraph,
    Run,
    Section,
    Table,
    Terms,
)
from hostile import HOSTILE

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c636060606000000005000174ffb9000000000049454e44ae426082"
)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><rect width="5" height="5"/></svg>'
WORD_PARTS = {"document", "hdr", "ftr", "styles"}


def document(text: str) -> Document:
    """Return a document that says one text everywhere."""
    line = (Run(text), Run(text, is_strong=True), Run(text, is_code=True), Run(text, badge="warn"), Run(" "))
    number = (Run(text, Number("plan.time", text, "text")),)
    table = Table(line, (Column(line, False), Column(number, True)), ((line, number), (number, line)))
    blocks = (
        Heading(line, 3), Paragraph(line), Paragraph(line, "about"), Bullets((line, line)),
        Terms(((line, (line, line)),)), table, Figure("flow", line, text, SVG, PNG),
        Callout((Paragraph(line, "finding"),), "positive"),
    )  # fmt: skip
    section = Section("summary", line, blocks)
    return Document("en", text, (line,), line, Terms(((line, (line,)),)), (section,), line, "2026-04-01")


def bare(text: str) -> str:
    return "".join(text.split())


@pytest.fixture(params=HOSTILE)
def text(request):
    return request.param


def test_there_are_thirty():
    assert len(set(HOSTILE)) == 30


def test_word(text, tmp_path):
    path = tmp_path / "report.docx"
    formats.write(document(text), path)
    parts = written_reports.parts(path)
    for name, xml in parts.items():
        root = ElementTree.fromstring(xml)
        if name.endswith(".rels"):
            assert [r.get("Target") for r in root if r.get("TargetMode") == "External"] == []
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert not tags & {"instrText", "altChunk", "object", "control", "script", "iframe", "subDoc"}, name
        fields = [e.get(f"{written_reports.WORD}instr") for e in root.iter(f"{written_reports.WORD}fldSimple")]
        assert set(fields) <= {"PAGE", "NUMPAGES"}
    assert bare(written_reports.word_text(path).text).count(bare(text)) > 40


def test_workbook(text, tmp_path):
    path = tmp_path / "report.xlsx"
    formats.write(document(text), path)
    for name, xml in written_reports.parts(path).items():
        root = ElementTree.fromstring(xml)
        tags = [element.tag.rpartition("}")[2] for element in root.iter()]
        assert "f" not in tags, name
        if name.endswith(".rels"):
            assert [r.get("Target") for r in root if r.get("TargetMode") == "External"] == []
        for link in (e for e in root.iter() if e.tag.endswith("}hyperlink")):
            assert link.get("location").endswith(("!A1", "!A2"))
        for defined in (e for e in root.iter() if e.tag.endswith("}definedName")):
            assert defined.get("name").startswith("_xlnm.")
    cells = [c for rows in written_reports.Sheets(path).rows.values() for row in rows for c in row]
    assert sum(bare(text) in bare(c) for c in cells if isinstance(c, str)) > 15


def test_a_text_that_begins_like_a_formula_stays_text_when_it_is_edited(tmp_path):
    path = tmp_path / "report.xlsx"
    formats.write(document("=1+1"), path)
    parts = written_reports.parts(path)
    strings = [s.find("{*}t").text for s in ElementTree.fromstring(parts["xl/sharedStrings.xml"])]
    styles = ElementTree.fromstring(parts["xl/styles.xml"]).find("{*}cellXfs")
    quoted = [xf.get("quotePrefix") == "1" for xf in styles]
    sheets = [ElementTree.fromstring(t) for n, t in parts.items() if n.startswith("xl/worksheets/sheet")]
    cells = [c for sheet in sheets for c in sheet.iter() if c.tag.endswith("}c") and c.get("t") == "s"]
    begun = [c for c in cells if strings[int(c.find("{*}v").text)].startswith("=")]
    assert len(begun) > 10
    assert all(quoted[int(c.get("s"))] for c in begun)


def test_markdown(text, tmp_path):
    from markdown_it import MarkdownIt

    path = tmp_path / "report.md"
    formats.write(document(text), path)
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = [t for token in reader.parse(path.read_text(encoding="utf-8")) for t in (token, *(token.children or []))]
    assert not {t.type for t in tokens} & {
        "html_block",
        "html_inline",
        "s_open",
        "fence",
        "code_block",
        "ordered_list_open",
    }
    assert [t.attrGet("href") for t in tokens if t.type == "link_open"] == []
    assert {t.attrGet("src") for t in tokens if t.type == "image"} == {"figures/flow.en.png"}
    shown = bare("".join(t.content for t in tokens if t.type in ("text", "code_inline", "text_special")))
    assert shown.count(bare(text)) > 40
    assert not re.search(r"(?<!\\)\b(https?://|www\.)", re.sub("`[^`]*`", "", path.read_text(encoding="utf-8")))


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="needs pdftotext")
def test_paper(text, tmp_path):
    path = tmp_path / "report.pdf"
    formats.write(document(text), path)
    found = written_reports.pdf_objects(path)
    for active in (b"/JavaScript", b"/JS", b"/URI", b"/Launch", b"/OpenAction", b"/AA", b"/EmbeddedFile", b"/GoToR"):
        assert not re.search(re.escape(active) + rb"\b", found), active
    command = ["pdftotext", "-raw", path, "-"]
    shown = subprocess.run(command, check=True, capture_output=True).stdout.decode().replace("\u200b", "")
    assert bare(shown).count(bare(text)) > 15


def test_no_writer_drops_a_kind_of_block(tmp_path: Path):
    for name in formats.WRITERS:
        path = tmp_path / f"x.{name}"
        odd = document("x")
        blocks = (*odd.sections[0].blocks, "not a block")
        with pytest.raises((TypeError, AttributeError, RuntimeError)):
            formats.write(
                Document(
                    "en", "x", (), (), Terms(()), (Section("s", (), blocks),), (), ""  # type: ignore[arg-type]
                ),
                path,
            )  # fmt: skip
        assert not path.exists()
