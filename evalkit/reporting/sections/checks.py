"""Each check with its verdict."""

from string import Formatter
from typing import Any

from markupsafe import Markup

from evalkit.model.evaluation import Row
from evalkit.reporting.effect_rows import outcome_of
from evalkit.reporting.numbers import MINUS
from evalkit.reporting.page import Cell, Column, Page, Table

ELSEWHERE = ("balance",)
"""Checks whose table stands in a section of its own."""
CHOICES = ("against", "adjustment", "scale", "winsor", "caliper", "firms", "without", "kind", "refuter")
"""Labels that name a choice of a specification, a kind of comparison, or a test."""
COMPARISON = ("comparison", "lowest", "highest")
"""Labels that name a comparison group."""


def render(page: Page) -> Markup:
    """Render the section."""
    return page.fill("checks.html.j2", checks=[_entry(page, name) for name in page.release.checks])


def _entry(page: Page, name: str) -> dict[str, Any]:
    check, words = page.release.checks[name], page.words
    return {
        "verdict": check.verdict,
        "title": words.method_title("checks", name),
        "question": words.get(f"method.checks.{check.name}.question", check.question),
        "text": sentence(page, name),
        "drawing": page.drawings.get(name),
        "table": None if check.name in ELSEWHERE else _table(page, name),
    }


def sentence(page: Page, name: str) -> Cell:
    """Word a check by its case; a case without words keeps the check's own English sentence."""
    release = page.release
    check, row = release.checks[name], release.tables[f"checks/{name}/values"][0]
    key = f"method.checks.{check.name}.sentence.{row.labels.get('case', '')}"
    if release.study.match.method == "none" and page.words.get(f"{key}_unmatched", ""):
        key = f"{key}_unmatched"
    if page.words.get(f"{key}_hidden", "") and _names_hidden(page, key, row):
        key = f"{key}_hidden"
    if page.words.get(key, ""):
        labels = {k: _label(page, k, v) for k, v in row.labels.items()}
        numbers = {quantity: page.number(number_id) for quantity, number_id in row.numbers.items()}
        level = labels.get("level", "")
        characteristic = labels.get("covariate", "") + (f"{page.words['page.colon']}{level}" if level else "")
        return page.say(key, **labels, **numbers, characteristic=characteristic)
    if not check.sentence:
        return page.words["checks.withheld"]
    return page.cell(row, "sentence")


def _names_hidden(page: Page, key: str, row: Row) -> bool:
    """Say whether a sentence would name a number that is hidden."""
    named = [field for _, field, _, _ in Formatter().parse(page.words[key]) if field in row.numbers]
    return any(page.release.value(row, quantity) is None for quantity in named)


def _label(page: Page, key: str, value: Any) -> str:  # noqa: ANN401
    """Put a label that names a part of the study into words."""
    outcomes = page.release.study.outcome
    if key == "outcome" and any(o.name == value for o in outcomes):
        return page.words.outcome(outcome_of(outcomes, value))
    if key == "method":
        return page.words.method_title("estimation", value)
    if key in COMPARISON:
        return page.words.pick(next((c.label for c in page.release.study.comparison if c.name == value), {}), value)
    if key in CHOICES:
        return page.words.get(f"choices.{value}", str(value))
    return page.words.column(value) if key in ("covariate", "clustered_by") else _plain(page, value)


def _plain(page: Page, value: Any) -> str:  # noqa: ANN401
    """Write yes or no, a year counted from the award with a true minus, or a text as it is."""
    if isinstance(value, bool):
        return page.words["methods.yes" if value else "methods.no"]
    return str(value).replace("-", MINUS) if isinstance(value, int) else str(value)


def _table(page: Page, name: str) -> Table | None:
    rows = page.release.tables[f"checks/{name}"]
    if not rows:
        return None
    labels = list(dict.fromkeys(key for row in rows for key in row.labels))
    quantities = list(dict.fromkeys(key for row in rows for key in row.numbers))
    columns = [Column(_title(page, key), is_number=False) for key in labels]
    columns += [Column(_title(page, key)) for key in quantities]
    lines = [
        [*(_label(page, k, row.labels.get(k, "")) for k in labels), *(page.cell(row, q) for q in quantities)]
        for row in rows
    ]
    return Table(page.words.method_title("checks", name), columns, lines)


def _title(page: Page, key: str) -> str:
    return page.words.get(f"check_columns.{key}", key)
