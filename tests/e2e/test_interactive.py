"""Figures that answer, in a real browser: by pointer and by keyboard, with the numbers of results.json."""

import json

import pytest

import reports
from browser import CHROMIUM, Browser
from evalkit.reporting.numbers import shown
from evalkit.reporting.release import release
from evalkit.reporting.render import write_report
from evalkit.reporting.words import words

pytestmark = pytest.mark.skipif(not CHROMIUM.is_file(), reason=f"no browser at {CHROMIUM}")
WIDTHS = (1280, 390)
PATH, CURVE = "event_study-group_time-1-sales", "specification_curve"
FIGURE = "document.getElementById('{stem}-title').closest('figure')"
PLACES = """
(() => {{
    const svg = {figure}.querySelector("svg");
    svg.scrollIntoView({{block: "end"}});
    return [...svg.querySelectorAll('[id^="{stem}-points_"] use')].map(mark => {{
        const point = new DOMPoint(mark.getAttribute("x"), mark.getAttribute("y"));
        const at = point.matrixTransform(svg.getScreenCTM());
        return [at.x, at.y];
    }}).sort((a, b) => a[0] - b[0]);
}})()
"""
HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    asked = reports.study(report={"interactive": True}, title={"en": HOSTILE, "ja": HOSTILE})
    told = release(reports.evaluation(study=asked, checks=(*reports.checks(), reports.specification_curve())))
    folder = tmp_path_factory.mktemp("release")
    write_report(told, folder)
    return told, folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


def figure(stem):
    return FIGURE.format(stem=stem)


def answer(browser, stem):
    """Return what a figure says, with the numbers by their ids."""
    return browser.value(
        f"(() => {{const o = {figure(stem)}.querySelector('output'); return [o.textContent, "
        "Object.fromEntries([...o.querySelectorAll('[data-ref]')].map(s => [s.dataset.ref, s.textContent]))]})()"
    )


def is_known(told, numbers, language):
    return all(text == shown(told.numbers[i], words(language)) for i, text in numbers.items())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", ["en", "ja"])
def test_hovering_shows_the_number_of_results_json(browser, made, language, width):
    told, folder = made
    known = {n["id"]: n for n in json.loads((folder / "results.json").read_text(encoding="utf-8"))}
    before = len(browser.requests)
    path = folder / f"report.{language}.html"
    browser.open(path, width)
    places = browser.value(PLACES.format(figure=figure(PATH), stem=PATH))
    assert len(places) == 7
    for year, (x, y) in zip(range(-3, 4), places, strict=True):
        browser.move(x, y)
        text, numbers = answer(browser, PATH)
        assert f"effects.group_time.event_time.sales.{year}.percent" in numbers
        assert len(numbers) == 5
        assert set(numbers) <= set(known)
        assert is_known(told, numbers, language), text
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.requests[before:] == [path.resolve().as_uri()]
    assert browser.problems == []
    assert browser.value("document.images.length") == 0


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_keyboard_moves_through_the_curve(browser, made, language):
    told, folder = made
    browser.open(folder / f"report.{language}.html", WIDTHS[0])
    slider = f"{figure(CURVE)}.querySelector('input')"
    browser.value(f"{slider}.focus()")
    seen = []
    for key in ("Home", "ArrowRight", "End"):
        browser.press(key)
        text, numbers = answer(browser, CURVE)
        assert is_known(told, numbers, language)
        assert browser.value(f"{slider}.getAttribute('aria-valuetext')") == text
        seen.append(next(told.numbers[i].value for i in numbers if i.endswith(".estimate")))
    assert seen == [3.0, 3.1, 4.1]


def test_a_choice_leaves_its_specifications(browser, made):
    told, folder = made
    browser.open(folder / "report.en.html", WIDTHS[0])
    select = f"{figure(CURVE)}.querySelector('select')"

    def choose(choice):
        browser.value(
            f"(() => {{const s = {select}; s.selectedIndex = [...s.options].findIndex(o => o.text === {choice!r}); "
            "s.dispatchEvent(new Event('change'))})()"
        )

    faded = f"[...{figure(CURVE)}.querySelectorAll('[id*=\"-points_\"] use')].filter(m => m.style.opacity < 1).length"
    choose("Award year left out: 2018")
    assert browser.value(faded) == 8
    assert browser.value(f"{figure(CURVE)}.querySelector('input').max") == "3"
    text, numbers = answer(browser, CURVE)
    assert "Award year left out: 2018" in text
    assert is_known(told, numbers, "en")
    choose("any choice")
    assert browser.value(faded) == 0
    assert browser.problems == []


def test_another_script_in_the_page_does_not_run(browser, made, tmp_path):
    page = (made[1] / "report.en.html").read_text(encoding="utf-8")
    poisoned = tmp_path / "poisoned.html"
    poisoned.write_text(page.replace("</main>", "<script>document.title = 'ran'</script></main>"), encoding="utf-8")
    browser.open(poisoned, WIDTHS[0])
    assert browser.value("document.title") != "ran"
    assert browser.value("document.querySelectorAll('input[type=range]').length") == 5
    browser.problems.clear()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_serious_fault(made, tmp_path, language):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe_playwright_python is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    text = (made[1] / f"report.{language}.html").read_text(encoding="utf-8")
    path = tmp_path / "open.html"
    path.write_text(text.replace('<meta http-equiv="Content-Security-Policy"', '<meta name="was-policy"'), "utf-8")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": WIDTHS[1], "height": 900})
        page.goto(path.resolve().as_uri())
        assert page.evaluate("document.querySelectorAll('input[type=range]').length") == 5
        page.focus("input[type=range]")
        found = axe.Axe().run(page).response["violations"]
        chromium.close()
    assert {v["id"]: v["nodes"][0]["html"][:120] for v in found if v["impact"] in ("serious", "critical")} == {}
