"""The report as files: safe, complete, the same bytes everywhere."""

import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

import elsewhere
import reports
from evalkit.model.check import CheckResult
from evalkit.reporting.release import release
from evalkit.reporting.render import write_report
from evalkit.reporting.sections import ORDER

XSS = (
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)", "javascript:alert(1)",
    "</title><script>alert(1)</script>", "<svg onload=alert(1)>", "{{ 7 * 7 }}", "<a href=https://example.com>x</a>",
    "</style><script>alert(1)</script>", "]]><iframe src=//example.com></iframe>",
)  # fmt: skip
ACTIVE = {"script", "iframe", "object", "embed", "form", "base", "link", "img", "audio", "video"}
SCALE = {"億円": 1e8, "万円": 1e4, "円": 1, "billion": 1e9, "million": 1e6, "thousand": 1e3}


@pytest.fixture(scope="module")
def made():
    return release(reports.evaluation())


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("release")
    assert all(p.is_file() for p in write_report(made, path))
    return path


def _page(folder, language):
    return reports.Page((folder / f"report.{language}.html").read_text(encoding="utf-8"))


def _value(text):
    """Read a printed number back: its value, and half a unit of its last digit."""
    found = re.search(r"\d[\d,]*(\.\d+)?", text)
    digits = found[0].replace(",", "")
    decimals = len(digits.partition(".")[2])
    scale = next((v for k, v in SCALE.items() if k in text), 1)
    sign = -1 if text.startswith("−") else 1
    return sign * float(digits) * scale, 0.5 * 10.0**-decimals * scale


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_number_is_the_one_in_results_json(folder, language):
    known = {n["id"]: n for n in json.loads((folder / "results.json").read_text(encoding="utf-8"))}
    numbers = _page(folder, language).numbers
    assert len(numbers) > 200
    for reference, text in numbers:
        number = known[reference]
        if isinstance(number["value"], str):
            assert text == number["value"]
        elif number["value"] is None:
            assert text == "[X]"
        elif text.startswith("<"):
            assert number["value"] < float(text[1:])
        else:
            printed, half = _value(text)
            value = number["value"] * (100 if number["unit"] == "share" else 1)
            assert abs(printed - value) <= half * (1 + 1e-6), (reference, text, value)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_number_is_without_a_reference(folder, language):
    """Digits outside referenced numbers are labels: periods, event times, the study's own words."""
    page = _page(folder, language)
    labels = {str(y) for y in range(reports.FIRST, reports.LAST + 1)} | {str(e) for e in range(-10, 10)}
    for section in ("summary", "flow", "balance", "results", "event_study", "cohorts", "checks", "disclosure"):
        text = " ".join(page.text[section])
        assert set(re.findall(r"-?\d+(?:[.,]\d+)*", text)) <= labels | {"0.1"}, (
            section
        )  # 0.1: the limit drawn in the love plot


def test_results_are_sorted_and_complete(folder):
    numbers = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    ids = [n["id"] for n in numbers]
    assert ids == sorted(set(ids))
    assert {frozenset(n) for n in numbers} == {frozenset({"id", "value", "unit", "estimand", "outcome", "method"})}


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_page_needs_nothing_else(folder, language):
    text = (folder / f"report.{language}.html").read_text(encoding="utf-8")
    page = _page(folder, language)
    assert "http://" not in text
    assert "https://" not in text
    assert not {tag for tag, _ in page.tags} & ACTIVE
    policy = [a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:"]
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    inside = [a["href"] for _, a in page.tags if "href" in a]
    assert inside
    assert {i[1:] for i in inside if i.startswith("#")} <= set(ids)
    assert all(i.startswith("#") for i in inside)
    assert set(ORDER) <= set(ids)
    assert all(a.get("role") == "img" and a["aria-labelledby"] for t, a in page.tags if t == "svg")


@pytest.mark.parametrize("text", XSS)
def test_text_of_others_is_never_active(text, tmp_path):
    asked = reports.study(
        title={"en": text, "ja": text}, about={"en": text}, treatment={"programme": [text]},
        outcome=[{"name": text[:100], "transform": "log", "primary": True, "unit": text, "label": {"en": text}}],
        population={"where": [{"column": text, "in": [text]}]}, covariates={"baseline": [text]}, check=[],
    )  # fmt: skip
    own = CheckResult("mine", text, "info", text, {"case": text, "label": text}, rows=({"covariate": text, "x": 1.0},))
    flow = reports.Flow((reports.FlowStep(text, text, 100, 80, 20, reason=text),))
    made = release(reports.evaluation(
        study=asked, checks=(own,), flow=flow, effects=(reports.effects(asked, {text[:100]: 0.1}),),
        provenance={text: text},
    ))  # fmt: skip
    write_report(made, tmp_path, ["en"])
    page = reports.Page((tmp_path / "report.en.html").read_text(encoding="utf-8"))
    assert not {tag for tag, _ in page.tags} & ACTIVE
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("href", "src", "action"):
            assert (attributes.get(name) or "#").startswith("#")
    for path in (tmp_path / "figures").glob("*.svg"):
        drawn = _Tags(path.read_text(encoding="utf-8"))
        assert not {"script", "a", "image", "foreignobject"} & drawn.names
    table = (tmp_path / "tables" / "flow.csv").read_text(encoding="utf-8-sig")
    assert len(table.splitlines()) == 2


class _Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)


def _digests(folder):
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


SCRIPT = (
    "import reports; from pathlib import Path; from evalkit.reporting.release import release; "
    "from evalkit.reporting.render import write_report; write_report(release(reports.evaluation()), Path(sys.argv[2]))"
)


def test_same_bytes_on_another_day_in_another_place_time_zone_and_locale(folder, tmp_path):
    """All files of the pack, in both languages."""
    elsewhere.write_again(SCRIPT, tmp_path / "other")
    here, there = _digests(folder), _digests(tmp_path / "other")
    assert here == there
    assert {"report.en.html", "report.ja.html", "results.json"} <= set(there)


def test_languages_are_those_of_the_study_unless_asked_for(made, tmp_path):
    write_report(made, tmp_path, ["ja"])
    assert [p.name for p in tmp_path.glob("report.*")] == ["report.ja.html"]
