"""Report and index of a site in a real browser: nothing is fetched, nothing overflows, every letter has a glyph."""

from pathlib import Path

import pytest

import reports
import sites
from browser import CHROMIUM, Browser
from evalkit.reporting.release import release
from evalkit.reporting.render import write_report
from evalkit.reporting.site_index import index_page

pytestmark = pytest.mark.skipif(not CHROMIUM.is_file(), reason=f"no browser at {CHROMIUM}")
WIDTHS = (1280, 390)
OVERFLOWING = """
[...document.querySelectorAll("main *")].filter(e => !e.closest(".scroll, svg, details:not([open])"))
    .filter(e => e.getBoundingClientRect().right > innerWidth + 0.5 || e.getBoundingClientRect().left < -0.5)
    .map(e => e.tagName + "." + e.className)
"""
COVERED = """
[...document.querySelectorAll("h1, h2, h3, p, li, dd, td, th, figcaption")].filter(e => {
    const box = e.getBoundingClientRect();
    return box.height && (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline")
        && !e.closest(".scroll");
}).map(e => e.tagName + ": " + e.textContent.slice(0, 40))
"""
SMALLEST_LETTER = 9
"""Pixels; text of figures on a telephone's screen must not be smaller."""
FIGURE_LETTER = 9 / 72
"""Inches: the smallest size in figures, 8.5 points, rounded up for its line."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("release")
    asked = reports.study()
    both = (reports.effects(asked), reports.effects(asked, method="event_study"))
    write_report(release(reports.evaluation(effects=both)), path)
    for language in ("en", "ja"):
        (path / f"index.{language}.html").write_text(index_page(sites.entries(), language), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("name", ["report", "index"])
def test_the_page_fits_and_asks_for_nothing(browser, folder, tmp_path, name, language, width):
    path = folder / f"{name}.{language}.html"
    before = len(browser.requests)
    browser.open(path, width)
    assert browser.value("innerWidth") == width
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value(OVERFLOWING) == []
    assert browser.value(COVERED) == []
    assert browser.requests[before:] == [path.resolve().as_uri()]
    assert browser.problems == []
    browser.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 50_000


@pytest.mark.parametrize("language", ["en", "ja"])
def test_figures_are_readable_on_a_telephone(browser, folder, language):
    browser.open(folder / f"report.{language}.html", WIDTHS[-1])
    widths = browser.value(
        "[...document.querySelectorAll('figure svg')].map(s => [s.clientWidth, s.viewBox.baseVal.width])"
    )
    assert widths
    for shown, points in widths:
        assert FIGURE_LETTER * 72 * shown / points >= SMALLEST_LETTER


def test_tables_open_without_a_script(browser, folder):
    browser.open(folder / "report.en.html", WIDTHS[-1])
    browser.value("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.value("document.documentElement.scrollWidth") <= WIDTHS[-1]
    assert browser.value("document.querySelectorAll('details[open] table').length") >= 3


def test_the_page_prints(browser, folder):
    browser.open(folder / "report.ja.html", 700, media="print")
    assert browser.value("getComputedStyle(document.querySelector('nav')).display") == "none"


def test_a_script_in_the_page_would_not_run(browser, folder, tmp_path):
    page = Path(folder / "report.en.html").read_text(encoding="utf-8")
    poisoned = tmp_path / "poisoned.html"
    poisoned.write_text(page.replace("</main>", "<script>document.title = 'ran'</script></main>"), encoding="utf-8")
    browser.open(poisoned, WIDTHS[0])
    assert browser.value("document.title") != "ran"
    browser.problems.clear()
