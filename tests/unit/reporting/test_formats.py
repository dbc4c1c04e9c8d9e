"""The report in every format says what the page says: each text, each number with its id; the same bytes everywhere."""

import json
import re
import shutil
import subprocess
import zipfile
from html.parser import HTMLParser

import pytest

import complete_reports
import elsewhere
import reports
import written_reports
from evalkit.errors import MissingExtraError
from evalkit.reporting import formats
from evalkit.reporting.numbers import YEN
from evalkit.reporting.release import release
from evalkit.reporting.render import write_report

FORMATS = ["html", "pdf", "docx", "xlsx", "md"]
LANGUAGES = ["en", "ja"]
EXACT = 1e-15
"""A workbook holds 16 significant digits."""


def study():
    return complete_reports.study(report={"formats": FORMATS})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("release")
    written = write_report(release(complete_reports.evaluation(study=study())), path)
    assert all(p.is_file() for p in written)
    assert {p.name for p in written if p.name.startswith("report.")} == {
        f"report.{language}.{name}" for language in LANGUAGES for name in FORMATS
    }
    return path


@pytest.fixture(scope="module")
def known(folder):
    return {n["id"]: n for n in json.loads((folder / "results.json").read_text(encoding="utf-8"))}


def page(folder, language):
    return reports.Page((folder / f"report.{language}.html").read_text(encoding="utf-8"))


class Said(HTMLParser):
    """The words of a page without what only a screen has."""

    def __init__(self, text):
        super().__init__()
        self.said, self._skip = [], 0
        self.feed(text[text.index("<header>") :])

    def handle_starttag(self, tag, attrs):
        self._skip += tag in ("nav", "summary", "svg")

    def handle_endtag(self, tag):
        self._skip -= tag in ("nav", "summary", "svg")

    def handle_data(self, data):
        self.said += [] if self._skip else [data]


def said(folder, language):
    return "".join("".join(Said((folder / f"report.{language}.html").read_text(encoding="utf-8")).said).split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_word_has_every_number_of_the_page_in_order_with_its_id(folder, known, language):
    numbers = page(folder, language).numbers
    assert len(numbers) > 200
    assert {reference for reference, _ in numbers} <= set(known)
    expected = [(written_reports.hash_of(reference), text) for reference, text in numbers]
    assert written_reports.word_text(folder / f"report.{language}.docx").numbers == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_word_has_every_word_of_the_page_and_no_other(folder, language):
    text = "".join(written_reports.word_text(folder / f"report.{language}.docx").text.split())
    contents = {"en": "Contents", "ja": "目次"}[language]
    head, _, rest = text.partition(contents)
    titles = re.findall(r"<h2>(.*?)</h2>", (folder / f"report.{language}.html").read_text(encoding="utf-8"))
    listed = "".join("".join(titles).split())
    assert rest.startswith(listed)
    assert head + rest.removeprefix(listed) == said(folder, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_workbook_has_every_number_of_the_page_with_its_value(folder, known, language):
    sheets = written_reports.Sheets(folder / f"report.{language}.xlsx")
    printed = dict(page(folder, language).numbers)
    listed = list(sheets.numbers())
    assert {number_id for number_id, *_ in listed} == set(printed)
    for number_id, value, unit, text, places in listed:
        number = known[number_id]
        assert (unit, text) == (number["unit"], printed[number_id])
        is_number = isinstance(number["value"], int | float)
        expected = "[X]" if number["value"] is None else number["value"]
        assert value == (pytest.approx(expected, rel=EXACT, abs=0) if is_number else expected)
        for place in places:
            cell = sheets.at(place)
            if isinstance(cell, str):
                assert text in cell
            else:
                assert cell == pytest.approx(number["value"], rel=EXACT, abs=0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_workbook_has_no_other_number(folder, language):
    """Cells with numbers are listed, or are labels: years, years since the award, and the study's own options."""
    sheets = written_reports.Sheets(folder / f"report.{language}.xlsx")
    listed = {place for *_, places in sheets.numbers() for place in places}
    labels = {*range(reports.FIRST, reports.LAST + 1), *range(-10, 10)}
    n_numbers = 0
    for name in sheets.names[:-1]:
        rows = () if re.fullmatch("\\d+ (Methods|分析手法)", name) else sheets.rows[name]
        for row, cells in enumerate(rows, start=1):
            for column, cell in enumerate(cells):
                if isinstance(cell, int | float):
                    quoted = name if re.fullmatch(r"\w+", name) and not name[0].isdigit() else f"'{name}'"
                    n_numbers += 1
                    assert f"{quoted}!{chr(65 + column)}{row}" in listed or cell in labels
    assert n_numbers > 100


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_workbook_has_every_word_of_the_page_but_between_the_ends_of_intervals(folder, language):
    sheets = written_reports.Sheets(folder / f"report.{language}.xlsx")
    text = "".join(str(c) for name in sheets.names for row in sheets.rows[name] for c in row if isinstance(c, str))
    text = "".join(text.split())
    source = (folder / f"report.{language}.html").read_text(encoding="utf-8")
    lines = re.findall(r"<(?:p|li|dd|h2|h3|h4|figcaption)\b[^>]*>(.*?)</(?:p|li|dd|h2|h3|h4|figcaption)>", source)
    plain = ["".join(re.sub(r"<[^>]*>", "", line).split()) for line in lines]
    assert len(plain) > 100
    assert [line for line in plain if line.replace("&#39;", "'").replace("&amp;", "&") not in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_markdown_has_the_same_numbers_in_the_same_order(folder, language):
    text = (folder / f"report.{language}.md").read_text(encoding="utf-8")
    body, _, listed = text.rpartition("\n## ")
    body = re.sub(r"!\[.*\]\(figures/[\w.-]+\)", "", body)
    body = re.sub(r"(?m)^\|[ \-:|]*\|$|^> .*\n\n(?=>|# )|\]\(#.*?\)", "", body).replace("\\", "")
    digits = re.compile(r"\d[\d,.]*\d|\d")
    first = body.index("# ")
    assert digits.findall(body[first:]) == digits.findall(" ".join(_with_gaps(folder, language)))
    rows = re.findall(r"(?m)^\| `(.+?)` \| (.*?) \|$", listed)
    assert {name: re.sub(r"\\(.)", r"\1", shown) for name, shown in rows} == dict(page(folder, language).numbers)


def _with_gaps(folder, language):
    return Said((folder / f"report.{language}.html").read_text(encoding="utf-8")).said


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="needs pdftotext")
@pytest.mark.parametrize("language", LANGUAGES)
def test_paper_has_every_number_of_the_page(folder, language):
    command = ["pdftotext", "-raw", folder / f"report.{language}.pdf", "-"]
    text = subprocess.run(command, check=True, capture_output=True).stdout.decode().replace("\u200b", "")
    text = "".join(text.split())
    assert [t for _, t in page(folder, language).numbers if "".join(t.split()) not in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_paper_is_tagged_embeds_its_fonts_and_says_its_language(folder, language):
    found = written_reports.pdf_objects(folder / f"report.{language}.pdf")
    assert b"pdfuaid:part" in found
    assert b"/MarkInfo" in found
    assert f"/Lang({language}".encode() in found.replace(b" ", b"")
    for needed in (b"/Outlines", b"/StructTreeRoot", b"/Alt", b"/TH"):
        assert needed in found
    described = len(re.findall(rb"/Type\s*/FontDescriptor\b", found))
    assert described == len(re.findall(rb"/FontFile[23]?\b", found)) > 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_word_has_real_headings_repeated_heads_alternative_text_and_fonts(folder, language):
    parts = written_reports.parts(folder / f"report.{language}.docx")
    body, styles = parts["word/document.xml"], parts["word/styles.xml"]
    assert body.count('<w:pStyle w:val="Heading1"/>') == 23
    assert body.count("<w:tblHeader/>") == body.count("<w:tbl>") + body.count("<w:tbl ") > 10
    described = re.findall(r'<wp:docPr [^>]*descr="([^"]+)"', body)
    assert len(described) == body.count("<pic:pic") > 3
    assert 'w:eastAsia="Yu Gothic"' in styles
    assert "Theme=" not in styles
    assert f'<w:lang w:val="{"ja-JP" if language == "ja" else "en-GB"}" w:eastAsia="ja-JP"' in styles


@pytest.mark.parametrize("name", ["docx", "xlsx"])
def test_office_files_carry_no_time_but_the_editions(folder, name):
    path = folder / f"report.ja.{name}"
    with zipfile.ZipFile(path) as packed:
        assert {info.date_time for info in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    core = written_reports.parts(path)["docProps/core.xml"]
    assert set(re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", core)) == {"2026-04-01T00:00:00Z"}


def test_tables_of_the_workbook_are_frozen_below_their_heads_and_money_is_a_number(folder, known):
    parts = written_reports.parts(folder / "report.ja.xlsx")
    sheets = [text for name, text in parts.items() if name.startswith("xl/worksheets/sheet")]
    tables = [text for text in sheets if 'state="frozen"' in text]
    assert len(tables) > 15
    assert all('xSplit="1" ySplit="2"' in text for text in tables)
    book = written_reports.Sheets(folder / "report.ja.xlsx")
    money = [value for number, value, unit, *_ in book.numbers() if unit in YEN]
    assert money
    assert all(isinstance(value, float | int) for value in money)


SCRIPT = (
    "import complete_reports; from pathlib import Path; from evalkit.reporting.release import release; "
    "from evalkit.reporting.render import write_report; "
    "asked = complete_reports.study(report={'formats': ['html', 'pdf', 'docx', 'xlsx', 'md']}); "
    "write_report(release(complete_reports.evaluation(study=asked)), Path(sys.argv[2]))"
)


def test_same_bytes_on_another_day_in_another_place_time_zone_and_locale(folder, tmp_path):
    elsewhere.write_again(SCRIPT, tmp_path / "other")
    names = [f"report.{language}.{name}" for language in LANGUAGES for name in FORMATS]
    assert [n for n in names if (tmp_path / "other" / n).read_bytes() != (folder / n).read_bytes()] == []


@pytest.mark.parametrize(("name", "extra"), [("pdf", "paper"), ("docx", "office"), ("xlsx", "office")])
def test_a_missing_package_is_an_error_that_names_the_extra(monkeypatch, name, extra):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=rf"evalkit\[{extra}\]"):
        formats.require(["html", "md", name])


def test_in_word_the_head_of_a_table_stays_with_its_first_row(folder):
    """An office program may lose the rows of a table whose repeated head alone ends a page."""
    body = written_reports.parts(folder / "report.en.docx")["word/document.xml"]
    rows = re.findall(r"<w:tr\b.*?</w:tr>", body, re.DOTALL)
    heads = [row for row in rows if "<w:tblHeader/>" in row]
    assert len(heads) > 10
    assert all("<w:keepNext/>" in row for row in heads)
    assert all(
        "<w:keepNext/>" not in table.rpartition("<w:tr")[2]
        for table in re.findall(r"<w:tbl\b.*?</w:tbl>", body, re.DOTALL)
    )


def test_in_word_the_question_of_a_check_stays_with_its_answer(folder):
    parts = written_reports.parts(folder / "report.en.docx")
    style = re.search(r'<w:style [^>]*w:styleId="Question".*?</w:style>', parts["word/styles.xml"], re.DOTALL)
    assert style
    assert "<w:keepNext/>" in style[0]
    paragraphs = re.findall(r"<w:p>.*?</w:p>", parts["word/document.xml"], re.DOTALL)
    asked = [i for i, text in enumerate(paragraphs) if 'w:val="Question"' in text]
    assert len(asked) > 5
    assert all('w:val="Heading' in paragraphs[i - 1] for i in asked)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sheet_prints_as_wide_as_its_page(folder, language):
    parts = written_reports.parts(folder / f"report.{language}.xlsx")
    sheets = [text for name, text in parts.items() if name.startswith("xl/worksheets/sheet")]
    assert len(sheets) > 15
    assert all('<pageSetUpPr fitToPage="1"/>' in text and 'fitToHeight="0"' in text for text in sheets)
