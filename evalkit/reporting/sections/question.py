"""What was asked: programme, treatment date, population, outcomes."""

from markupsafe import Markup

from evalkit.model.study import Condition
from evalkit.reporting.page import Column, Page, Table


def render(page: Page) -> Markup:
    """Render the section."""
    study, words = page.release.study, page.words
    programme = words["page.list"].join(map(words.label, study.treatment.programme)) or words["question.all_programmes"]
    population = [_condition(page, c) for c in study.population.where] or [words["question.all_firms"]]
    covariates = words["page.list"].join(words.column(c.name) for c in study.baseline) or words["question.none"]
    period = page.say(
        "title.period_range", first=page.number("study.first_period"), last=page.number("study.last_period")
    )
    facts = [
        ("programme", [programme]), ("treated_from", [words["question.first_award"]]),
        ("anticipation", [page.number("study.anticipation")]), ("period", [period]),
        ("fiscal_year", [study.period.fiscal_year_start]), ("population", population),
        ("covariates", [covariates]),
    ]  # fmt: skip
    return page.fill(
        "question.html.j2", about=words.pick(study.about), outcomes=_outcomes(page),
        facts=[(words[f"question.{key}"], lines) for key, lines in facts],
    )  # fmt: skip


def _condition(page: Page, condition: Condition) -> str:
    """Put one condition on firms into words."""
    words = page.words
    column = words.column(condition.column)
    if condition.at == "baseline":
        column = words["question.condition_at"].format(column=column)
    if condition.among is not None:
        values = words["page.list"].join(map(words.label, map(str, condition.among)))
        return words["question.among"].format(column=column, values=values)
    key = "at_most" if condition.min is None else "at_least" if condition.max is None else "between"
    return words[f"question.{key}"].format(column=column, min=condition.min, max=condition.max)


def _outcomes(page: Page) -> Table:
    study, words = page.release.study, page.words
    columns = [
        Column(words[key], is_number=False) for key in ("question.outcome", "question.scale", "question.unit")
    ]  # fmt: skip
    rows = []
    for outcome in study.outcome:
        name = words.outcome(outcome)
        if outcome == study.primary:
            name = words["question.primary"].format(outcome=name)
        unit = words.unit(outcome.unit).strip() or words["page.unknown"]
        rows.append([name, words[f"scales.{outcome.transform}"], unit])
    return Table(words["question.outcomes"], columns, rows)
