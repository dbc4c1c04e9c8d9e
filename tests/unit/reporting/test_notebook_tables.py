"""Tables for notebooks say what the report would say of the same numbers."""

import math
import re
from html.parser import HTMLParser

import pytest

import complete_reports
import evalkit as ek
import reports
from complete_reports import with_amounts
from evalkit.errors import MissingExtraError, UnknownNameError
from evalkit.model.check import CheckResult
from evalkit.model.evaluation import Inputs
from evalkit.model.flow import Flow, FlowStep
from evalkit.reporting.effect_rows import AGGREGATIONS, aggregations, effect_rows
from evalkit.reporting.numbers import shown
from evalkit.reporting.words import words

pytest.importorskip("great_tables")
HALF_A_DIGIT = 5.1e-3
"""Numbers have three digits, so that they are written within half of the last one."""
SIZES = {
    "%": 1, "pp": 1, "hours": 1, "asinh": 1, "JPY": 1, "thousand": 1e3, "million": 1e6, "billion": 1e9,
    "円": 1, "万円": 1e4, "億円": 1e8, "時間": 1, "%ポイント": 1, "（asinh尺度）": 1,
}  # fmt: skip


class Cells(HTMLParser):
    """The cells of a table's body, and whatever could act."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.heads, self.tags, self.attributes, self._open = [], [], set(), set(), False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._open = True
        elif tag == "span" and self._open:
            self.rows[-1][-1] += " "

    def handle_endtag(self, tag):
        self._open = self._open and tag not in ("td", "th")

    def handle_data(self, data):
        if self._open:
            self.rows[-1][-1] += data


def read(made):
    return Cells(made.as_raw_html())


def body(made, n_rows):
    return [[re.sub(r"\s+", " ", cell).strip() for cell in row] for row in read(made).rows[-n_rows:]]


def amounts(text):
    """Read all amounts of a cell back: "JPY 1.50 million", "−582万円", "0.10 pp"."""
    found = re.findall(r"(−?)(?:JPY )?(−?[\d,.]*\d)\s?(thousand|million|billion|億円|万円|円)?", text)
    return [
        (-1 if "−" in sign + digits else 1) * float(digits.replace(",", "").lstrip("−")) * SIZES.get(size, 1)
        for sign, digits, size in found
    ]


def is_written(text, values):
    """Say whether a cell has these values and no others."""
    told, wanted = amounts(text), [v for v in values if math.isfinite(v)]
    return len(told) == len(wanted) and all(
        math.isclose(a, b, rel_tol=HALF_A_DIGIT, abs_tol=HALF_A_DIGIT)
        or (abs(b) < 1e3 and math.isclose(a, b, abs_tol=0.051))
        for a, b in zip(told, wanted, strict=True)
    )


@pytest.fixture(scope="module")
def made():
    return reports.evaluation()


@pytest.fixture(scope="module")
def released(made):
    return ek.release(made)


@pytest.fixture(scope="module")
def whole():
    """A release with every table: files, links, cost."""
    return ek.release(complete_reports.evaluation(sample=with_amounts(reports.sample())))


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("by", ["overall", "event_time", "cohort", "year"])
def test_every_number_of_effects_is_that_of_the_rows(made, by, language):
    effects = made.effects[0]
    wanted = effect_rows(effects, by)
    lines = body(ek.tables.effects(effects, by, language=language), len(wanted))
    labels = [] if by == "overall" else [by]
    for row, (_, *cells) in zip(wanted, lines, strict=True):
        assert cells[: len(labels)] == [str(row[k]) for k in labels]
        percent, level, *rest = cells[len(labels) :]
        assert is_written(percent, [row[k] for k in ("percent", "percent_low", "percent_high")]), percent
        assert is_written(level, [row[k] for k in ("level", "level_low", "level_high")]), level
        if by == "event_time":
            scale = "percent" if row["outcome"] == "sales" else "level"
            assert is_written(rest.pop(0), [row[f"{scale}_band_low"], row[f"{scale}_band_high"]])
        p_value, n_treated, n_control = rest
        assert p_value == "<0.001" if row["p_value"] < 0.001 else is_written(p_value, [row["p_value"]])
        assert [n_treated, n_control] == [str(row["n_treated"]), str(row["n_control"])]


def test_a_wrong_number_would_be_seen():
    assert is_written("JPY 15.4 million JPY −13.3 million to JPY 17.5 million", [15.4e6, -13.3e6, 17.5e6])
    assert not is_written("JPY 15.4 million", [15.5e6])
    assert not is_written("5.1% 4.4% to 5.8%", [5.1, 4.4, 5.9])
    assert not is_written("5.1%", [5.1, 4.4])


def test_one_outcome_alone(made):
    lines = body(ek.tables.effects(made.effects[0], outcome="hours"), 1)
    assert lines[0][:3] == ["hours", "−5.0% −5.0% to −5.0%", "−2.00 hours −2.01 hours to −1.99 hours"]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_release_shows_the_same_as_the_records_behind_it(made, released, language):
    pairs = [
        (ek.tables.flow(made.flow, language), ek.tables.released(released, "flow", language)),
        (ek.tables.check(made.checks[1], language), ek.tables.released(released, "checks/overlap", language)),
    ]
    for by in aggregations(made.effects[0]):
        own = ek.tables.effects(made.effects[0], by, language=language, seed=made.study.seed)
        pairs.append((own, ek.tables.released(released, f"effects/group_time/{by}", language)))
    for own, told in pairs:
        seen = [[[re.sub(r"\s+", "", cell) for cell in row] for row in read(one).rows] for one in (own, told)]
        assert seen[0] == seen[1]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_table_of_a_release_is_shown_with_the_ids_of_its_numbers(whole, language):
    text = words(language)
    printed = set()
    for name in ("checks", *whole.tables):
        html = ek.tables.released(whole, name, language).as_raw_html()
        found = re.findall(r'data-ref="([^"]+)"[^>]*>([^<]*)<', html)
        assert bool(found) == any(row.numbers for row in whole.tables.get(name, [])) or name == "checks", name
        printed |= {number_id for number_id, _ in found}
        for number_id, told in found:
            assert told.replace("&lt;", "<") == shown(whole.numbers[number_id], text)
    parts = ("notes.", "cost.", "data.files.", "data.links.", "data.rules.", "families.")
    for part in parts:
        own = {i for i in whole.numbers if i.startswith(part)}
        assert own, part
        told = printed | {"cost.n_unknown"}  # printed only where it is why no cost is told
        if part == "notes.":  # a note of two estimates is printed once
            told |= {i for i in own if {k for k in printed & own if k.split(".")[2:] == i.split(".")[2:]}}
        assert own <= told, part


def test_hidden_numbers_stay_hidden():
    asked = reports.study()
    few = reports.effects(asked, cohorts={2018: 40, 2019: 30, 2020: 5})
    told = ek.release(reports.evaluation(effects=(few,)))
    lines = body(ek.tables.released(told, "effects/group_time/cohort"), 12)
    assert [line[1] for line in lines if line[3] == "[X]"] == ["2019", "2020"] * 4


@pytest.mark.parametrize(("language", "word", "badge"), [("en", "warning", "Sales"), ("ja", "注意", "売上高")])
def test_verdicts_are_words(language, word, badge):
    table = ek.tables.checks(reports.checks("warn"), language)
    lines = body(table, 3)
    assert [line[1] for line in lines] == [words(language)["checks.pass"]] * 2 + [word]
    assert "0.060" in lines[0][2]
    assert badge in lines[2][2]
    assert 'class="badge warn"' in table.as_raw_html()


def test_a_check_without_words_keeps_its_sentence():
    odd = CheckResult("odd", "?", "info", "Nothing <b>.", {"case": "odd"})
    assert body(ek.tables.checks(odd, "ja"), 1)[0][2] == "Nothing <b>."


def test_balance_of_a_sample_that_was_matched_has_both_stages(made):
    first = body(ek.tables.balance(made.checks[0]), 4)[0]
    assert first == ["Employees (log)", "3.10", "3.00", "0.120", "3.10", "3.00", "0.060", "1.050"]
    with pytest.raises(UnknownNameError, match="not a balance check"):
        ek.tables.balance(made.checks[1])


def test_equal_tables_have_equal_bytes(made):
    first, second = (ek.tables.effects(made.effects[0]).as_raw_html() for _ in range(2))
    assert first == second


def test_names_that_do_not_exist_are_refused(made, released):
    effects = made.effects[0]
    with pytest.raises(UnknownNameError, match="sales"):
        ek.tables.effects(effects, outcome="sale")
    with pytest.raises(UnknownNameError, match="no effects by 'group'"):
        ek.tables.effects(effects, "group")
    with pytest.raises(UnknownNameError, match="effects/group_time/overall"):
        ek.tables.released(released, "effects/group_time/overal")
    assert "group" in AGGREGATIONS


def test_a_missing_package_is_an_error_that_names_the_extra(made, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"evalkit\[notebook\]"):
        ek.tables.effects(made.effects[0])


@pytest.mark.parametrize("language", ["en", "ja"])
def test_nothing_in_a_table_acts_or_asks_for_anything(language):
    hostile = Flow((FlowStep("<script>alert(1)</script>", '"><img src=x>', 9, 9, reason="<a href=x>"),))
    links = [{**row, "programme": "<script>alert(2)</script>"} for row in complete_reports.LINKS]
    inputs = Inputs({"<img src=x>": "ab"}, tuple(links))
    told = ek.release(complete_reports.evaluation(flow=hostile, inputs=inputs))
    check = CheckResult("<b>", "?", "fail", "<script>", {"case": ""}, None, ({"<i>": "<img src=x>", "x": 1.0},))
    tables = [
        ek.tables.flow(hostile, language), ek.tables.checks(check, language), ek.tables.check(check, language),
        *(ek.tables.released(told, name, language) for name in ("checks", *told.tables)),
    ]  # fmt: skip
    for html in (made.as_raw_html() for made in tables):
        found = Cells(html)
        assert found.tags <= {"div", "style", "table", "thead", "tbody", "tr", "td", "th", "span", "code"}
        assert not {name for name in found.attributes if name.startswith("on") or name in ("src", "href")}
        assert not re.search(r"https?:|url\(|@import", html)
