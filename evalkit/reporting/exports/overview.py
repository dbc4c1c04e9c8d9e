"""What a list of reports says of this one in both languages: title, finding, grade, status, effects, also by group."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from evalkit.model import store
from evalkit.model.evaluation import Release, Row
from evalkit.model.plan import status_of
from evalkit.model.study import Outcome
from evalkit.reporting.contract import contract
from evalkit.reporting.disclosure.ledger import part_of_id
from evalkit.reporting.effect_rows import main_scale, outcome_of
from evalkit.reporting.headline import headline
from evalkit.reporting.page import Cell, Page
from evalkit.reporting.points import estimate_title, estimates, group_label
from evalkit.reporting.reading import reading_of
from evalkit.reporting.sections import status
from evalkit.reporting.words import LANGUAGES, Words, words_of

NAME = "overview.json"
BY = ("overall", "group")
QUANTITIES = ("estimate", "std_error", "conf_low", "conf_high")


def text(release: Release) -> str:
    """Return the overview as JSON; every text stands there by language."""
    pages = {language: Page(release, words_of(release.study, language), {}) for language in LANGUAGES}
    grade = release.grade
    return store.json_text({
        "study": release.study.id,
        "title": {name: page.words.pick(release.study.title, release.study.id) for name, page in pages.items()},
        "headline": {name: headline(release, name) for name in LANGUAGES},
        "grade": {"sms": grade.sms, "proposed": grade.proposed, "oecd": grade.oecd},
        "plan": status_of(release.plan),
        "kind": status.edition_kind(pages["en"], contract(release)),
        "status": {name: [_plain(line) for line in status.warnings(page)] for name, page in pages.items()},
        "effects": [
            _effect(pages, name, by, row)
            for name in estimates(release)
            for by in BY
            for row in release.tables.get(f"effects/{name}/{by}", [])
        ],
    })  # fmt: skip


def _effect(pages: Mapping[str, Page], name: str, by: str, row: Row) -> dict[str, Any]:
    """Return one effect, overall or of a group: its numbers as released, and how the report words it."""
    release = pages["en"].release
    outcome = outcome_of(release.study.outcome, row.labels["outcome"])
    is_stated = reading_of(release, row) != "not_held"
    shown = {lang: page.cell(row, main_scale(outcome)) if is_stated else page.unknown for lang, page in pages.items()}
    return {
        "id": ".".join(map(part_of_id, (name, by, outcome.name, *([row.labels["group"]] if by == "group" else [])))),
        "outcome": {language: _about(page.words, outcome, row) for language, page in pages.items()},
        "method": {language: estimate_title(release, page.words, name) for language, page in pages.items()},
        "shown": {language: _plain(cell) for language, cell in shown.items()},
        **{quantity: release.value(row, quantity) for quantity in QUANTITIES},
    }


def _about(words: Words, outcome: Outcome, row: Row) -> str:
    """Say on what an effect is, and of which group of firms."""
    told = words.outcome(outcome)
    if "group" not in row.labels:
        return told
    return words["index.in_group"].format(outcome=told, group=group_label(words, row.labels["group"]))


def _plain(cell: Cell) -> str:
    return cell.striptags() if isinstance(cell, Markup) else cell
