"""Figures that answer: one script of our own that the page's policy names, and data that the page has anyway."""

import base64
import dataclasses
import hashlib
import json
import re

import pytest

import reports
from evalkit.model.check import CheckResult
from evalkit.reporting.drawings import drawings
from evalkit.reporting.interactive import SCRIPT, interactive
from evalkit.reporting.numbers import shown
from evalkit.reporting.page import Page
from evalkit.reporting.release import release
from evalkit.reporting.render import html, write_report
from evalkit.reporting.words import words
from hostile import HOSTILE

ISLAND = re.compile(r'<script type="application/json" id="points">(.*?)</script>\n', re.DOTALL)
RUN = re.compile(r"<script>(.*?)</script>\n", re.DOTALL)
POLICY = re.compile(r"script-src 'sha256-([^']+)'; ")


def page(folder, language="en"):
    return (folder / f"report.{language}.html").read_text(encoding="utf-8")


def data(folder, language="en"):
    return json.loads(ISLAND.search(page(folder, language))[1])


def made_anew():
    asked = reports.study(report={"interactive": True, "formats": ["html", "md"]})
    return release(reports.evaluation(study=asked, checks=(*reports.checks(), reports.specification_curve())))


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Write a release; return it and its folder."""
    folder, made = tmp_path_factory.mktemp("on"), made_anew()
    write_report(made, folder)
    return made, folder


@pytest.mark.parametrize("language", ["en", "ja"])
def test_without_the_script_the_page_is_the_same_and_so_is_a_second_one(both, language):
    made, folder = both
    drawn = Page(made, words(language), drawings(made, words(language)))
    text = page(folder, language)
    assert text == html(drawn, interactive(dataclasses.replace(drawn, release=made_anew())))
    for part in (ISLAND, RUN, POLICY):
        assert len(part.findall(text)) == 1
        text = part.sub("", text)
    assert text == html(drawn)
    assert "<script" not in text


def test_the_policy_allows_this_script_and_no_other(both):
    text = page(both[1])
    script = RUN.search(text)[1]
    assert script == SCRIPT.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert POLICY.search(text)[1] == digest
    assert "default-src 'none'; script-src" in text
    assert not re.search(r"https?:(?!//www\.w3\.org/2000/svg\")|fetch|XMLHttp|import\(|eval|innerHTML", script)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_number_it_tells_is_that_of_the_release(both, language):
    made, on = both
    figures = data(on, language)["figures"]
    assert len(figures) == 5
    pieces = [piece for figure in figures for point in figure["points"] for piece in point["told"]]
    told = [(text, number) for text, number in pieces if number]
    assert len(told) == 28 * 5 + 12 * 3
    for text, number_id in told:
        assert text == shown(made.numbers[number_id], words(language))
    rest = " ".join(text for text, number in pieces if not number)
    places = {str(n) for n in (*range(-3, 4), *range(1, 13))}
    assert set(re.findall(r"-?\d+", rest)) <= places | {"2018", "2019"}


def test_points_come_as_they_are_drawn(both):
    made, on = both
    curve = next(f for f in data(on)["figures"] if f["stem"] == "specification_curve")
    effects = [made.numbers[point["told"][3][1]].value for point in curve["points"]]
    assert effects == sorted(effects)
    assert len(curve["choices"]) == 2 + 2 + 3
    assert all(len(point["choices"]) == 3 for point in curve["points"])


def test_hidden_points_are_not_told(tmp_path):
    few = reports.effects(reports.study(), cohorts={2018: 40, 2019: 30, 2020: 5})
    asked = reports.study(report={"interactive": True, "languages": ["en"]})
    made = release(reports.evaluation(study=asked, effects=(few,)))
    write_report(made, tmp_path)
    hidden = {n.id for n in made.numbers.values() if n.value is None}
    ids = {i for f in data(tmp_path)["figures"] for p in f["points"] for text, i in p["told"] if i and text != "[X]"}
    assert ids
    assert ids & hidden == set()


@pytest.mark.parametrize(
    "text", ["</script><script>alert(1)</script>", "<!--<script>", HOSTILE[1], "\u2028\u2029&amp;"]
)
def test_text_of_others_stays_text(text, tmp_path):
    curve = reports.specification_curve()
    rows = tuple({**row, "method": text if row["method"] == "imputation" else "group_time"} for row in curve.rows)
    asked = reports.study(
        report={"interactive": True, "languages": ["en"]},
        outcome=[{"name": text, "transform": "level", "primary": True, "unit": text, "label": {"en": text}}],
    )
    odd = CheckResult(curve.name, "?", "pass", text, {**curve.values, "outcome": text}, 1.0, rows)
    write_report(
        release(reports.evaluation(study=asked, checks=(odd,), effects=(reports.effects(asked, {text: 1.0}),))),
        tmp_path,
    )
    whole = page(tmp_path)
    island = ISLAND.search(whole)[1]
    assert not set(island) & set("<>&\u2028\u2029")
    assert text in json.dumps(json.loads(island), ensure_ascii=False).replace('\\"', '"')
    assert whole.count("<script") == whole.count("</script") == 2


def test_other_formats_know_nothing_of_it(both):
    text = (both[1] / "report.en.md").read_text(encoding="utf-8")
    assert "Sales" in text
    assert words("en")["interactive.point"] not in text
    assert "sha256-" not in text
