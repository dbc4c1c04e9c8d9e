"""Each check with its verdict."""

from collections.abc import Sequence
from string import Formatter
from typing import Any

from markupsafe import Markup

from evalkit.model.check import CheckResult
from evalkit.model.evaluation import Row
from evalkit.model.study import Study
from evalkit.reporting.curve_by_choice import UNITS
from evalkit.reporting.effect_rows import outcome_of
from evalkit.reporting.numbers import MINUS
from evalkit.reporting.page import Cell, Column, Page, Table, Writer
from evalkit.reporting.points import choice_label
from evalkit.reporting.words import Words

ELSEWHERE = ("balance",)
"""Checks whose table stands in a section of its own."""
CHOICES = ("against", "adjustment", "scale", "winsor", "caliper", "firms", "without", "kind", "refuter")
"""Labels that name a choice of a specification, a kind of comparison, or a test."""
COHORTS, NEVER = ("cohort", "control_cohort"), 0
"""Labels that name the firms of one award year, and the one that stands for no award."""
COMPARISON = ("comparison", "lowest", "highest")
"""Labels that name a comparison group."""


def render(page: Page) -> Markup:
    """Render the section."""
    return page.fill("checks.html.j2", checks=[_entry(page, name) for name in page.release.checks])


def _entry(page: Page, name: str) -> dict[str, Any]:
    check, words, study = page.release.checks[name], page.words, page.release.study
    rows = [] if check.name in ELSEWHERE else page.release.tables[f"checks/{name}"]
    return {
        "name": name,
        "verdict": check.verdict,
        "short": by_choice(page, name),
        "title": words.method_title("checks", name),
        "question": words.get(f"method.checks.{check.name}.question", check.question),
        "text": sentence(page, name),
        "drawing": page.drawings.get(name),
        "table": details(page, study, words.method_title("checks", name), rows, check.name) if rows else None,
    }


def by_choice(page: Page, name: str) -> Table | None:
    """Return a specification curve in short, for pages on which all of it would be too long."""
    words, rows = page.words, page.release.tables.get(f"checks/{name}/choices", [])
    columns = [Column(words["specification_curve.choice"], is_number=False)]
    columns += [Column(words[f"specification_curve.{quantity}"]) for quantity in UNITS]
    label = choice_label(words)
    lines = [
        [
            label(row.labels["choice"], row.labels["value"])
            if row.labels["value"]
            else words["specification_curve.all"],
            *(page.cell(row, quantity) for quantity in UNITS),
        ]
        for row in rows
    ]
    return Table(words["specification_curve.by_choice"], columns, lines) if rows else None


def sentence(page: Page, name: str) -> Cell:
    """Word a released check."""
    check = page.release.checks[name]
    return worded(page, page.release.study, check, page.release.tables[f"checks/{name}/values"][0])


def worded(writer: Writer, study: Study | None, check: CheckResult, row: Row) -> Cell:
    """Word a check by its case; a case without words keeps the check's own English sentence.

    Parameters
    ----------
    writer : Writer
        The language, and the numbers of the row.
    study : Study or None
        What names outcomes and comparison groups.
    check : CheckResult
        Which check.
    row : Row
        Its values.
    """
    words = writer.words
    key = f"method.checks.{check.name}.sentence.{row.labels.get('case', '')}"
    if study is not None and study.match.method == "none" and words.get(f"{key}_unmatched", ""):
        key = f"{key}_unmatched"
    if words.get(f"{key}_hidden", "") and _names_hidden(writer, key, row):
        key = f"{key}_hidden"
    if words.get(key, ""):
        labels = {k: _label(words, study, k, v) for k, v in row.labels.items()}
        numbers = {quantity: writer.number(number_id) for quantity, number_id in row.numbers.items()}
        level = labels.get("level", "")
        characteristic = labels.get("covariate", "") + (f"{words['page.colon']}{level}" if level else "")
        return writer.say(key, **labels, **numbers, characteristic=characteristic)
    if not check.sentence:
        return words["checks.withheld"]
    return writer.cell(row, "sentence")


def _names_hidden(writer: Writer, key: str, row: Row) -> bool:
    """Say whether a sentence would name a number that is hidden."""
    named = [field for _, field, _, _ in Formatter().parse(writer.words[key]) if field in row.numbers]
    return not all(writer.tells(row, quantity) for quantity in named)


def _label(words: Words, study: Study | None, key: str, value: Any) -> str:  # noqa: ANN401
    """Put a label that names a part of the study into words."""
    outcomes = study.outcome if study is not None else ()
    if key == "outcome" and any(o.name == value for o in outcomes):
        return words.outcome(outcome_of(outcomes, value))
    if key == "method":
        return words.method_title("estimation", value)
    if key in COMPARISON:
        groups = study.comparison if study is not None else ()
        return words.pick(next((c.label for c in groups if c.name == value), {}), value)
    if key in CHOICES or (key in COHORTS and value == NEVER):
        return words.get(f"choices.{value or 'never_treated'}", str(value))
    if key == "dates":
        return str(value).replace(", ", words["page.list"])
    return words.column(value) if key in ("covariate", "clustered_by", "outcome") else _plain(words, value)


def _plain(words: Words, value: Any) -> str:  # noqa: ANN401
    """Write yes or no, a year counted from the award with a true minus, or a text as it is."""
    if isinstance(value, bool):
        return words["methods.yes" if value else "methods.no"]
    return str(value).replace("-", MINUS) if isinstance(value, int) else words.label(str(value))


def details(writer: Writer, study: Study | None, caption: str, rows: Sequence[Row], check: str = "") -> Table:
    """Return the table of a check, or of any rows: their labels, then their numbers under heads that name units."""
    words = writer.words
    labels = list(dict.fromkeys(key for row in rows for key in row.labels))
    quantities = list(dict.fromkeys(key for row in rows for key in row.numbers))
    quantities.sort(key=lambda q: q.replace("high", "low "))  # the low end of an interval first
    shared = {key: words.get(f"check_columns.{key}", key) for key in (*labels, *quantities)}
    heads = {key: words.get(f"check_columns_of.{check}.{key}", head) for key, head in shared.items()}
    columns = [Column(heads[key], is_number=key in quantities) for key in heads]
    blanks = {key: words.get(f"blank_labels.{key}", words["page.unknown"]) for key in labels}
    lines = [
        [
            *(_label(words, study, k, row.labels.get(k, "")) or blanks[k] for k in labels),
            *(writer.cell(row, q) for q in quantities),
        ]
        for row in rows
    ]
    return Table(caption, columns, lines)
