"""The programme: aims, logic model, indicators."""

from markupsafe import Markup

from evalkit.model.study_programme import LOGIC, Indicator, Texts
from evalkit.reporting.page import Cell, Column, Page, Table


def render(page: Page) -> Markup:
    """Render the section."""
    words, programme = page.words, page.release.study.programme
    facts = [(words[f"programme.{key}"], told(page, getattr(programme, key))) for key in ("name", "authority")]
    columns = [Column(words["programme.step"], is_number=False), Column(words["programme.what"], is_number=False)]
    steps: list[list[Cell]] = [[words[f"programme.{key}"], told(page, getattr(programme, key))] for key in LOGIC]
    return page.fill(
        "programme.html.j2", facts=facts,
        objectives=[words.pick(text) for text in programme.objectives],
        logic=Table(words["programme.logic"], columns, steps),
        questions=[words.pick(text) for text in programme.questions], indicators=_indicators(page),
    )  # fmt: skip


def told(page: Page, texts: Texts) -> str:
    """Return a text of the study in the page's language, or that there is none."""
    return page.words.pick(texts).strip() or page.words["page.not_said"]


def _indicators(page: Page) -> Table | None:
    words, programme = page.words, page.release.study.programme
    columns = [
        Column(words[f"programme.{key}"], is_number=False) for key in ("indicator", "target", "source", "outcome")
    ]
    rows: list[list[Cell]] = [
        [words.pick(i.name), told(page, i.target), told(page, i.source), _outcome(page, i)]
        for i in programme.indicators
    ]
    return Table(words["programme.indicators"], columns, rows) if rows else None


def _outcome(page: Page, indicator: Indicator) -> str:
    """Name the outcome of this study that an indicator is."""
    found = next((o for o in page.release.study.outcome if o.name == indicator.outcome), None)
    return page.words.outcome(found) if found else page.words["page.unknown"]
