"""What this edition is: design, plan, version and date, and all that it lacks."""

from itertools import groupby

from markupsafe import Markup

from evalkit.model.plan import status_of
from evalkit.model.study_file import study_hash
from evalkit.reporting.contract import Missing, contract
from evalkit.reporting.page import Cell, Page
from evalkit.reporting.sections import plan


def render(page: Page) -> Markup:
    """Render the section."""
    lacks = contract(page.release)
    kind = edition_kind(page, lacks)
    return page.fill(
        "status.html.j2",
        lead=page.words[f"status.{kind}_lead"],
        is_draft=kind == "draft",
        missing=_by_section(page, lacks),
    )


def edition_kind(page: Page, lacks: tuple[Missing, ...]) -> str:
    """Return "draft" when anything is missing or the study says so, else "final"."""
    return "draft" if lacks or page.release.study.edition.status == "draft" else "final"


def design(page: Page) -> str:
    """Name the design."""
    return page.words["title.design_did" if page.release.study.match.method == "none" else "title.design_matched"]


def facts(page: Page) -> list[tuple[str, Cell]]:
    """Return what the title block says about the study."""
    words, study = page.words, page.release.study
    first, last = (page.number(f"study.{end}_period") for end in ("first", "last"))
    kind = words[f"status.{edition_kind(page, contract(page.release))}"]
    version = study.edition.version
    return [
        (words["title.status"], _plan_status(page)),
        (words["status.edition"], page.say("page.with_kind", text=version, kind=kind) if version else kind),
        (words["status.date"], study.edition.date or page.unknown),
        (words["title.study"], study.id),
        (words["title.period"], page.say("title.period_range", first=first, last=last)),
        (words["title.fingerprint"], Markup("<code>{}</code>").format(study_hash(study)[:16])),
    ]


def warnings(page: Page) -> list[Cell]:
    """Return what stands on every page: that this is a draft, that it is out of date, and what the plan says."""
    words, study = page.words, page.release.study
    lines: list[Cell] = []
    lacks = contract(page.release)
    if lacks:
        lines.append(Markup('<a href="#status">{}</a>').format(words["status.draft_banner"]))
    elif study.edition.status == "draft":
        lines.append(words["status.draft_declared"])
    if study.edition.is_past_sunset:
        lines.append(page.say("status.past_sunset", sunset=study.edition.sunset, date=study.edition.date))
    return lines + plan.warnings(page)


def _plan_status(page: Page) -> Cell:
    """Say whether the plan was locked, and whether the run is as planned."""
    record, status = page.release.plan, status_of(page.release.plan)
    if record is None:
        return page.words["title.exploratory"]
    is_other = "_deviating" if record.deviations else ""
    return page.say(f"title.{status}{is_other}", time=page.number("plan.time"))


def _by_section(page: Page, lacks: tuple[Missing, ...]) -> list[tuple[str, str, str]]:
    """Return anchor, title and all that is missing of each section that lacks something."""
    words = page.words
    return [
        (
            section,
            words[f"sections.{section}"],
            words["page.list"].join(words[f"contract.{section}.{m.key}"] for m in own),
        )
        for section, own in groupby(lacks, key=lambda missing: missing.section)
    ]
