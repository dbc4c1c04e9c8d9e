"""What the values are: prices, fiscal year, missing values, extremes."""

from markupsafe import Markup

from evalkit.model.study import Outcome
from evalkit.model.study_values import FiscalPeriods, Units
from evalkit.reporting.page import Cell, Column, Page, Table


def render(page: Page) -> Markup:
    """Render the section."""
    words, study = page.words, page.release.study
    columns = [
        Column(words[f"units_section.{key}"], is_number=False) for key in ("outcome", "unit", "zero", "extremes")
    ]
    rows = [_outcome(page, place, outcome) for place, outcome in enumerate(study.outcome)]
    facts: list[tuple[str, Cell]] = [
        (words["units_section.prices"], _prices(page)),
        (words["units_section.fiscal_year"], page.say("units_section.starts", day=study.period.fiscal_year_start)),
        (words["units_section.missing"], words["units_section.missing_rule"]),
        (words["units_section.periods"], _rule(page, "periods", study.fiscal_periods)),
        (words["units_section.jumps"], _rule(page, "jumps", study.units)),
    ]
    return page.fill("units.html.j2", facts=facts, table=Table(words["units_section.outcomes"], columns, rows))


def _prices(page: Page) -> Cell:
    deflate = page.release.study.deflate
    if deflate is None:
        return page.words["units_section.nominal"]
    columns = page.words["page.list"].join(map(page.words.column, deflate.columns))
    return page.say("units_section.real", base=page.number("units.price_base"), columns=columns)


def _rule(page: Page, kind: str, given: FiscalPeriods | Units | None) -> str:
    return page.words[f"units_section.{kind}_{given.action if given else 'none'}"]


def _outcome(page: Page, place: int, outcome: Outcome) -> list[Cell]:
    words = page.words
    is_logarithm = outcome.transform in ("log", "growth")
    extremes: Cell = words["units_section.as_they_are"]
    if outcome.winsor:
        low, high = (page.number(f"units.winsor.{place}.{end}") for end in ("low", "high"))
        extremes = page.say(f"units_section.winsor_{outcome.winsor_by}", low=low, high=high)
    return [
        words.outcome(outcome),
        words.unit(outcome.unit).strip() or words["page.not_said"],
        words[f"units_section.zero_{outcome.nonpositive}"] if is_logarithm else words["units_section.as_they_are"],
        extremes,
    ]
