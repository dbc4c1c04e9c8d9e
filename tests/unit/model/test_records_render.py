"""Every record shows itself in a notebook: what an analyst wants to see first, and nothing that acts."""

import dataclasses
import re
from functools import cache
from html.parser import HTMLParser

import pytest

import evalkit as ek
import firms
import reports
from evalkit.model.check import CheckResult
from evalkit.model.evaluation import Evaluation, Release
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.rehearsal import Rehearsal
from evalkit.model.study import Outcome
from hostile import HOSTILE

RECORDS = ("Study", "Panel", "MatchedSample", "Effects", "CheckResult", "Flow", "Evaluation", "Release", "Rehearsal")
SEEN = 40
"""Letters of a name that are shown even where pandas cuts a long cell."""
TAGS = {"p", "b", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}


class Read(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.text = set[str](), set[str](), ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


@cache
def published() -> Release:
    return ek.release(reports.evaluation())


def records(name: str = "sales") -> dict[str, object]:
    """Return one of each record, called by a name wherever one may be given."""
    asked = reports.study()
    outcomes = (Outcome(name=name, transform="log", primary=True), *asked.outcome[1:])
    study = asked.model_copy(update={
        "title": {"en": name}, "outcome": outcomes,
        "treatment": asked.treatment.model_copy(update={"programme": (name,)}),
        "match": asked.match.model_copy(update={"method": name}),
    })  # fmt: skip
    effects = dataclasses.replace(reports.effects(study, {name: 0.05}), method=name)
    sample = dataclasses.replace(reports.sample(), method=name, estimand=name)
    panel = dataclasses.replace(sample.panel, outcomes=outcomes)
    check = CheckResult(name, name, "pass", name, {"case": "x"}, 1.0, ({name: name},))
    flow = Flow((FlowStep(name, name, 9, 8, 1, reason=name),))
    evaluation = Evaluation(study, flow, sample, (effects,), (check,), {})
    release = dataclasses.replace(published(), study=study, checks={name: check})
    rehearsal = Rehearsal("small", name, name, 0.05, 0.8, 200, 0.95, (), {}, {}, (), sentences={"en": name})
    made = (study, panel, sample, effects, check, flow, evaluation, release, rehearsal)
    return dict(zip(RECORDS, made, strict=True))


def html(record: object) -> str:
    return record._repr_html_()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(("record", "told"), [
    ("Study", ("small", "2016 to 2021", "sales (log)", "設備補助", "group_time")),
    ("Panel", ("150 firms (90 treated)", "2016 to 2021")),
    ("MatchedSample", ("90 treated, 60 controls", "0 firms dropped")),
    ("Effects", ("n_treated", "0.0500")),
    ("CheckResult", ("pass",)),
    ("Flow", ("quarantined", "9")),
    ("Evaluation", ("not for publication", "90 treated, 60 controls", "pass")),
    ("Release", ("hidden", "pass")),
    ("Rehearsal", ("small", "sales")),
])  # fmt: skip
def test_a_record_shows_what_matters_first(record: str, told: tuple[str, ...]) -> None:
    asked = reports.evaluation()
    own = {"Study": asked.study}.get(record) or records()[record]
    text = Read(html(own)).text
    assert [part for part in told if part not in text] == []


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_inert(name: str) -> None:
    for record, made in records(name).items():
        found = Read(html(made))
        assert found.tags <= TAGS, record
        assert found.attributes <= {"border", "class", "style"}, record
        if record not in ("Release", "Panel"):
            assert "".join(name.partition("\n")[0][:SEEN].split()) in "".join(found.text.split()), record


def test_no_firm_is_shown() -> None:
    frame = firms.frame(200)
    panel = firms.panel(frame)
    sample = ek.match(panel, "none")
    effects = ek.estimate(sample, "group_time")
    shown = "".join(html(record) for record in (panel, sample, effects, ek.check(sample, effects, "pretrends")))
    ids = {str(firm) for firm in panel.firm.to_pylist()}
    assert len(ids) == 200
    assert ids & set(re.findall(r"\w+", Read(shown).text)) == set()
    assert all("CANARY" not in html(record) for record in records().values())
