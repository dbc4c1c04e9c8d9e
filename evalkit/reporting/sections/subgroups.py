"""Effects on groups of firms; those that were not planned are marked."""

from markupsafe import Markup

from evalkit.model.evaluation import Row
from evalkit.reporting.effect_rows import main_scale, outcome_of
from evalkit.reporting.page import Cell, Column, Page, Table
from evalkit.reporting.points import amount_unit, estimate_options, group_label
from evalkit.reporting.subgroups import is_planned, planned_but_absent, subgroup_rows


def render(page: Page) -> Markup:
    """Render the section."""
    words = page.words
    titles = [words[f"subgroups.{key}"] for key in ("group", "outcome")]
    columns = [Column(title, is_number=False) for title in titles]
    columns += [
        Column(words["event_study.effect"]),
        Column(words["results.p_value"]),
        Column(words["results.n_treated"]),
        Column(words["results.n_control"]),
        Column(words["subgroups.planned"], is_number=False),
    ]
    rows = [_line(page, name, row) for name, row in subgroup_rows(page.release)]
    table = Table(words["subgroups.caption"], columns, rows) if rows else None
    kinds = ("forest/", "dose_response/", "tile_map/")
    drawings = [drawing for name, drawing in page.drawings.items() if name.startswith(kinds)]
    absent = words["page.list"].join(planned_but_absent(page.release))
    return page.fill(
        "subgroups.html.j2",
        table=table,
        drawings=drawings,
        absent=page.say("subgroups.absent", groups=absent) if absent else "",
    )


def _divided_by(page: Page, estimate: str) -> str:
    """Name the category by which an estimate divides firms, or the estimate."""
    by = estimate_options(page.release, estimate).get("by")
    return page.words.column(by) if by else page.words.method_title("estimation", estimate)


def _line(page: Page, estimate: str, row: Row) -> list[Cell]:
    words, release = page.words, page.release
    outcome = outcome_of(release.study.outcome, row.labels["outcome"])
    group = str(row.labels["group"])
    unit = amount_unit(words, float(estimate_options(release, estimate).get("unit", 1)))
    planned = is_planned(release, estimate, group)
    mark: Cell = words["subgroups.is_planned"]
    if not planned:
        mark = Markup("<strong>{}</strong>").format(words["subgroups.is_not_planned"])
    return [
        f"{_divided_by(page, estimate)}{words['page.colon']}{group_label(words, group, unit)}",
        words.outcome(outcome),
        page.effect(row, main_scale(outcome)),
        page.cell(row, "p_value"),
        page.cell(row, "n_treated"),
        page.cell(row, "n_control"),
        mark,
    ]
