"""Who answers for the report, what the assurer says, what was decided, and until when it may be relied on."""

from markupsafe import Markup

from evalkit.reporting.page import Cell, Column, Page, Table, signed
from evalkit.reporting.sections.programme import told

ROLES = ("commissioner", "analyst", "assurer", "approver")


def render(page: Page) -> Markup:
    """Render the section."""
    words, study = page.words, page.release.study
    roles = [(words[f"signoff.{role}"], getattr(study.roles, role).strip() or words["page.not_said"]) for role in ROLES]
    dates = [
        (words["signoff.version"], study.edition.version or words["page.not_said"]),
        (words["signoff.date"], study.edition.date or words["page.not_said"]),
        (words["signoff.sunset"], study.edition.sunset or words["page.not_said"]),
    ]
    return page.fill(
        "signoff.html.j2", facts=[*roles, *dates], assurance=told(page, study.edition.assurance),
        is_assured=study.is_assured, decisions=_decisions(page),
    )  # fmt: skip


def _decisions(page: Page) -> Table | None:
    """Return the log of decisions."""
    words = page.words
    columns = [Column(words[f"signoff.{key}"], is_number=False) for key in ("decision", "why", "said")]
    rows: list[list[Cell]] = [
        [words.pick(d.text), words.pick(d.why) or words["page.not_said"], signed(d.by, d.date)]
        for d in page.release.study.decision
    ]
    return Table(words["signoff.decisions"], columns, rows) if rows else None
