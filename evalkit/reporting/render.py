"""Write a release as files: results, tables, figures and one HTML page per language."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from markupsafe import Markup

from evalkit.model import store
from evalkit.model.evaluation import Release
from evalkit.model.plan import status_of
from evalkit.model.study_file import study_hash
from evalkit.reporting.disclosure.record import FILE, record
from evalkit.reporting.drawings import drawings
from evalkit.reporting.page import Cell, Page
from evalkit.reporting.sections import ORDER
from evalkit.reporting.sections.plan import warnings
from evalkit.reporting.tables import csv_tables, results
from evalkit.reporting.words import Words, words


def write_report(release: Release, folder: Path, languages: Sequence[str] | None = None) -> list[Path]:
    """Write `results.json`, `acro.json`, `report.<language>.html`, `figures/*` and `tables/*.csv`.

    Parameters
    ----------
    release : Release
        All that may be published.
    folder : Path
        Where to; files of the same name are replaced, each at once or not at all.
    languages : sequence of {"en", "ja"}, optional
        Which reports; those of the study when left out.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    ResourceError
        The disk is full (`E_NOSPACE`), or a font or a character is missing (`E_FONT`).
    """
    files: dict[str, bytes | str] = {}
    for language in languages or release.study.report.languages:
        page = Page(release, words(language), drawings(release, words(language)))
        files[f"report.{language}.html"] = html(page)
        for drawing in page.drawings.values():
            files[f"figures/{drawing.stem}.{language}.svg"] = drawing.svg
            files[f"figures/{drawing.stem}.{language}.png"] = drawing.png
    files |= {f"tables/{name}.csv": text for name, text in csv_tables(release).items()}
    for name, content in files.items():
        store.write_bytes(folder / name, content if isinstance(content, bytes) else content.encode())
    rows: dict[str, Any] = {"results.json": results(release), FILE: record(release)}
    for name, value in rows.items():
        store.write_json(folder / name, value)
    return [folder / name for name in (*rows, *files)]


def html(page: Page) -> str:
    """Return the whole report as one page that needs nothing else."""
    sections = [(name, import_module(f"evalkit.reporting.sections.{name}").render(page)) for name in ORDER]
    text = page.fill(
        "report.html.j2",
        title=page.words.pick(page.release.study.title, page.release.study.id),
        design=page.words["title.design_did" if page.release.study.match.method == "none" else "title.design_matched"],
        facts=_facts(page, page.words),
        warnings=warnings(page),
        hidden_note=page.say("page.hidden_note", threshold=page.number("study.threshold")),
        sections=sections,
    )
    return str(text)


def _facts(page: Page, words: Words) -> list[tuple[str, Cell]]:
    """Return what the title block says about the study."""
    first, last = (page.number(f"study.{end}_period") for end in ("first", "last"))
    return [
        (words["title.status"], _status(page)),
        (words["title.study"], page.release.study.id),
        (words["title.period"], page.say("title.period_range", first=first, last=last)),
        (words["title.fingerprint"], Markup("<code>{}</code>").format(study_hash(page.release.study)[:16])),
    ]


def _status(page: Page) -> Cell:
    """Say whether the plan was locked, and whether the run is as planned."""
    plan, status = page.release.plan, status_of(page.release.plan)
    if plan is None:
        return page.words["title.exploratory"]
    is_other = "_deviating" if plan.deviations else ""
    return page.say(f"title.{status}{is_other}", time=page.number("plan.time"))
