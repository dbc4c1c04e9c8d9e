"""Report and index under axe-core in a real browser: no serious fault, no overflow on a telephone, a silent console."""

import pytest

import complete_reports
import reports
import sites
from browser import CHROMIUM
from evalkit.reporting.release import release
from evalkit.reporting.render import write_report
from evalkit.reporting.site_index import index_page

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe_playwright_python is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(not CHROMIUM.is_file(), reason=f"no browser at {CHROMIUM}")
WIDTHS = (1280, 390)
SERIOUS = {"serious", "critical"}
KINDS = ("draft", "whole", "index")
WITHOUT_POLICY = ('<meta http-equiv="Content-Security-Policy"', '<meta name="was-policy"')
"""axe is a script, which the page's own policy refuses."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write a draft and a whole report, both with a cost table, an index, and copies in which a script may run."""
    path = tmp_path_factory.mktemp("release")
    sample = complete_reports.with_amounts(reports.sample())
    for name, evaluation in (("draft", reports.evaluation()), ("whole", complete_reports.evaluation(sample=sample))):
        write_report(release(evaluation), path / name)
    (path / "index").mkdir()
    for language in ("en", "ja"):
        (path / "index" / f"report.{language}.html").write_text(index_page(sites.entries(), language), encoding="utf-8")
    for name in KINDS:
        for page in (path / name).glob("report.*.html"):
            open_to_scripts = page.read_text(encoding="utf-8").replace(*WITHOUT_POLICY)
            page.with_name(f"open.{page.name}").write_text(open_to_scripts, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        chromium.close()


def shown(browser, path, width):
    """Open a file; return the page and what its console says."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.resolve().as_uri())
    return page, said


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_serious_fault(browser, folder, kind, language, width):
    page, _ = shown(browser, folder / kind / f"open.report.{language}.html", width)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = axe.Axe().run(page).response
    assert len(found["passes"]) > 10
    faults = {v["id"]: [n["html"][:120] for n in v["nodes"]] for v in found["violations"] if v["impact"] in SERIOUS}
    assert faults == {}
    page.close()


def test_axe_would_see_a_fault(browser, folder, tmp_path):
    text = (folder / "whole" / "open.report.en.html").read_text(encoding="utf-8")
    path = tmp_path / "faulty.html"
    path.write_text(text.replace('<html lang="en">', "<html>"), encoding="utf-8")
    page, _ = shown(browser, path, WIDTHS[0])
    assert "html-has-lang" in {v["id"] for v in axe.Axe().run(page).response["violations"]}
    page.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_page_fits_and_its_console_is_silent(browser, folder, kind, language, width):
    page, said = shown(browser, folder / kind / f"report.{language}.html", width)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert said == []
    page.close()


def test_tables_of_words_are_read_downwards_on_a_telephone(browser, folder):
    page, _ = shown(browser, folder / "whole" / "report.en.html", WIDTHS[1])
    tables = page.evaluate(
        "[...document.querySelectorAll('#limits table.prose, #robustness table.prose')]"
        ".map(t => [t.scrollWidth, t.parentElement.clientWidth, getComputedStyle(t.rows[1].cells[1]).display])"
    )
    assert len(tables) == 2
    assert all(wide <= room and display == "block" for wide, room, display in tables)
    page.close()
