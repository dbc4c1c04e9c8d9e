"""How alike the groups were before the award."""

from collections.abc import Sequence

from markupsafe import Markup

from evalkit.model.evaluation import Row
from evalkit.reporting.page import Column, Page, Table, Writer

BOTH = (
    "mean_treated_before", "mean_control_before", "smd_before", "mean_treated", "mean_control_after", "smd_after",
    "variance_ratio_after",
)  # fmt: skip
PLAIN = {
    "mean_treated_before": "mean_treated_plain", "mean_control_before": "mean_control_plain", "smd_before": "smd_plain",
    "variance_ratio_before": "variance_ratio_plain",
}  # fmt: skip
"""Columns without matching, where before and after are the same."""


def render(page: Page) -> Markup:
    """Render the section."""
    release = page.release
    is_matched = release.study.match.method != "none"
    firms = page.say(
        "balance.firms",
        n_treated=page.number("sample.n_treated"),
        n_control=page.number("sample.n_control"),
        effective=page.number("sample.effective_controls"),
    )
    rows = release.tables.get("checks/balance")
    table = covariates(page, rows, is_matched=is_matched) if rows else None
    return page.fill(
        "balance.html.j2", firms=firms, is_matched=is_matched, table=table, drawing=page.drawings.get("balance"),
        where=page.drawings.get("tile_map"),
    )  # fmt: skip


def covariates(writer: Writer, rows: Sequence[Row], *, is_matched: bool) -> Table:
    """Return the table of all characteristics; without matching, before and after are the same."""
    words = writer.words
    titles = {name: name for name in BOTH} if is_matched else PLAIN
    columns = [
        Column(words["balance.covariate"], is_number=False), *(Column(words[f"balance.{t}"]) for t in titles.values()),
    ]  # fmt: skip
    lines = []
    for row in rows:
        level = words.label(str(row.labels.get("level", "")))
        name = words.column(str(row.labels.get("covariate", "")))
        label = f"{name}{words['page.colon']}{level}" if level else name
        lines.append([label, *(writer.cell(row, quantity) for quantity in titles)])
    return Table(words["balance.caption" if is_matched else "balance.caption_plain"], columns, lines)
