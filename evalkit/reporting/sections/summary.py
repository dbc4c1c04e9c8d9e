"""What the study found, in words bound to the intervals."""

from typing import Any

from markupsafe import Markup

from evalkit.model.evaluation import Row
from evalkit.model.study import Outcome
from evalkit.reporting.effect_rows import main_scale, outcome_of
from evalkit.reporting.grading import NOTED_MISSING_GAP
from evalkit.reporting.page import Column, Page, Table
from evalkit.reporting.points import averages, estimate_title, estimates
from evalkit.reporting.reading import reading_of
from evalkit.reporting.sections import plan
from evalkit.reporting.sections.checks import sentence

STATED = ("positive", "negative", "null")
"""Readings after which the effect is also put on its other scale."""

OBJECTIONS = ("fail", "warn")
"""Verdicts that are told in full; the first page names the other checks only."""


def render(page: Page) -> Markup:
    """Render the section."""
    return page.fill("summary.html.j2", main=headline(page), others=_others(page, _overall(page)), trust=_trust(page))


def headline(page: Page) -> dict[str, Any] | None:
    """Word the primary outcome of the first estimate, with its reading; None when it was not estimated."""
    rows, primary = _overall(page), page.release.study.primary.name
    first = next(iter(rows), "")
    return worded(page, first, rows[first][primary]) if primary in rows.get(first, {}) else None


def _overall(page: Page) -> dict[str, dict[str, Row]]:
    """Return the overall effects by estimate and outcome."""
    return {
        name: {r.labels["outcome"]: r for r in page.release.tables[f"effects/{name}/overall"]}
        for name in estimates(page.release)
    }


def worded(page: Page, estimate: str, row: Row) -> dict[str, Any]:
    """Word one overall effect, bound to its interval and to what the comparison can carry."""
    outcome = outcome_of(page.release.study.outcome, row.labels["outcome"])
    reading = reading_of(page.release, row)
    scale = main_scale(outcome)
    values = {
        "outcome": page.words.outcome(outcome),
        "effect": page.cell(row, scale),
        "interval": page.interval(row, f"{scale}_low", f"{scale}_high"),
        "confidence": page.cell(row, "confidence"),
        "detectable": page.cell(row, f"{scale}_detectable"),
    }
    is_weak = reading in STATED and not page.release.grade.is_causal
    text = page.say(f"summary.{reading}{'_difference' if is_weak else ''}", **values)
    based_on = page.say(
        "summary.based_on",
        method=estimate_title(page.release, page.words, estimate),
        n_treated=page.cell(row, "n_treated"),
        n_control=page.cell(row, "n_control"),
    )
    also = _other_scale(page, row, outcome) if reading in STATED else None
    return {"reading": reading, "text": text, "also": also, "based_on": based_on}


def _other_scale(page: Page, row: Row, outcome: Outcome) -> Markup | None:
    """Put the effect in level when it was told in per cent, and the other way round."""
    scale = "level" if main_scale(outcome) == "percent" else "percent"
    if scale not in row.numbers:
        return None
    return page.say(
        f"summary.in_{scale}",
        effect=page.cell(row, scale),
        interval=page.interval(row, f"{scale}_low", f"{scale}_high"),
        baseline=page.cell(row, "baseline"),
    )


def _others(page: Page, rows: dict[str, dict[str, Row]]) -> Table:
    """List every planned outcome of every estimate over all firms with its reading."""
    words = page.words
    columns = [
        Column(words["results.outcome"], is_number=False),
        Column(words["results.estimate"], is_number=False),
        Column(words["event_study.effect" if page.release.grade.is_causal else "summary.difference"]),
        Column(page.say("results.interval", confidence=page.confidence)),
        Column(words["results.reading"], is_number=False),
    ]
    lines = []
    for outcome in page.release.study.planned:
        for name in averages(page.release):
            if outcome.name in rows[name]:
                row, scale = rows[name][outcome.name], main_scale(outcome)
                reading = reading_of(page.release, row)
                is_stated = reading != "not_held"
                lines.append(
                    [
                        words.outcome(outcome),
                        estimate_title(page.release, words, name),
                        page.cell(row, scale) if is_stated else page.unknown,
                        page.interval(row, f"{scale}_low", f"{scale}_high") if is_stated else page.unknown,
                        words[f"reading.{reading}"],
                    ]
                )
    return Table(words["summary.others"], columns, lines)


def _missing(page: Page) -> list[Markup]:
    """Warn of outcomes that are missing more often in one group, where no check does."""
    numbers = page.release.numbers
    ids = [f"limits.missing_{group}" for group in ("treated", "control")]
    shares = [numbers[i].value for i in ids if i in numbers]
    known = [share for share in shares if isinstance(share, float)]
    if len(known) < len(ids) or any(check.name == "attrition" for check in page.release.checks.values()):
        return []
    if abs(known[0] - known[1]) <= NOTED_MISSING_GAP:
        return []
    return [page.say("summary.missing", treated=page.number(ids[0]), control=page.number(ids[1]))]


def _trust(page: Page) -> list[dict[str, Any]]:
    """List what checks object to, name those that do not, and say what no check can say."""
    release, words = page.release, page.words
    titles = {name: words.method_title("checks", name) for name in release.checks}
    lines: list[dict[str, Any]] = [
        {"verdict": check.verdict, "title": titles[name], "text": sentence(page, name)}
        for verdict in OBJECTIONS
        for name, check in release.checks.items()
        if check.verdict == verdict
    ]
    for verdict in ("pass", "info"):
        named = [titles[name] for name, check in release.checks.items() if check.verdict == verdict]
        if named:
            lines.append({"verdict": verdict, "title": "", "text": words["page.list"].join(named)})
    lines.append({"verdict": "", "title": "", "text": plan.graded(page)})
    lines += [{"verdict": "", "title": "", "text": text} for text in _missing(page)]
    tested = any(c.name == "pretrends" and c.verdict != "info" for c in release.checks.values())
    lines.append({"verdict": "", "title": "", "text": words["summary.if_alike" if tested else "summary.no_pretrends"]})
    if any(o.transform == "asinh" for o in release.study.outcome):
        lines.append({"verdict": "", "title": "", "text": words["summary.asinh"]})
    return lines
