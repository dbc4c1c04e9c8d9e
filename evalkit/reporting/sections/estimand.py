"""What is estimated, for whom and when, and what that rests on."""

from markupsafe import Markup

from evalkit.model.study_programme import Assumption
from evalkit.reporting.page import Cell, Column, Page, Table, signed


def render(page: Page) -> Markup:
    """Render the section."""
    words, study = page.words, page.release.study
    estimand = words.get(f"question.{study.match.options.get('estimand')}", words["question.att"])
    used = [("matching", study.match.method), *(("estimation", spec.method) for spec in study.estimate)]
    rests = [
        (words.method_title(kind, name), text)
        for kind, name in dict.fromkeys(used)
        if (text := words.get(f"method.{kind}.{name}.assumes", ""))
    ]
    when = page.say("estimand.when", anticipation=page.number("study.anticipation"))
    return page.fill("estimand.html.j2", estimand=estimand, when=when, rests=rests, log=_log(page))


def _log(page: Page) -> Table | None:
    """Return the log of assumptions."""
    words = page.words
    keys = ("assumption", "effect", "reliability", "why", "said")
    rows = [_line(page, one) for one in page.release.study.assumption]
    columns = [Column(words[f"estimand.{key}"], is_number=False) for key in keys]
    return Table(words["estimand.log"], columns, rows) if rows else None


def _line(page: Page, one: Assumption) -> list[Cell]:
    words = page.words
    return [
        words.pick(one.text),
        words[f"estimand.effect_{one.effect}"],
        words[f"estimand.reliability_{one.reliability}"],
        words.pick(one.why) or words["page.not_said"],
        signed(one.by, one.date),
    ]
