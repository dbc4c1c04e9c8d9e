"""Tables for notebooks, as the report words them; each function returns a great-tables object (extra `notebook`)."""

import dataclasses
import importlib.util
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from evalkit.errors import MissingExtraError, UnknownNameError, did_you_mean
from evalkit.model.check import CheckResult
from evalkit.model.effects import Effects
from evalkit.model.evaluation import Release, Row
from evalkit.model.flow import Flow
from evalkit.model.study import Outcome
from evalkit.reporting.at_hand import of_check, of_effects, of_flow
from evalkit.reporting.disclosure.ledger import named
from evalkit.reporting.effect_rows import By, aggregations, effect_rows, main_scale, outcome_of
from evalkit.reporting.page import Cell, Column, Page, Table, Writer
from evalkit.reporting.sections import cost
from evalkit.reporting.sections.balance import covariates
from evalkit.reporting.sections.checks import by_choice, details, sentence, worded
from evalkit.reporting.sections.data import files, links, rules
from evalkit.reporting.sections.flow import notes, steps
from evalkit.reporting.words import Words, words

if TYPE_CHECKING:
    from great_tables import GT

__all__ = ["balance", "check", "checks", "effects", "flow", "released"]

TITLES = {
    "event_time": "event_study.event_time", "cohort": "cohorts.cohort", "year": "cohorts.year",
    "group": "subgroups.group",
}  # fmt: skip
"""Words of what effects are averaged by."""
SCALES = ("percent", "level")
CSS = """
#{id} .interval { display: block; font-size: .92em; color: #5a6472; }
#{id} .badge { padding: 0 .6em; border: 1px solid currentcolor; border-radius: 999px; white-space: nowrap; }
#{id} .badge.warn { background: #fdf4e0; }
#{id} .badge.fail { color: #fff; background: #a3211b; }
"""


def effects(found: Effects, by: By = "overall", outcome: str = "", language: str = "en", seed: int = 0) -> "GT":
    """Show averaged effects with their intervals, in per cent and in level.

    Parameters
    ----------
    found : Effects
        As an estimator returns them.
    by : {"overall", "event_time", "cohort", "year", "group"}
        What to average within; over event time the simultaneous band stands beside the interval.
    outcome : str
        Which outcome; all of them when empty.
    language : {"en", "ja"}
        Language of words and numbers.
    seed : int
        Key of the draws behind the simultaneous band; with the study's it is that of the report.

    Raises
    ------
    MissingExtraError
        great-tables is not installed.
    UnknownNameError
        There is no such outcome, or the effects are not told apart by this.
    """
    names = [o.name for o in found.outcomes]
    if outcome and outcome not in names:
        raise UnknownNameError(f"unknown outcome '{outcome}'", where="outcome", hint=did_you_mean(outcome, names))
    if by not in aggregations(found):
        raise UnknownNameError(f"'{found.method}' has no effects by '{by}'", where="by")
    asked = found.of(outcome) if outcome else found
    writer, rows = of_effects(effect_rows(asked, by, seed), found.outcomes, language)
    return _made(_effects(writer, rows, by, (named([found])[0][0], found.outcomes, f"{100 * found.level:g}%")))


def balance(result: CheckResult, language: str = "en") -> "GT":
    """Show the means of both groups, and their differences before and after matching, from a `balance` check."""
    if result.name != "balance":
        raise UnknownNameError(f"'{result.name}' is not a balance check", where="result")
    writer, rows = of_check(result.rows, language)
    is_matched = any(row["smd_before"] != row["smd_after"] for row in result.rows)
    return _made(covariates(writer, rows, is_matched=is_matched))


def check(result: CheckResult, language: str = "en") -> "GT":
    """Show the small table of one check."""
    writer, rows = of_check(result.rows, language)
    return _made(details(writer, None, writer.words.method_title("checks", result.name), rows, result.name))


def checks(results: CheckResult | Sequence[CheckResult], language: str = "en") -> "GT":
    """Show the verdict and the sentence of one or several checks."""
    text, lines = words(language), []
    for name, result in named([results] if isinstance(results, CheckResult) else results):
        values = {**result.values, "statistic": result.values.get("statistic", result.statistic)}
        writer, (row,) = of_check([values], language, result.sentence)
        lines.append(_verdict(text, name, result, worded(writer, None, result, row)))
    return _made(_verdicts(text, lines))


def flow(found: Flow, language: str = "en") -> "GT":
    """Show what each step kept, set aside and merged."""
    return _made(steps(*of_flow(found, language)))


def released(release: Release, table: str, language: str = "en") -> "GT":
    """Show a table of a release, in the form that the report prints it; hidden numbers are [X].

    Parameters
    ----------
    release : Release
        After disclosure control.
    table : str
        Any name in `release.tables`; "checks" for the verdicts and sentences of all checks.
    language : {"en", "ja"}
        Language of words and numbers.

    Raises
    ------
    MissingExtraError
        great-tables is not installed.
    UnknownNameError
        The release has no such table.
    """
    page, shown = Page(release, words(language), {}), ["checks", *release.tables]
    if table not in shown:
        hint = did_you_mean(table, shown)
        raise UnknownNameError(f"the release has no table '{table}' to show", where="table", hint=hint)
    return _made(_printed(page, table))


def _printed(page: Page, table: str) -> Table:
    """Return a table of a release as its section of the report prints it."""
    kind, *parts = table.split("/")
    rows = page.release.tables.get(table, [])
    printers: dict[str, Callable[[], Table]] = {
        "flow": lambda: steps(page, rows),
        "notes": lambda: _notes(page),
        "cost": lambda: _cost(page),
        "data": lambda: {"links": links, "rules": rules, "files": files}[parts[0]](page),
        "families": lambda: _families(page, parts[0], rows),
        "effects": lambda: _effects(page, rows, parts[1], (parts[0], page.release.study.outcome, page.confidence)),
        "checks": lambda: _checks(page, parts, rows),
    }
    return printers[kind]()


def _checks(page: Page, parts: Sequence[str], rows: Sequence[Row]) -> Table:
    """Return the verdicts of all checks, or that of one by its values, or a table of one."""
    text, release = page.words, page.release
    in_short = by_choice(page, parts[0]) if parts[1:] == ["choices"] else None
    if in_short:
        return in_short
    if len(parts) != 1:
        told = parts[:1] or release.checks
        return _verdicts(text, [_verdict(text, name, release.checks[name], sentence(page, name)) for name in told])
    if parts[0] == "balance":
        return covariates(page, rows, is_matched=release.study.match.method != "none")
    return details(page, release.study, text.method_title("checks", parts[0]), rows, release.checks[parts[0]].name)


def _notes(page: Page) -> Table:
    title = page.words["flow.notes"]
    return Table(title, [Column(title, is_number=False)], [[note] for note in notes(page)])


def _cost(page: Page) -> Table:
    """Return total effects and costs below what was awarded, or why no cost is told."""
    caption = Markup("{}{}{}").format(page.words["sections.cost"], page.words["page.colon"], cost.spent(page))
    return dataclasses.replace(cost.table(page), caption=caption)


def _families(page: Page, estimate: str, rows: Sequence[Row]) -> Table:
    """Return the adjusted p-values of one estimate by family of outcomes."""
    text = page.words
    columns = [Column(text[f"results.{key}"], is_number=False) for key in ("outcome", "family")]
    lines = [
        [
            text.outcome(outcome_of(page.release.study.outcome, row.labels["outcome"])),
            text[f"results.family_{row.labels['family']}"],
            page.cell(row, "p_value"),
        ]
        for row in rows
    ]
    return Table(text.method_title("estimation", estimate), [*columns, Column(text["results.p_adjusted"])], lines)


def _effects(writer: Writer, rows: Sequence[Row], by: str, of: tuple[str, Sequence[Outcome], Cell]) -> Table:
    """Return the table of effects; `of` is the estimate, its outcomes and the level of confidence."""
    text, (estimate, outcomes, confidence) = writer.words, of
    labels = [label for label in TITLES if any(label in row.labels for row in rows)]
    counts = [name for name in ("p_value", "n_treated", "n_control") if any(name in row.numbers for row in rows)]
    interval = Markup('{}<span class="interval">{}</span>')
    columns = [Column(text["results.outcome"], is_number=False)]
    columns += [Column(text[TITLES[label]], is_number=label != "group") for label in labels]
    columns += [
        Column(interval.format(text[f"results.{scale}"], writer.say("results.interval", confidence=confidence)))
        for scale in SCALES
    ]
    columns += [Column(text["event_study.simultaneous"])] if by == "event_time" else []
    columns += [Column(text[f"results.{name}"]) for name in counts]
    lines = []
    for row in rows:
        outcome = outcome_of(outcomes, row.labels["outcome"])
        line: list[Cell] = [text.outcome(outcome), *(str(row.labels.get(label, "")) for label in labels)]
        line += [writer.effect(row, scale) for scale in SCALES]
        scale = main_scale(outcome)
        line += [writer.interval(row, f"{scale}_band_low", f"{scale}_band_high")] if by == "event_time" else []
        lines.append([*line, *(writer.cell(row, name) for name in counts)])
    estimands = dict.fromkeys(text.get(f"estimands.{row.labels['estimand']}", row.labels["estimand"]) for row in rows)
    title = text.method_title("estimation", estimate)
    return Table(f"{title}{text['page.colon']}{text['page.list'].join(estimands)}", columns, lines)


def _verdicts(text: Words, lines: Sequence[Sequence[Cell]]) -> Table:
    titles = ("robustness.what", "robustness.verdict", "robustness.answer")
    return Table(text["sections.checks"], [Column(text[key], is_number=False) for key in titles], lines)


def _verdict(text: Words, name: str, result: CheckResult, answer: Cell) -> list[Cell]:
    badge = Markup('<span class="badge {}">{}</span>').format(result.verdict, text[f"checks.{result.verdict}"])
    return [text.method_title("checks", name), badge, answer]


def _made(table: Table) -> "GT":
    """Turn a printed table into one of great-tables; equal tables have equal bytes."""
    if importlib.util.find_spec("great_tables") is None:
        raise MissingExtraError("tables for notebooks need great-tables", hint="install evalkit[notebook]")
    import pandas as pd
    from great_tables import GT, html

    names = [f"column_{i}" for i in range(len(table.columns))]
    titles: dict[str, Any] = {name: html(str(escape(c.title))) for name, c in zip(names, table.columns, strict=True)}
    cells = [[str(escape(cell)) for cell in row] for row in table.rows]
    given = repr((str(table.caption), [str(c.title) for c in table.columns], cells))
    table_id = f"evalkit-{sha256(given.encode()).hexdigest()[:12]}"
    numbers = [name for name, c in zip(names, table.columns, strict=True) if c.is_number]
    made = GT(pd.DataFrame(cells, columns=names, dtype=object), id=table_id)
    made = made.fmt_passthrough(names, escape=False).cols_label(**titles).tab_header(html(str(escape(table.caption))))
    made = made.cols_align("left").cols_align("right", numbers) if numbers else made.cols_align("left")
    return made.opt_css(CSS.replace("{id}", table_id))
