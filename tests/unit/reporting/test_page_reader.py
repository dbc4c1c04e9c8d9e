"""The finished page is read whole: what the reader does not know is refused."""

import pytest

import reports
from evalkit.errors import ResourceError
from evalkit.model.evaluation import Number
from evalkit.reporting import formats
from evalkit.reporting.document import Bullets, Document, Paragraph, Run, Section, Table, Terms, plain, runs
from evalkit.reporting.formats.columns import EM, LARGEST, SMALLEST, cells, letters, shares
from evalkit.reporting.formats.number_formats import number_format
from evalkit.reporting.formats.workbook_style import LOUD, line_height
from evalkit.reporting.numbers import shown
from evalkit.reporting.page import Page, signed
from evalkit.reporting.page_reader import read_page
from evalkit.reporting.release import release
from evalkit.reporting.render import html
from evalkit.reporting.words import words

LINE = 504.0


@pytest.fixture(scope="module")
def page():
    return Page(release(reports.evaluation()), words("en"), {})


@pytest.fixture(scope="module")
def text(page):
    return html(page)


def first(text: str, page: Page) -> list[object]:
    return [block for section in read_page(text, page).sections for block in section.blocks]


def test_looks_numbers_links_and_lines_are_kept(page, text):
    document = read_page(text, page)
    found = list(runs(document))
    assert {run.badge for run in found} >= {"pass"}
    assert any(run.is_strong for run in found)
    assert any(run.is_code for run in found)
    assert {run.target for run in found} - {""} <= {section.name for section in document.sections}
    assert [run.text for run in found if run.number] == [said for _, said in reports.Page(text).numbers]
    table = next(b for b in first(text, page) if isinstance(b, Table) and plain(b.caption).startswith("Average effect"))
    cell = next(cell for cell in table.rows[0] if sum(1 for run in cell if run.number) == 3)
    assert [run.text for run in cell if not run.number] == ["\n", " to "]


def inside(text: str, more: str) -> str:
    return text.replace("</h2>", f"</h2>{more}", 1)


def test_white_space_is_that_of_a_browser(page, text):
    read = first(inside(text, "<p> a\n  <strong> b</strong> <code>c</code>\n</p>"), page)[0]
    assert isinstance(read, Paragraph)
    assert plain(read.text) == "a b c"


@pytest.mark.parametrize(
    "more",
    [
        "<blockquote>said</blockquote>", "<p>a<em>b</em></p>", "<p>a<br>b</p>", "bare words", "<div>bare words</div>",
        '<p><a href="https://example.com">x</a></p>', "<table><tr><td>1</td></tr>words</table>",
        "<ul>words<li>a</li></ul>", '<div class="headline null"><ul><li>a</li></ul></div>', "<p>not closed",
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused(page, text, more):
    with pytest.raises(ValueError, match="the page has"):
        read_page(inside(text, more), page)


@pytest.mark.parametrize("before", ["<header>", "<main>", "</main>", "</header>"])
def test_parts_of_the_page_that_nobody_reads_are_refused(page, text, before):
    with pytest.raises(ValueError, match="'aside'"):
        read_page(text.replace(before, f"{before}<aside>x</aside>", 1), page)


def test_a_number_that_the_release_does_not_have_is_refused(page, text):
    with pytest.raises(KeyError, match=r"no\.such"):
        read_page(inside(text, '<p><span class="n" data-ref="no.such">1</span></p>'), page)


def test_signs_that_office_files_cannot_hold_are_shown_as_missing(page, text):
    assert plain(first(inside(text, "<p>a\x01b</p>"), page)[0].text) == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    ("value", "unit", "code"),
    [
        (5.1234, "percent", '#,##0.0"%"'), (0.0512, "share", "#,##0.0%"), (1234.0, "count", "#,##0"),
        (2014, "plain", "General"), (0.0004, "p_value", '[<0.001]"<0.001";0.000'), (95.0, "confidence", '0.###"%"'),
        (12_345_678.0, "yen", '#,##0" yen"'), (-2.0, "hours", '#,##0.00" hours"'), (0.12345, "smd", "#,##0.000"),
    ],
)  # fmt: skip
def test_a_sheet_shows_the_digits_that_the_report_prints(value, unit, code):
    number = Number("x", value, unit)
    assert number_format(number, shown(number, words("en")), words("en")) == code


@pytest.mark.parametrize(("unit", "code"), [("yen", '#,##0"円"'), ("thousand_yen", '#,##0"千円"')])
def test_money_in_a_sheet_has_its_unit_in_the_readers_language(unit, code):
    number = Number("x", 12_345.0, unit)
    assert number_format(number, shown(number, words("ja")), words("ja")) == code


def test_a_title_that_fits_no_line_in_its_large_letters_has_two():
    title = "Effect of Michigan's training grants on manufacturing firms"
    assert line_height(title, 74, "title") > 1.5 * LOUD["title"] * line_height(title, 74, "text")


def test_a_day_stands_on_a_line_of_its_own(page, text):
    read = first(inside(text, f"<p>{signed('a <b>', '2026-04-01')}</p>"), page)[0]
    assert isinstance(read, Paragraph)
    assert plain(read.text, between="\n") == "a <b>\n2026-04-01"


def table(*texts: str, n_numbers: int = 0) -> Table:
    from evalkit.reporting.document import Column

    heads = tuple(Column((Run("Head"),), place >= len(texts) - n_numbers) for place in range(len(texts)))
    return Table((Run("Caption"),), heads, (tuple((Run(text),) for text in texts),))


def test_tables_fit_their_line_and_numbers_are_not_broken():
    wide = table("Prose " * 60, "short", *["123,456.789"] * 6, n_numbers=6)
    size = letters(wide, LINE)
    given = shares(wide, LINE, size)
    assert SMALLEST <= size <= LARGEST
    assert sum(given) <= LINE + 0.1
    assert given[0] == max(given)
    assert min(given[2:]) >= cells("123,456.789") * 0.5 * size
    assert sum(shares(table("a", "b"), LINE, LARGEST)) < LINE / 2


def test_where_letters_are_smallest_words_give_way_and_numbers_do_not():
    wide = table(*["two or three words"] * 5, *["123,456.789"] * 6, n_numbers=6)
    assert letters(wide, LINE) == SMALLEST
    given = shares(wide, LINE, SMALLEST)
    assert sum(given) <= LINE + 0.1
    assert min(given[5:]) >= cells("123,456.789") * EM * SMALLEST
    assert max(given[:5]) < cells("two or three words") * EM * SMALLEST


def test_a_kanji_takes_two_cells():
    assert (cells("売上"), cells("ab"), cells("売a")) == (4, 2, 3)


def test_a_character_in_no_font_is_refused_on_paper(tmp_path):
    blocks = (Bullets(((Run("\U00020bb7"),),)),)
    said = Document("ja", "x", (), (), Terms(()), (Section("s", (Run("s"),), blocks),), (), "")
    with pytest.raises(ResourceError, match=r"U\+20BB7"):
        formats.write(said, tmp_path / "x.pdf")
