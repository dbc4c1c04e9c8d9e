"""What one unit of effect cost, where amounts are known and may be told."""

from markupsafe import Markup

from evalkit.model.evaluation import Row
from evalkit.reporting.effect_rows import outcome_of
from evalkit.reporting.numbers import YEN
from evalkit.reporting.page import Cell, Column, Page, Table
from evalkit.reporting.points import estimates
from evalkit.reporting.reading import reading_of


def render(page: Page) -> Markup:
    """Render the section."""
    told = table(page)
    is_weak = bool(told.rows) and not page.release.grade.is_causal
    return page.fill("cost.html.j2", spent=spent(page), table=told if told.rows else None, is_weak=is_weak)


def spent(page: Page) -> Markup:
    """Say what the firms were awarded, or why no cost is told."""
    whole = _whole(page)
    case = whole.labels["case"]
    said = page.say(
        f"cost.{case}", awarded=page.cell(whole, "awarded"), n_firms=page.cell(whole, "n_firms"),
        unknown=page.cell(whole, "unknown"),
    )  # fmt: skip
    if case != "known":
        return said
    counted = page.words["cost.all_awards" if whole.labels["is_path"] else "cost.first_awards"]
    return page.say("page.sentences", first=said, second=counted)


def table(page: Page) -> Table:
    """Return total effects and costs by outcome; without rows where no cost is told."""
    words = page.words
    keys = ("outcome", "firm_years", "total", "unit", "cost")
    columns = [Column(words[f"cost.{key}"], is_number=key in ("firm_years", "total", "cost")) for key in keys]
    lines = [_line(page, row) for row in page.release.tables["cost"][1:]]
    return Table(words["cost.caption"], columns, lines)


def _whole(page: Page) -> Row:
    return next(iter(page.release.tables["cost"]), Row({"case": "no_amounts", "is_path": False}, {}))


def _line(page: Page, row: Row) -> list[Cell]:
    words = page.words
    outcome = outcome_of(page.release.study.outcome, row.labels["outcome"])
    unit = words["cost.one_yen" if outcome.unit in YEN else "cost.one_unit"].format(
        unit=words.unit(outcome.unit).strip()
    )
    if _reading(page, outcome.name) == "not_held":
        return [words.outcome(outcome), page.cell(row, "firm_years"), page.unknown, unit, words["reading.not_held"]]
    return [words.outcome(outcome), page.cell(row, "firm_years"), page.effect(row, "total"), unit, _cost(page, row)]


def _cost(page: Page, row: Row) -> Cell:
    """Write the cost of one unit with its interval, which may lack its upper end."""
    if "cost" not in row.numbers:
        return page.words["cost.none"]
    cost = page.cell(row, "cost")
    if page.release.value(row, "cost") is None:
        return cost
    low = page.cell(row, "cost_low")
    interval = page.interval(row, "cost_low", "cost_high")
    if "cost_high" not in row.numbers:
        interval = page.say("cost.without_end", low=low)
    return Markup('{}<span class="interval">{}</span>').format(cost, interval)


def _reading(page: Page, outcome: str) -> str:
    name = estimates(page.release)[0]
    rows = page.release.tables[f"effects/{name}/overall"]
    return reading_of(page.release, next(row for row in rows if row.labels["outcome"] == outcome))
