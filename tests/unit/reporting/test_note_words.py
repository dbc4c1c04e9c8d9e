"""What estimates tell of the firms and years that they leave out, in the words of the report."""

import dataclasses

import pytest
from markupsafe import Markup

import reports
from evalkit.reporting.page import Page
from evalkit.reporting.release import release
from evalkit.reporting.sections.flow import notes
from evalkit.reporting.words import words

SAID = {
    "firm_years_without_covariate:120": ("120 years of firms", "120件"),
    "time_varying_covariate:hours_worked": (
        "Time-varying covariates may be affected by the award", "支援そのものの影響を受けている可能性がある"
    ),
    "seen_once:25": ("25 firms are seen in fewer than two years", "2年度に満たない企業25社"),
    "no_comparison:2019-2021": ("in the years 2019-2021", "2019-2021年度"),
}  # fmt: skip


@pytest.mark.parametrize(("language", "place"), [("en", 0), ("ja", 1)])
@pytest.mark.parametrize("note", SAID)
def test_notes_of_regressions_are_sentences(note: str, language: str, place: int) -> None:
    asked = reports.study()
    effects = dataclasses.replace(reports.effects(asked), notes=(note,))
    page = Page(release(reports.evaluation(study=asked, effects=(effects,))), words(language), {})
    said = " ".join(Markup(getattr(line, "text", line)).striptags() for line in notes(page))
    assert SAID[note][place] in said
